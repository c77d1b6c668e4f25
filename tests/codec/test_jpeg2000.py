"""Codestreams of JPEG 2000 keep to what PS3.5 asks of them."""

from __future__ import annotations

from struct import unpack_from

import imagecodecs
import numpy as np
import pytest

from dicomweb_server.codec import table
from dicomweb_server.codec.raster import Samples
from dicomweb_server.codec.transcode import transcode
from dicomweb_server.errors import FrameUndecodable
from dicomweb_server.model.frame import Target
from tests.codec.phantoms import header, native_frame, samples_of

_RPCL = 2


def _markers(stream: bytes) -> dict[int, bytes]:
    """Segments of the main header."""
    found: dict[int, bytes] = {}
    place = 2
    while True:
        marker, length = unpack_from(">HH", stream, place)
        if marker == 0xFF90:
            return found
        found[marker] = stream[place + 4 : place + 2 + length]
        place += 2 + length


@pytest.mark.parametrize(("rows", "columns"), [(512, 512), (3000, 2000), (65, 5000), (30, 30)])
def test_rpcl_streams_have_what_ps3_5_10_18_asks_for(rows: int, columns: int) -> None:
    frame = native_frame(header(rows, columns, 12))
    markers = _markers(transcode(frame, Target(table.HTJ2K_RPCL)).data)
    coding = markers[0xFF52]
    progression, levels = coding[1], coding[5]
    assert progression == _RPCL
    assert min(rows, columns) >> levels <= 64
    assert max(rows, columns) >> levels <= 64
    assert 0xFF55 in markers, "tile-part lengths (TLM)"
    assert coding[9] == 1, "the reversible wavelet"
    lengths = (len(markers[0xFF55]) - 2) // 6
    assert lengths == levels + 1, "a tile-part for each resolution"


@pytest.mark.parametrize("syntax", [table.HTJ2K_LOSSLESS, table.HTJ2K_RPCL, table.HTJ2K])
def test_high_throughput_streams_tell_so(syntax: str) -> None:
    markers = _markers(transcode(native_frame(header(64, 64)), Target(syntax)).data)
    assert 0xFF50 in markers, "capabilities (CAP)"
    assert markers[0xFF51][0] & 0x40, "bit 14 of Rsiz"
    assert markers[0xFF52][8] & 0x40, "blocks of Part 15"


@pytest.mark.parametrize("bits", [1, 5, 8, 10, 12, 13, 16])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("syntax", [table.HTJ2K_LOSSLESS, table.J2K_LOSSLESS])
def test_streams_declare_bits_stored_and_sign(bits: int, signed: bool, syntax: str) -> None:
    if bits == 1 and signed:
        return
    pixel = header(70, 90, bits, signed=signed)
    stream = transcode(native_frame(pixel), Target(syntax)).data
    assert stream[42] == (0x80 if signed else 0) | bits - 1
    # OpenJPEG, which did not encode the high-throughput ones, reads the same values
    assert np.array_equal(imagecodecs.jpeg2k_decode(stream), samples_of(pixel))


@pytest.mark.parametrize("syntax", [table.J2K_LOSSLESS, table.HTJ2K_LOSSLESS])
@pytest.mark.parametrize(("colour", "mixed"), [("RGB", 1), ("YBR_FULL", 0)])
def test_only_rgb_goes_through_the_transform_of_components(
    syntax: str, colour: str, mixed: int
) -> None:
    done = transcode(native_frame(header(64, 64, colour=colour)), Target(syntax))
    assert _markers(done.data)[0xFF52][4] == mixed
    wanted = "YBR_RCT" if mixed else "YBR_FULL"
    assert done.pixel.photometric_interpretation == wanted


def test_a_coding_that_loses_bits_is_not_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = imagecodecs.htj2k_encode

    def careless(samples: Samples, level: float | None, **options: bool | int | None) -> bytes:
        spoilt = samples.copy()
        spoilt.flat[0] = 0 if spoilt.flat[0] else 1
        return bytes(sound(spoilt, level, **options))  # type: ignore[arg-type] # passed on

    monkeypatch.setattr(imagecodecs, "htj2k_encode", careless)
    frame = native_frame(header(64, 64))
    for syntax in (table.HTJ2K_LOSSLESS, table.HTJ2K_RPCL):
        with pytest.raises(FrameUndecodable, match="every bit"):
            transcode(frame, Target(syntax))
