"""The first bytes of an HTJ2K RPCL frame are a picture of lower resolution (PS3.5 10.18)."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from struct import unpack_from

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile

from dicomweb_server.codec import table
from tests.datasets import SERIES, STUDY, dataset, part10
from tests.site import Site, open_site

RPCL = f"image/jphc; transfer-syntax={table.HTJ2K_RPCL}"
FRAME = f"/studies/{STUDY}/series/{SERIES}/instances/{SERIES}.7/frames/1"
SIDE = 1024
HEAD = 512
"""Bytes that a client asks for first: they hold the main header."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("resolutions")) as opened:
        rows, columns = np.indices((SIDE, SIDE))
        values = 2000 + 1500 * np.sin(rows / 40) * np.cos(columns / 31)
        noise = np.random.default_rng(7).integers(0, 64, (SIDE, SIDE))
        made = dataset(
            SOPInstanceUID=f"{SERIES}.7",
            Rows=SIDE,
            Columns=SIDE,
            BitsStored=12,
            HighBit=11,
            PixelData=(values + noise).astype("<u2").tobytes(),
        )
        assert opened.store([part10(made)]).status_code == 200
        yield opened


def part_of(site: Site, start: int, end: int) -> bytes:
    """Bytes of the frame, asked for with Range; end included."""
    response = site.get(FRAME, RPCL, Range=f"bytes={start}-{end}")
    assert response.status_code == 206, response.text
    assert response.headers["content-range"].startswith(f"bytes {start}-{end}/")
    assert response.headers["content-type"].startswith("image/jphc")
    return response.content


def resolutions(head: bytes) -> list[int]:
    """Bytes from the start of the stream to the end of each resolution: what TLM tells (A.7.1)."""
    place, lengths = 2, []
    while True:
        marker, length = unpack_from(">HH", head, place)
        if marker == 0xFF90:
            break
        if marker == 0xFF55:
            kind = head[place + 5]
            number, size = kind >> 4 & 3, 4 if kind & 0x40 else 2
            for entry in range(place + 6, place + 2 + length, number + size):
                at = entry + number
                lengths.append(int.from_bytes(head[at : at + size], "big"))
        place += 2 + length
    return [place + sum(lengths[: count + 1]) for count in range(len(lengths))]


def by_openjpeg(data: bytes, leave_out: int) -> NDArray[np.generic]:
    image = Jpeg2KImageFile(BytesIO(data))
    image.reduce = leave_out
    return np.asarray(image)


def test_the_first_bytes_are_a_lower_resolution(site: Site) -> None:
    ends = resolutions(part_of(site, 0, HEAD - 1))
    whole = site.get(FRAME, RPCL).content
    assert len(ends) >= 5
    assert ends == sorted(ends)
    assert len(whole) - 2 <= ends[-1] <= len(whole)
    for place, end in enumerate(ends[:-1]):
        leave_out = len(ends) - 1 - place
        side = SIDE >> leave_out
        first = part_of(site, 0, end - 1)
        assert first == whole[:end]
        expected = imagecodecs.htj2k_decode(whole, skipres=leave_out)
        assert expected.shape == (side, side)
        np.testing.assert_array_equal(imagecodecs.htj2k_decode(first, skipres=leave_out), expected)
        # OpenJPEG wants the end marker too.
        np.testing.assert_array_equal(
            by_openjpeg(first + b"\xff\xd9", leave_out), by_openjpeg(whole, leave_out)
        )


def test_a_quarter_of_the_side_needs_less_than_a_sixth_of_the_bytes(site: Site) -> None:
    ends = resolutions(part_of(site, 0, HEAD - 1))
    assert ends[-3] < ends[-1] / 6


def test_more_bytes_later_complete_the_frame(site: Site) -> None:
    whole = site.get(FRAME, RPCL).content
    ends = resolutions(whole[:HEAD])
    rest = site.get(FRAME, RPCL, Range=f"bytes={ends[-3]}-")
    assert rest.status_code == 206
    data = part_of(site, 0, ends[-3] - 1) + rest.content
    assert data == whole
    stored = imagecodecs.htj2k_decode(data)
    assert stored.shape == (SIDE, SIDE)
