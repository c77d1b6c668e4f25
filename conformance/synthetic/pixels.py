"""Pixels of synthetic images, native and compressed."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

ROWS, COLUMNS = 8, 8


def ramp(seed: int, count: int) -> bytes:
    """Bytes that no two frames share."""
    return bytes((seed * 37 + index * 5) % 256 for index in range(count))


def ramp16(seed: int, count: int) -> bytes:
    """16-bit little endian samples of 12 bits."""
    return struct.pack(f"<{count}H", *((seed * 301 + i * 61) % 4096 for i in range(count)))


def packed_bits(frames: Sequence[Sequence[int]]) -> bytes:
    """Frames of single bits, one after the other without padding between (PS3.5 8.1.1)."""
    bits = [bit for frame in frames for bit in frame]
    bits += [0] * (-len(bits) % 8)
    found = bytearray()
    for start in range(0, len(bits), 8):
        found.append(sum(bit << place for place, bit in enumerate(bits[start : start + 8])))
    return bytes(found) + b"\0" * (len(found) % 2)


def unpacked_bits(data: bytes, count: int) -> list[int]:
    """The first bits of packed data."""
    return [data[index // 8] >> (index % 8) & 1 for index in range(count)]


def jpeg(comment: str) -> bytes:
    """A valid baseline JPEG of 8 x 8 grey samples, all of them 128.

    Args:
        comment: Tells frames apart.
    """
    table = b"\x01" + b"\0" * 15 + b"\0"  # one code of one bit, for the value 0
    return b"".join(
        (
            b"\xff\xd8",
            _segment(0xFE, comment.encode()),
            _segment(0xDB, b"\0" + b"\x01" * 64),
            _segment(0xC0, struct.pack(">BHHB", 8, ROWS, COLUMNS, 1) + b"\x01\x11\x00"),
            _segment(0xC4, b"\x00" + table),
            _segment(0xC4, b"\x10" + table),
            _segment(0xDA, b"\x01\x01\x00\x00\x3f\x00"),
            b"\x3f",  # difference 0, end of block, padding
            b"\xff\xd9",
        )
    )


def rle(samples: bytes) -> bytes:
    """One frame of 8-bit samples in RLE, all of it literal runs (PS3.5 Annex G)."""
    segment = bytearray()
    for start in range(0, len(samples), 128):
        run = samples[start : start + 128]
        segment += bytes([len(run) - 1]) + run
    if len(segment) % 2:
        segment.append(0x80)  # no operation
    return struct.pack("<16I", 1, 64, *[0] * 14) + bytes(segment)


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def jpeg_ls(comment: str) -> bytes:
    """A valid JPEG-LS codestream of 8 x 8 grey samples, all of them 0.

    Runs over whole lines take 17 bits, all of them 1; a 0 is stuffed behind the first byte.
    """
    return b"".join(
        (
            b"\xff\xd8",
            _segment(0xFE, comment.encode()),
            _segment(0xF7, struct.pack(">BHHB", 8, ROWS, COLUMNS, 1) + b"\x01\x11\x00"),
            _segment(0xDA, b"\x01\x01\x00\x00\x00\x00"),
            b"\xff\x7f\xc0",
            b"\xff\xd9",
        )
    )


def jpeg_2000(comment: str, *, high_throughput: bool = False) -> bytes:
    """A valid JPEG 2000 codestream of 8 x 8 grey samples, all of them 128.

    One tile, one layer, no wavelet, and a packet that holds nothing: every sample keeps the level
    to which it is shifted.

    Args:
        comment: Tells frames apart.
        high_throughput: Whether it is HTJ2K.
    """
    size = struct.pack(">8I", COLUMNS, ROWS, 0, 0, COLUMNS, ROWS, 0, 0)
    capability = 0x4000 if high_throughput else 0
    blocks = 0x40 if high_throughput else 0
    return b"".join(
        (
            b"\xff\x4f",
            _segment(0x51, struct.pack(">H", capability) + size + b"\x00\x01\x07\x01\x01"),
            _segment(0x50, struct.pack(">IH", 0x00020000, 0)) if high_throughput else b"",
            _segment(0x52, bytes([0, 0, 0, 1, 0, 0, 1, 1, blocks, 1])),
            _segment(0x5C, b"\x40\x40"),
            _segment(0x64, b"\x00\x01" + comment.encode()),
            struct.pack(">HHHIBB", 0xFF90, 10, 0, 15, 0, 1),
            b"\xff\x93\x00\xff\xd9",
        )
    )


def png(samples: bytes) -> bytes:
    """A PNG of 8 x 8 grey samples of 8 bits."""
    return _png(0, samples)


def palette_png(indices: bytes) -> bytes:
    """A PNG of 8 x 8 indices into a palette of two colours."""
    return _png(3, indices, _chunk(b"PLTE", b"\xff\x00\x00\x00\xff\x00"))


def _png(colour: int, samples: bytes, between: bytes = b"") -> bytes:
    rows = b"".join(
        b"\0" + samples[start : start + COLUMNS] for start in range(0, ROWS * COLUMNS, COLUMNS)
    )
    head = struct.pack(">IIBBBBB", COLUMNS, ROWS, 8, colour, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", head),
            between,
            _chunk(b"IDAT", zlib.compress(rows)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(name: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )
