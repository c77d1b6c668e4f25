"""Frames that lie, made in code: small ones that become something enormous, and ruins."""

from __future__ import annotations

import random
import struct
import zlib
from dataclasses import dataclass, replace

from dicomweb_server.codec import table
from dicomweb_server.model.frame import Frame
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.media import DEFLATED_FRAMES, EXPLICIT_LITTLE

GREY = PixelHeader(512, 512, 1, 16, 16, 15, 0, 0, "MONOCHROME2", 1, 0x7FE00010)
BYTE = replace(GREY, bits_allocated=8, bits_stored=8, high_bit=7)


@dataclass(frozen=True)
class Bomb:
    """A frame that must be refused.

    Args:
        name: What is wrong with it.
        frame: The frame.
    """

    name: str
    frame: Frame


def sized(pixel: PixelHeader, rows: int, columns: int) -> PixelHeader:
    """A description of another size."""
    return replace(pixel, rows=rows, columns=columns)


def _marker(code: int, body: bytes = b"") -> bytes:
    return struct.pack(">HH", code, len(body) + 2) + body


@dataclass(frozen=True)
class Siz:
    """What a JPEG 2000 codestream declares (ITU-T T.800 A.5.1)."""

    width: int = 512
    height: int = 512
    components: int = 1
    bits: int = 16
    tile: int = 0
    levels: int = 5
    origin: int = 0
    capable: int = 0


def j2k(siz: Siz, body: bytes = b"") -> bytes:
    """A codestream with sound headers and a body of one's choice."""
    tile = siz.tile or max(siz.width, siz.height, 1)
    grid = (siz.width, siz.height, siz.origin, siz.origin, tile, tile, 0, 0)
    components = bytes((siz.bits - 1, 1, 1)) * siz.components
    capabilities = 0x4000 if siz.capable else 0
    found = b"\xff\x4f" + _marker(
        0xFF51, struct.pack(">H8IH", capabilities, *grid, siz.components) + components
    )
    if siz.capable:
        found += _marker(0xFF50, struct.pack(">IH", 0x00020000, siz.capable))
    style = 0x40 if siz.capable else 0
    found += _marker(0xFF52, bytes((0, 0, 0, 1, 0, siz.levels, 4, 4, style, 1)))
    found += _marker(
        0xFF5C, bytes([0x40]) + bytes([((siz.bits + 2) << 3) & 0xFF] * (3 * siz.levels + 1))
    )
    length = 12 + 2 + len(body)
    found += _marker(0xFF90, struct.pack(">HIBB", 0, length, 0, 1)) + b"\xff\x93" + body
    return found + b"\xff\xd9"


def jpeg(sof: int, height: int, width: int, bits: int = 8, components: int = 1) -> bytes:
    """A JPEG with the header that it needs, and no entropy-coded data."""
    quantization = _marker(0xFFDB, bytes([0]) + bytes([16] * 64))
    parts = b"".join(bytes((n + 1, 0x11, 0)) for n in range(components))
    frame = _marker(sof, struct.pack(">BHHB", bits, height, width, components) + parts)
    counts = bytes([0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0])
    huffman = _marker(0xFFC4, bytes([0]) + counts + bytes(range(12)))
    huffman += _marker(0xFFC4, bytes([0x10]) + bytes([0, 2] + [0] * 14) + b"\0\1")
    lossless = sof == 0xFFC3
    selectors = b"".join(bytes((n + 1, 0)) for n in range(components))
    tail = bytes((1, 0, 0) if lossless else (0, 63, 0))
    scan = _marker(0xFFDA, bytes([components]) + selectors + tail)
    return b"\xff\xd8" + quantization + frame + huffman + scan + b"\0" * 16 + b"\xff\xd9"


def scan_bomb(rows: int, columns: int, scans: int) -> bytes:
    """A progressive JPEG of very many scans, each of which passes over the whole image."""
    whole = jpeg(0xFFC2, rows, columns)
    start = whole.index(b"\xff\xda")
    refinement = _marker(0xFFDA, bytes((1, 1, 0, 1, 63, 0))) + b"\0" * 4
    first = _marker(0xFFDA, bytes((1, 1, 0, 0, 0, 0))) + b"\0" * 4
    return whole[:start] + first + refinement * scans + b"\xff\xd9"


def jpeg_ls(
    height: int, width: int, bits: int = 16, extended: tuple[int, int] | None = None
) -> bytes:
    """A JPEG-LS stream without data; an extended size stands in LSE (ITU-T T.870)."""
    frame = _marker(0xFFF7, struct.pack(">BHHB", bits, height, width, 1) + b"\1\x11\0")
    if extended is not None:
        frame += _marker(0xFFF8, b"\4\4" + struct.pack(">II", *extended))
    scan = _marker(0xFFDA, b"\1\1\0\0\0\0")
    return b"\xff\xd8" + frame + scan + b"\0" * 32 + b"\xff\xd9"


