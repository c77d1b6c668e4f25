"""Frames that lie about their size are refused by their headers, with a reason (T11)."""

from __future__ import annotations

import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import replace
from struct import pack, pack_into

import imagecodecs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomweb_server.codec import declared, table
from dicomweb_server.codec.declared import Coding
from dicomweb_server.codec.declared_jxl import jpeg_xl
from dicomweb_server.codec.decode import decode
from dicomweb_server.codec.transcode import transcode
from dicomweb_server.errors import FrameUndecodable
from dicomweb_server.model.frame import Frame, Target
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.media import DEFLATED_FRAMES, EXPLICIT_LITTLE
from tests.codec.phantoms import header, native_frame, samples_of

GREY = header(48, 64)
COLOUR = header(48, 64, colour="RGB")
COMPRESSED = tuple(syntax for syntax in table.FORMS if syntax != EXPLICIT_LITTLE)


def _frame(syntax: str, pixel: PixelHeader = GREY) -> Frame:
    if syntax == table.JPEG_EXTENDED:
        pixel = replace(pixel, bits_allocated=16, bits_stored=12, high_bit=11)
    return transcode(native_frame(pixel), Target(syntax))


def _refused(frame: Frame) -> str:
    with pytest.raises(FrameUndecodable) as caught:
        decode(frame)
    return caught.value.detail


def _with(data: bytes, form: str, offset: int, *values: int) -> bytes:
    changed = bytearray(data)
    pack_into(form, changed, offset, *values)
    return bytes(changed)


@pytest.mark.parametrize("syntax", COMPRESSED)
@pytest.mark.parametrize(("rows", "columns"), [(47, 64), (48, 65), (96, 128), (24, 32)])
def test_another_size_than_the_data_set_says_is_refused(
    syntax: str, rows: int, columns: int
) -> None:
    frame = _frame(syntax)
    assert _refused(replace(frame, pixel=replace(frame.pixel, rows=rows, columns=columns)))


CODESTREAMS = tuple(
    syntax
    for syntax in COMPRESSED
    if syntax not in (DEFLATED_FRAMES, table.RLE) and ".1.98" not in syntax
)


@pytest.mark.parametrize("syntax", CODESTREAMS)
def test_both_sizes_are_told(syntax: str) -> None:
    frame = _frame(syntax)
    detail = _refused(replace(frame, pixel=replace(frame.pixel, columns=63)))
    assert "48 x 64" in detail
    assert "48 x 63" in detail


@pytest.mark.parametrize("syntax", CODESTREAMS)
def test_another_number_of_samples_is_refused(syntax: str) -> None:
    frame = _frame(syntax)
    pixel = replace(frame.pixel, samples_per_pixel=3, photometric_interpretation="RGB")
    assert "samples per pixel" in _refused(replace(frame, pixel=pixel))


@pytest.mark.parametrize("syntax", CODESTREAMS)
def test_samples_wider_than_the_bits_allocated_are_refused(syntax: str) -> None:
    bits = 12 if syntax == table.JPEG_EXTENDED else 16
    if table.obstacle(EXPLICIT_LITTLE, syntax, header(48, 64, bits)):
        return  # there is no wider form of that transfer syntax
    frame = _frame(syntax, header(48, 64, bits))
    pixel = replace(frame.pixel, bits_allocated=8, bits_stored=8, high_bit=7)
    assert "bits in a sample" in _refused(replace(frame, pixel=pixel))


