"""Transcoding: lossless through every pair, lossy within the stated ratio, outcome foretold."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from struct import pack

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomweb_server.codec import declared, table
from dicomweb_server.codec.colour import in_colour
from dicomweb_server.codec.decode import decode
from dicomweb_server.codec.transcode import transcode
from dicomweb_server.errors import FrameUndecodable
from dicomweb_server.model.frame import Frame, Target
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.media import EXPLICIT_LITTLE, TRANSFER_SYNTAXES
from tests.codec.phantoms import header, native_frame, peak_to_noise, samples_of

LOSSLESS = tuple(syntax for syntax, form in table.FORMS.items() if not form.lossy)
LOSSY = tuple(syntax for syntax, form in table.FORMS.items() if form.lossy)
KINDS = {
    "8 bits": header(37, 53),
    "6 bits": header(40, 40, 6),
    "8 bits in 16": header(33, 35, 8, 16),
    "8 bits, signed": header(70, 61, 8, signed=True),
    "10 bits": header(37, 53, 10),
    "12 bits": header(513, 65, 12),
    "12 bits, signed": header(37, 53, 12, signed=True),
    "16 bits": header(64, 64, 16),
    "16 bits, signed": header(129, 130, 16, signed=True),
    "32 bits": header(20, 20, 32, 32),
    "1 bit": header(31, 17, 1),
    "RGB": header(33, 35, colour="RGB"),
    "RGB of 12 bits": header(33, 34, 12, colour="RGB"),
    "RGB of 16 bits": header(33, 34, 16, colour="RGB"),
    "YBR_FULL": header(33, 35, colour="YBR_FULL"),
    "palette": header(33, 35, colour="PALETTE COLOR"),
    "1 pixel": header(1, 1, 12),
    "1 pixel of colour": header(1, 1, colour="RGB"),
    "1 row": header(1, 700),
    "1 column": header(700, 1, 16, signed=True),
}
RATIOS = {
    table.JPEG_BASELINE: {100: 35, 90: 33, 50: 30},
    table.JPEG_EXTENDED: {100: 65, 90: 48, 50: 38},
    table.JPEG_LS_NEAR: {100: 49, 90: 48, 50: 33},
    table.J2K: {100: 50, 90: 49, 50: 42},
    table.HTJ2K: {100: 53, 90: 50, 50: 38},
}
"""Decibels of peak signal to noise that lossy coding keeps, for each quality (docs/pixels.md)."""


def _native(frame: Frame) -> Frame:
    return transcode(frame, Target(EXPLICIT_LITTLE))


@pytest.mark.parametrize("kind", KINDS)
def test_every_pair_of_lossless_syntaxes_keeps_every_bit(kind: str) -> None:
    frame = native_frame(KINDS[kind])
    passed = 0
    for first, second in product(LOSSLESS, LOSSLESS):
        if table.obstacle(EXPLICIT_LITTLE, first, frame.pixel):
            continue
        there = transcode(frame, Target(first))
        if table.obstacle(first, second, there.pixel):
            continue
        back = _native(transcode(there, Target(second)))
        assert back.data == frame.data, f"{first}, then {second}"
        bits = frame.pixel.bits_stored
        if table.JPEG_LS in (first, second):
            bits = table.ls_precision(frame.pixel)
        kept = replace(frame.pixel, bits_stored=bits, high_bit=bits - 1)
        assert back.pixel == kept, f"{first}, then {second}"
        passed += 1
    assert passed >= 9


@pytest.mark.parametrize("kind", KINDS)
def test_bits_stored_is_the_precision_of_a_jpeg_ls_stream(kind: str) -> None:
    """PS3.5 8.2.3; decoders make single bytes of 8 bits and fewer, and some fail below 8."""
    pixel = KINDS[kind]
    if table.obstacle(EXPLICIT_LITTLE, table.JPEG_LS, pixel):
        return
    done = transcode(native_frame(pixel), Target(table.JPEG_LS))
    assert declared.jpeg(done.data).bits == done.pixel.bits_stored == done.pixel.high_bit + 1
    fewest = 9 if pixel.bits_allocated == 16 else 8
    if pixel.rows * pixel.columns == 1:
        fewest = pixel.bits_allocated
    assert done.pixel.bits_stored == max(pixel.bits_stored, fewest)
    near = table.outcome(EXPLICIT_LITTLE, table.JPEG_LS_NEAR, pixel)
    if not table.obstacle(EXPLICIT_LITTLE, table.JPEG_LS_NEAR, pixel):
        lossy = transcode(native_frame(pixel), Target(table.JPEG_LS_NEAR))
        assert declared.jpeg(lossy.data).bits == near.bits_stored


@pytest.mark.parametrize("kind", KINDS)
def test_the_outcome_is_what_was_foretold(kind: str) -> None:
    frame = native_frame(KINDS[kind])
    for first, second in product(table.FORMS, table.FORMS):
        if table.obstacle(EXPLICIT_LITTLE, first, frame.pixel):
            continue
        there = transcode(frame, Target(first))
        assert there.transfer_syntax == first
        assert there.pixel == table.outcome(EXPLICIT_LITTLE, first, frame.pixel)
        if table.obstacle(first, second, there.pixel):
            continue
        done = transcode(there, Target(second))
        assert done.pixel == table.outcome(first, second, there.pixel), f"{first}, then {second}"
        raster = decode(done)
        assert raster.pixel == table.decoded(second, done.pixel)


@pytest.mark.parametrize(("syntax", "quality"), [(s, q) for s in LOSSY for q in (100, 90, 50)])
def test_lossy_syntaxes_stay_within_their_ratio(syntax: str, quality: int) -> None:
    for kind, pixel in KINDS.items():
        if table.obstacle(EXPLICIT_LITTLE, syntax, pixel) or pixel.rows * pixel.columns < 1000:
            continue
        if pixel.bits_stored < 8:  # few values: the ratio of steps to range is another one
            continue
        done = transcode(native_frame(pixel), Target(syntax, quality))
        native = _native(done)
        if native.pixel.photometric_interpretation != pixel.photometric_interpretation:
            continue  # another colour space; see the test of baseline JPEG below
        found = decode(native).samples
        ratio = peak_to_noise(found, samples_of(pixel), pixel.bits_stored)
        assert ratio >= RATIOS[syntax][quality], f"{kind}: {ratio:.1f} dB"


def test_lower_quality_takes_fewer_bytes() -> None:
    for syntax in LOSSY:
        bits = 12 if syntax == table.JPEG_EXTENDED else 8
        frame = native_frame(header(256, 256, bits))
        sizes = [
            len(transcode(frame, Target(syntax, quality)).data) for quality in (1, 40, 80, 100)
        ]
        assert sizes == sorted(sizes)
        assert sizes[0] < sizes[-1]


def test_colour_goes_through_baseline_jpeg_as_luminance_and_chroma() -> None:
    pixel = header(64, 66, colour="RGB")
    done = transcode(native_frame(pixel), Target(table.JPEG_BASELINE, 95))
    assert done.pixel.photometric_interpretation == "YBR_FULL_422"
    raster = decode(done)
    assert raster.pixel.photometric_interpretation == "YBR_FULL"
    red, green, blue = (samples_of(pixel)[..., n].astype(float) for n in range(3))
    luminance = 0.299 * red + 0.587 * green + 0.114 * blue
    assert np.abs(raster.samples[..., 0].astype(float) - luminance).mean() < 3


def test_a_stream_of_ycbcr_that_poses_as_rgb_becomes_rgb() -> None:
    pixel = header(64, 66, colour="RGB")
    jpeg = transcode(native_frame(pixel, 0), Target(table.JPEG_BASELINE, 100))
    posing = Frame(pixel, table.JPEG_BASELINE, jpeg.data)
    assert decode(posing).pixel.photometric_interpretation == "YBR_FULL"
    native = _native(posing)
    assert native.pixel.photometric_interpretation == "RGB"
    assert peak_to_noise(decode(native).samples, samples_of(pixel, 0), 8) > 30


def test_a_stream_of_rgb_that_poses_as_ycbcr_becomes_ycbcr() -> None:
    pixel = header(64, 66, colour="RGB")
    coded = transcode(native_frame(pixel), Target(table.JPEG_LOSSLESS_SV1))
    posing = Frame(header(64, 66, colour="YBR_FULL"), coded.transfer_syntax, coded.data)
    assert decode(posing).pixel.photometric_interpretation == "RGB"
    native = _native(posing)
    assert native.pixel.photometric_interpretation == "YBR_FULL"
    back = in_colour(decode(native), "RGB")
    assert np.abs(back.samples.astype(int) - samples_of(pixel)).max() <= 2


def test_partial_range_becomes_full_range() -> None:
    pixel = header(1, 2, colour="YBR_PARTIAL_422")
    white = transcode(Frame(pixel, EXPLICIT_LITTLE, bytes((235, 16, 128, 128))), Target(table.RLE))
    assert white.pixel.photometric_interpretation == "YBR_FULL"
    assert decode(white).samples.tolist() == [[[255, 128, 128], [0, 128, 128]]]


def test_subsampled_native_chroma_is_expanded() -> None:
    pixel = header(1, 4, colour="YBR_FULL_422")
    frame = Frame(pixel, EXPLICIT_LITTLE, bytes((1, 2, 30, 40, 5, 6, 70, 80)))
    done = transcode(frame, Target(table.RLE))
    assert done.pixel.photometric_interpretation == "YBR_FULL"
    wanted = [[[1, 30, 40], [2, 30, 40], [5, 70, 80], [6, 70, 80]]]
    assert decode(done).samples.tolist() == wanted


def test_planes_of_native_frames_come_together() -> None:
    pixel = replace(header(1, 2, colour="RGB"), planar_configuration=1)
    done = transcode(Frame(pixel, EXPLICIT_LITTLE, bytes(range(6))), Target(table.JPEG_LS))
    assert done.pixel.planar_configuration == 0
    assert decode(done).samples.tolist() == [[[0, 2, 4], [1, 3, 5]]]


def test_floating_point_pixels_stay_native() -> None:
    pixel = replace(header(1, 1, 32, 32), tag=0x7FE00008)
    frame = Frame(pixel, EXPLICIT_LITTLE, pack("<f", 1.5))
    assert decode(frame).samples.tolist() == [[1.5]]
    assert _native(frame) is frame
    for syntax in table.FORMS:
        if syntax != EXPLICIT_LITTLE:
            assert "floating point" in table.obstacle(EXPLICIT_LITTLE, syntax, pixel)
    double = replace(pixel, bits_allocated=64, tag=0x7FE00009)
    assert decode(Frame(double, EXPLICIT_LITTLE, pack("<d", -2.5))).samples.tolist() == [[-2.5]]


def test_the_same_transfer_syntax_leaves_the_bytes_alone() -> None:
    frame = Frame(header(8, 8), table.JPEG_LS, b"no stream at all")
    assert transcode(frame, Target(table.JPEG_LS)) is frame


def test_unused_bits_are_removed_and_high_bits_come_down() -> None:
    pixel = PixelHeader(1, 2, 1, 16, 12, 15, 0, 0, "MONOCHROME2", 1, 0x7FE00010)
    done = transcode(
        Frame(pixel, EXPLICIT_LITTLE, b"\x3f\x12\xff\xff"), Target(table.JPEG_LOSSLESS_SV1)
    )
    assert done.pixel.high_bit == 11
    assert decode(done).samples.tolist() == [[0x123, 0xFFF]]


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize("kind", ["8 bits", "16 bits", "RGB", "RGB of 16 bits", "12 bits"])
def test_noise_that_grows_keeps_every_bit(syntax: str, kind: str) -> None:
    pixel = replace(KINDS[kind], rows=128, columns=130)
    length = len(native_frame(pixel).data)
    noise = np.frombuffer(np.random.default_rng(1).bytes(length), f"u{pixel.bits_allocated // 8}")
    frame = Frame(pixel, EXPLICIT_LITTLE, (noise & ((1 << pixel.bits_stored) - 1)).tobytes())
    assert _native(transcode(frame, Target(syntax))).data == frame.data


def test_near_lossless_values_beyond_bits_stored_are_told() -> None:
    done = transcode(native_frame(header(64, 64, 12)), Target(table.JPEG_LS_NEAR, 50))
    assert (done.pixel.bits_stored, done.pixel.high_bit) == (16, 15)


@st.composite
def pixels(draw: st.DrawFn) -> PixelHeader:
    """Descriptions of small frames of every kind, likely and unlikely ones."""
    allocated = draw(st.sampled_from((1, 8, 16, 32)))
    stored = draw(st.integers(1, allocated))
    colour = draw(
        st.sampled_from(("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "YBR_FULL"))
    )
    return PixelHeader(
        rows=draw(st.integers(1, 40)),
        columns=draw(st.integers(1, 40)),
        samples_per_pixel=3 if colour in ("RGB", "YBR_FULL") else 1,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=stored - 1,
        pixel_representation=draw(st.integers(0, 1)) if allocated > 1 else 0,
        planar_configuration=0,
        photometric_interpretation=colour,
        number_of_frames=1,
        tag=0x7FE00010,
    )


@settings(deadline=None, max_examples=150)
@given(pixels(), st.sampled_from(sorted(table.FORMS)), st.sampled_from(sorted(table.FORMS)))
def test_what_has_no_obstacle_works_and_the_rest_is_refused(
    pixel: PixelHeader, first: str, second: str
) -> None:
    if table.undecodable(EXPLICIT_LITTLE, pixel):
        return
    frame = native_frame(pixel)
    for target in (first, second):
        foretold = table.obstacle(frame.transfer_syntax, target, frame.pixel)
        if foretold:
            with pytest.raises(FrameUndecodable) as caught:
                transcode(frame, Target(target))
            assert foretold in caught.value.detail
            return
        wanted = table.outcome(frame.transfer_syntax, target, frame.pixel)
        frame = transcode(frame, Target(target))
        assert frame.pixel == wanted
    if not (table.FORMS[first].lossy or table.FORMS[second].lossy):
        assert decode(frame).samples.tolist() == samples_of(pixel).tolist()


def test_video_is_an_obstacle_even_to_itself() -> None:
    for syntax in TRANSFER_SYNTAXES:
        if ".4.10" in syntax and "." + syntax.rsplit(".")[-1] != ".110":
            assert "video" in table.obstacle(syntax, syntax, header(8, 8))
            assert "video" in table.obstacle(EXPLICIT_LITTLE, syntax, header(8, 8))
