"""Parts of frames equal the same parts of whole frames, and need less than those."""

from __future__ import annotations

from io import BytesIO

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dicomweb_server.codec import table
from dicomweb_server.codec.decode import decode
from dicomweb_server.codec.part import cut, decode_part
from dicomweb_server.codec.tiles import Box
from dicomweb_server.codec.transcode import transcode
from dicomweb_server.errors import FrameUndecodable
from dicomweb_server.model.frame import Frame, Target
from dicomweb_server.model.instance import PixelHeader
from tests.codec.phantoms import header, native_frame, samples_of


def _tiled(syntax: str) -> Frame:
    """A codestream of 6 x 5 tiles whose last ones are cut off."""
    pixel = header(501, 389, 8)
    if syntax == table.J2K_LOSSLESS:
        target = BytesIO()
        Image.fromarray(samples_of(pixel)).save(
            target, "JPEG2000", irreversible=False, tile_size=(70, 100), no_jp2=True
        )
        return Frame(pixel, syntax, target.getvalue())
    data = imagecodecs.htj2k_encode(samples_of(pixel), reversible=True, tile=(70, 100), tlm=True)
    return Frame(pixel, syntax, bytes(data))


TILED = {syntax: _tiled(syntax) for syntax in (table.J2K_LOSSLESS, table.HTJ2K_LOSSLESS)}


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(sorted(TILED)),
    st.integers(0, 388),
    st.integers(0, 500),
    st.integers(1, 400),
    st.integers(1, 520),
)
def test_tiles_that_a_part_touches_suffice(
    syntax: str, left: int, top: int, width: int, height: int
) -> None:
    frame = TILED[syntax]
    raster, x, y = decode_part(frame, left, top, width, height)
    wanted = samples_of(frame.pixel)[top : top + height, left : left + width]
    assert (x, y) == (left, top)
    assert np.array_equal(raster.samples, wanted)
    assert (raster.pixel.rows, raster.pixel.columns) == wanted.shape


@pytest.mark.parametrize("syntax", TILED)
def test_a_part_of_tiles_is_a_smaller_codestream(syntax: str) -> None:
    frame = TILED[syntax]
    smaller, left, top = cut(frame, Box(150, 210, 30, 30))
    assert (left, top) == (140, 200)
    assert (smaller.pixel.rows, smaller.pixel.columns) == (100, 70)
    assert len(smaller.data) < len(frame.data) / 15


@pytest.mark.parametrize(
    "pixel",
    [
        header(40, 30),
        header(40, 30, 12, signed=True),
        header(40, 30, colour="RGB"),
        header(40, 30, 1),
        header(40, 30, 32, 32),
    ],
)
def test_parts_of_native_and_other_frames(pixel: PixelHeader) -> None:
    frame = native_frame(pixel)
    for syntax in table.FORMS:
        if table.obstacle(frame.transfer_syntax, syntax, frame.pixel):
            continue
        done = transcode(frame, Target(syntax))
        raster, left, top = decode_part(done, 5, 7, 11, 100)
        assert (left, top) == (5, 7)
        assert np.array_equal(raster.samples, decode(done).samples[7:, 5:16])


def test_rows_of_a_native_frame_are_taken_alone() -> None:
    smaller, left, top = cut(native_frame(header(1000, 10, 16)), Box(3, 500, 2, 4))
    assert (left, top) == (0, 500)
    assert len(smaller.data) == 4 * 10 * 2


def test_a_part_outside_of_the_frame_is_refused() -> None:
    with pytest.raises(FrameUndecodable, match="outside"):
        decode_part(native_frame(header(10, 10)), 10, 0, 5, 5)


@pytest.mark.parametrize("syntax", TILED)
def test_tile_parts_that_are_cut_off_are_refused(syntax: str) -> None:
    frame = TILED[syntax]
    half = Frame(frame.pixel, syntax, frame.data[: len(frame.data) // 2])
    with pytest.raises(FrameUndecodable, match="cut off"):
        decode_part(half, 380, 490, 5, 5)
