"""Boxes, chunks and segments around compressed pixels (ISO/IEC 15444-1 I, 15444-15 D, PNG, ICC)."""

from __future__ import annotations

import struct
import zlib

_SIGNATURE = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
_SRGB, _GREY = 16, 17
"""EnumCS of the colour specification box."""
_ICC = b"ICC_PROFILE\x00"
_MOST = 65519
"""Bytes of a profile that one APP2 segment holds."""
_PNG_HEAD = 33
"""Bytes of the PNG signature and its IHDR chunk."""


def in_jph(codestream: bytes, width: int, height: int, components: int) -> bytes:
    """A JPH file of a HTJ2K codestream with 8 bits a component.

    Args:
        codestream: From SOC to EOC.
        width, height: Of the picture.
        components: 1 for grey, 3 for sRGB.
    """
    header = _box(b"ihdr", struct.pack(">IIHBBBB", height, width, components, 7, 7, 0, 0))
    colour = _box(b"colr", struct.pack(">BBBI", 1, 0, 0, _GREY if components == 1 else _SRGB))
    kind = _box(b"ftyp", b"jph " + struct.pack(">I", 0) + b"jph ")
    return _SIGNATURE + kind + _box(b"jp2h", header + colour) + _box(b"jp2c", codestream)


def with_segments(jpeg: bytes, profile: bytes) -> bytes:
    """A JPEG with an ICC profile in APP2 segments, behind its JFIF header."""
    if not profile:
        return jpeg
    parts = [profile[start : start + _MOST] for start in range(0, len(profile), _MOST)]
    segments = b"".join(
        b"\xff\xe2"
        + struct.pack(">H", 2 + len(_ICC) + 2 + len(part))
        + _ICC
        + bytes((number, len(parts)))
        + part
        for number, part in enumerate(parts, 1)
    )
    end = 2
    if jpeg[2:4] == b"\xff\xe0":
        end = 4 + int.from_bytes(jpeg[4:6], "big")
    return jpeg[:end] + segments + jpeg[end:]


def with_chunk(png: bytes, profile: bytes) -> bytes:
    """A PNG with an ICC profile in an iCCP chunk, behind its header."""
    if not profile:
        return png
    body = b"iCCP" + b"ICC profile\x00\x00" + zlib.compress(profile)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:_PNG_HEAD] + chunk + png[_PNG_HEAD:]


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content