def test_a_jpeg_with_two_frame_headers_is_refused() -> None:
    data = _frame(table.JPEG_BASELINE).data
    start = data.index(b"\xff\xc0")
    segment = data[start : start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")]
    twice = data[:start] + _with(segment, ">HH", 5, 60_000, 60_000) + data[start:]
    assert "more than one image" in _refused(Frame(GREY, table.JPEG_BASELINE, twice))


def test_progressive_jpeg_is_refused() -> None:
    data = _frame(table.JPEG_BASELINE).data.replace(b"\xff\xc0", b"\xff\xc2", 1)
    assert "progressive" in _refused(Frame(GREY, table.JPEG_BASELINE, data))


@pytest.mark.parametrize(
    ("offset", "form", "values", "reason"),
    [
        (24, ">II", (0, 64), "area that cannot be"),
        (8, ">II", (0, 0), "area that cannot be"),
        (43, "BB", (2, 2), "subsampled"),
        (42, "B", (11,), "bits in a sample"),
        (40, ">H", (16_384,), "damaged|differ|samples per pixel"),
    ],
)
def test_main_headers_of_jpeg_2000_that_cannot_be(
    offset: int, form: str, values: tuple[int, ...], reason: str
) -> None:
    data = _with(_frame(table.J2K_LOSSLESS).data, form, offset, *values)
    detail = _refused(Frame(GREY, table.J2K_LOSSLESS, data))
    assert any(word in detail for word in reason.split("|"))


def test_too_many_tiles_are_refused() -> None:
    pixel = header(600, 600)
    frame = _frame(table.J2K_LOSSLESS, pixel)
    data = _with(frame.data, ">II", 24, 1, 1)
    assert "360000 tiles" in _refused(Frame(pixel, table.J2K_LOSSLESS, data))


@pytest.mark.parametrize("syntax", CODESTREAMS)
def test_a_bomb_is_refused_before_anything_is_allocated(syntax: str) -> None:
    frame = _frame(syntax)
    if syntax.startswith("1.2.840.10008.1.2.4.9") or ".4.20" in syntax:
        data = _with(frame.data, ">II", 8, 60_000, 60_000)
        data = _with(data, ">II", 24, 60_000, 60_000)
    else:
        data = frame.data
        for marker in (b"\xff\xc0", b"\xff\xc1", b"\xff\xc3", b"\xff\xf7"):
            if marker in data:
                data = _with(data, ">HH", data.index(marker) + 5, 60_000, 60_000)
                break
    tracemalloc.start()
    detail = _refused(replace(frame, data=data))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "60000 x 60000" in detail
    assert most < 1_000_000


def test_a_data_set_that_agrees_with_a_bomb_meets_the_limit_of_a_frame() -> None:
    frame = replace(_frame(table.JPEG_LS), pixel=header(60_000, 60_000, 16))
    assert "more than 536870912" in _refused(frame)


def test_segments_of_rle_that_lie_are_refused() -> None:
    data = _frame(table.RLE).data
    assert "2 RLE segments" in _refused(Frame(GREY, table.RLE, _with(data, "<I", 0, 2)))
    assert "ascend" in _refused(Frame(GREY, table.RLE, _with(data, "<I", 4, 0)))
    assert "ascend" in _refused(Frame(GREY, table.RLE, _with(data, "<I", 4, 2**31)))
    bomb = pack("<16I", 1, 64, *(0,) * 14) + b"\x81\x00" * 100_000
    assert "RLE" in _refused(Frame(GREY, table.RLE, bomb))
    assert "shorter" in _refused(Frame(GREY, table.RLE, b"\x01"))


def test_a_deflated_frame_is_inflated_no_further_than_its_size() -> None:
    bomb = zlib.compress(bytes(200_000_000), 9, -zlib.MAX_WBITS)
    tracemalloc.start()
    detail = _refused(Frame(GREY, DEFLATED_FRAMES, bomb))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "more than the 3072 bytes" in detail
    assert most < 2_000_000


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("container", [False, True])
@pytest.mark.parametrize("colour", ["", "RGB"])
@pytest.mark.parametrize(("rows", "columns"), [(8, 8), (120, 160), (33, 700), (1200, 9)])
def test_headers_of_jpeg_xl(
    bits: int, container: bool, colour: str, rows: int, columns: int
) -> None:
    pixel = header(rows, columns, bits, colour=colour)
    data = bytes(
        imagecodecs.jpegxl_encode(
            samples_of(pixel), lossless=True, bitspersample=bits, usecontainer=container
        )
    )
    found = jpeg_xl(data)
    assert found.coding is Coding.JXL
    assert (found.rows, found.columns) == (rows, columns)
    assert (found.samples, found.bits) == (pixel.samples_per_pixel, bits)
    raster = decode(Frame(pixel, table.JXL_LOSSLESS, data))
    assert raster.samples.tolist() == samples_of(pixel).tolist()


def test_jpeg_xl_of_another_size_is_refused() -> None:
    data = bytes(imagecodecs.jpegxl_encode(samples_of(GREY), lossless=True))
    frame = Frame(replace(GREY, rows=49), table.JXL_LOSSLESS, data)
    assert "48 x 64" in _refused(frame)
    assert "cut off" in _refused(replace(frame, data=data[:3]))
    assert "does not begin" in _refused(replace(frame, data=b"\0" * 40))


@pytest.mark.parametrize("syntax", COMPRESSED)
@pytest.mark.parametrize("kept", [0, 1, 3, 40, 0.3, 0.7, 0.97])
def test_frames_that_are_cut_off_are_refused(syntax: str, kept: float) -> None:
    frame = _frame(syntax, COLOUR if syntax != table.JPEG_EXTENDED else GREY)
    length = int(kept) if kept in (0, 1, 3, 40) else int(len(frame.data) * kept)
    assert _refused(replace(frame, data=frame.data[:length]))


@pytest.mark.parametrize("syntax", COMPRESSED)
def test_zeros_behind_a_frame_do_no_harm(syntax: str) -> None:
    frame = _frame(syntax)
    padded = replace(frame, data=frame.data + b"\0")
    assert decode(padded).samples.tolist() == decode(frame).samples.tolist()


@pytest.mark.parametrize("syntax", [table.JPEG_BASELINE, table.JPEG_EXTENDED, table.JPEG_LOSSLESS])
def test_jpeg_without_its_end_is_decoded_where_nothing_else_is_missing(syntax: str) -> None:
    frame = _frame(syntax)
    without = replace(frame, data=frame.data.removesuffix(b"\xff\xd9"))
    assert decode(without).samples.tolist() == decode(frame).samples.tolist()


READERS: tuple[Callable[[bytes], declared.Declared], ...] = (
    declared.jpeg,
    declared.jpeg2000,
    jpeg_xl,
)


@settings(deadline=None)
@given(st.sampled_from(READERS), st.binary(max_size=200), st.integers(0, 3))
def test_any_bytes_are_read_or_refused(
    read: Callable[[bytes], declared.Declared], tail: bytes, start: int
) -> None:
    beginnings = (b"", b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\xff\x0a")
    try:
        found = read(beginnings[start] + tail)
    except FrameUndecodable:
        return
    assert found.rows > 0
    assert found.columns > 0


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(COMPRESSED), st.integers(0, 10_000), st.integers(0, 255))
def test_a_changed_byte_makes_another_picture_or_a_refusal(
    syntax: str, place: int, value: int
) -> None:
    frame = _frame(syntax)
    changed = bytearray(frame.data)
    changed[place % len(changed)] = value
    try:
        raster = decode(replace(frame, data=bytes(changed)))
    except FrameUndecodable:
        return
    assert raster.samples.shape == (48, 64)