def jxl(height: int, width: int) -> bytes:
    """The beginning of a JPEG XL codestream of a size (ISO/IEC 18181-1 SizeHeader)."""
    bits: list[int] = [0]
    for number in (height, width):
        bits += [1, 1]  # 30 bits follow
        bits += [(number - 1) >> place & 1 for place in range(30)]
        if number == height:
            bits += [0, 0, 0]  # no ratio
    bits += [1] + [0] * 64
    packed = bytes(
        sum(bit << place for place, bit in enumerate(bits[start : start + 8]))
        for start in range(0, len(bits), 8)
    )
    return b"\xff\x0a" + packed


def box(kind: bytes, body: bytes, length: int | None = None) -> bytes:
    """A box of a JPEG XL or JPEG 2000 file."""
    return struct.pack(">I", len(body) + 8 if length is None else length) + kind + body


def rle(segments: int, offsets: list[int], body: bytes) -> bytes:
    """An RLE frame with a header of one's choice (PS3.5 G.5)."""
    told = (offsets + [0] * 15)[:15]
    return struct.pack("<16I", segments, *told) + body


def deflated(data: bytes) -> bytes:
    """Raw deflate (PS3.5 A.4.12)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def _of(syntax: str, pixel: PixelHeader, made: dict[str, bytes]) -> list[Bomb]:
    return [Bomb(name, Frame(pixel, syntax, data)) for name, data in made.items()]


def _jpeg2000() -> list[Bomb]:
    big = sized(GREY, 40_000, 40_000)
    large = sized(BYTE, 20_000, 20_000)
    found = _of(
        table.J2K_LOSSLESS,
        GREY,
        {
            "j2k of 40000 x 40000": j2k(Siz(40_000, 40_000)),
            "j2k of 2^32 columns": j2k(Siz(0xFFFFFFFF, 512)),
            "j2k of no columns": j2k(Siz(0, 512)),
            "j2k of 16384 components": j2k(Siz(components=16_384)),
            "j2k of 262144 tiles": j2k(Siz(tile=1)),
            "j2k of 38 bits": j2k(Siz(bits=38)),
            "j2k of 33 levels": j2k(Siz(levels=33)),
            "j2k whose area begins behind its end": j2k(Siz(origin=1_000)),
            "j2k without anything behind its size": j2k(Siz())[:49],
            "j2k in a box of 4 GiB": box(b"jp2c", j2k(Siz()), 0xFFFFFFFF),
        },
    )
    found += _of(
        table.J2K_LOSSLESS, big, {"j2k and data set of 40000 x 40000": j2k(Siz(40_000, 40_000))}
    )
    found += _of(
        table.J2K_LOSSLESS,
        large,
        {"j2k and data set of 20000 x 20000": j2k(Siz(20_000, 20_000, bits=8))},
    )
    found += _of(
        table.HTJ2K_LOSSLESS,
        GREY,
        {
            "htj2k of 40000 x 40000": j2k(Siz(40_000, 40_000, capable=1)),
            "htj2k of 262144 tiles": j2k(Siz(tile=1, capable=1)),
            "htj2k of 16384 components": j2k(Siz(components=16_384, capable=1)),
        },
    )
    return found


def _jpeg() -> list[Bomb]:
    large = sized(BYTE, 20_000, 20_000)
    found = _of(
        table.JPEG_BASELINE,
        BYTE,
        {
            "jpeg of 65500 x 65500": jpeg(0xFFC0, 65_500, 65_500),
            "jpeg of no rows": jpeg(0xFFC0, 0, 512),
            "jpeg of 4 components": jpeg(0xFFC0, 512, 512, components=4),
            "jpeg of 255 components": jpeg(0xFFC0, 512, 512, components=255),
            "progressive jpeg of 65500 x 65500": jpeg(0xFFC2, 65_500, 65_500),
            "jpeg whose segment ends behind the frame": b"\xff\xd8\xff\xc0\xff\xff\x08",
        },
    )
    huge = sized(BYTE, 65_500, 65_500)
    found += _of(
        table.JPEG_BASELINE,
        huge,
        {"jpeg and data set of 65500 x 65500": jpeg(0xFFC0, 65_500, 65_500)},
    )
    found += _of(
        table.JPEG_EXTENDED,
        GREY,
        {"12-bit jpeg of 65500 x 65500": jpeg(0xFFC1, 65_500, 65_500, 12)},
    )
    found += _of(
        table.JPEG_LOSSLESS_SV1,
        GREY,
        {
            "lossless jpeg of 65500 x 65500": jpeg(0xFFC3, 65_500, 65_500, 16),
        },
    )
    found += _of(
        table.JPEG_LS,
        GREY,
        {
            "jpeg-ls of 65500 x 65500": jpeg_ls(65_500, 65_500),
            "jpeg-ls of 100000 x 100000 in its extension": jpeg_ls(0, 0, 16, (100_000, 100_000)),
            "jpeg-ls of no size": jpeg_ls(0, 0),
            "jpeg-ls without data": jpeg_ls(512, 512),
        },
    )
    found += _of(
        table.JPEG_LS, large, {"jpeg-ls and data set of 20000 x 20000": jpeg_ls(20_000, 20_000, 8)}
    )
    return found


def _jpeg_xl() -> list[Bomb]:
    signature = box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl \0\0\0\0jxl ")
    return _of(
        table.JXL_LOSSLESS,
        GREY,
        {
            "jxl of 40000 x 40000": jxl(40_000, 40_000),
            "jxl of 2^30 x 2^30": jxl(1 << 30, 1 << 30),
            "jxl without data": jxl(512, 512),
            "jxl in a box of 4 GiB": signature + box(b"jxlc", jxl(512, 512), 0xFFFFFFF0),
            "jxl of boxes alone": signature + box(b"brob", b"Exif" + bytes(100)) * 100,
        },
    )


def _runs() -> list[Bomb]:
    run = b"\x81\0"  # 128 times the same byte
    plane = run * (512 * 512 // 128)
    found = _of(
        table.RLE,
        GREY,
        {
            "rle of 4294967295 segments": rle(0xFFFFFFFF, [64], plane),
            "rle of 15 segments": rle(15, [64] * 15, plane),
            "rle of no segments": rle(0, [], plane),
            "rle whose segment begins behind the frame": rle(2, [64, 1 << 31], plane),
            "rle whose segments go backwards": rle(2, [64 + len(plane), 64], plane * 2),
            "rle whose segment begins in the header": rle(2, [0, 8], plane * 2),
            "rle that ends amid a literal": rle(2, [64, 70], b"\x7f1234" + b"\x7f"),
            "rle that is too short": rle(2, [64, 66], run * 2),
            "rle without a header": plane[:40],
        },
    )
    nothing = deflated(bytes(1 << 20))
    found += _of(
        DEFLATED_FRAMES,
        GREY,
        {
            "deflated frame of 256 MiB": deflated(bytes(1 << 28)),
            "deflated frame that is too short": deflated(bytes(1_000)),
            "deflated frame that is cut off": nothing[: len(nothing) // 2],
            "deflated frame of noise": random.Random(2).randbytes(1_000),
        },
    )
    found += _of(
        EXPLICIT_LITTLE,
        GREY,
        {
            "native frame that is too short": bytes(512 * 1024 - 2),
        },
    )
    return found


def _descriptions() -> list[Bomb]:
    """Sound frames under descriptions that lie."""
    zeros = Frame(GREY, table.RLE, rle(2, [64, 64 + 4096], b"\x81\0" * 2048 * 2))
    lies = {
        "data set of 65535 x 65535": sized(GREY, 65_535, 65_535),
        "data set of more rows than there are": sized(GREY, 1_024, 512),
        "data set of no rows": sized(GREY, 0, 512),
        "data set of 100 samples": replace(GREY, samples_per_pixel=100),
        "data set of 3 samples": replace(GREY, samples_per_pixel=3),
        "data set of 65535 bits": replace(GREY, bits_allocated=65_535),
        "data set of no bits": replace(GREY, bits_allocated=0),
        "data set of 17 bits": replace(GREY, bits_allocated=17, bits_stored=17),
    }
    return [Bomb(name, replace(zeros, pixel=pixel)) for name, pixel in lies.items()]


def _ruins() -> list[Bomb]:
    """Nothing, and noise, under every transfer syntax that is decoded."""
    noise = random.Random(3).randbytes(5_000)
    found = []
    for syntax in sorted(table.DECODED):
        found += _of(syntax, GREY, {f"nothing in {syntax}": b"", f"noise in {syntax}": noise})
    return found


def all_bombs() -> list[Bomb]:
    """Every one of them."""
    return [*_jpeg2000(), *_jpeg(), *_jpeg_xl(), *_runs(), *_descriptions(), *_ruins()]


def harmless() -> list[Bomb]:
    """Frames with a lie that no harm comes of: refused, or decoded to the size that they tell."""
    noise = random.Random(1).randbytes(2_000)
    return [
        Bomb("j2k of noise", Frame(GREY, table.J2K_LOSSLESS, j2k(Siz(), noise))),
        Bomb("htj2k of noise", Frame(GREY, table.HTJ2K_LOSSLESS, j2k(Siz(capable=1), noise))),
        Bomb("jpeg of 2 bits", Frame(GREY, table.JPEG_LOSSLESS_SV1, jpeg(0xFFC3, 512, 512, 2))),
        Bomb("deflated and padded", Frame(GREY, DEFLATED_FRAMES, deflated(bytes(512 * 1024 + 1)))),
        Bomb("two native frames", Frame(GREY, EXPLICIT_LITTLE, bytes(512 * 1024 * 2))),
    ]
