"""Pictures become pixels within bounds (PS3.18 10.5.2; T11)."""

from __future__ import annotations

import asyncio
import struct
import zlib

import pytest
from PIL import Image

from dicomweb_server.codec.pictures import PillowPictures
from dicomweb_server.codec.port import UndecodablePicture
from dicomweb_server.model.picture import Picture
from tests.pictures import animation, encoded, image


def _decode(decoder: PillowPictures, data: bytes, kind: str = "image/png") -> tuple[Picture, bytes]:
    pieces: list[bytes] = []

    async def write(piece: bytes) -> None:
        pieces.append(piece)

    picture = asyncio.run(decoder.decode(kind, data, write))
    return picture, b"".join(pieces)


def _png(columns: int, rows: int, depth: int = 8, kind: int = 2, data: bytes = b"") -> bytes:
    """A PNG that declares a size, with pixels or without."""

    def chunk(name: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + checksum

    header = struct.pack(">IIBBBBB", columns, rows, depth, kind, 0, 0, 0)
    end = chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + end


def test_pixels_come_in_bands_that_make_up_the_picture() -> None:
    made = image("RGB", 700, 3)
    picture, pixels = _decode(PillowPictures(), encoded(made, "PNG"))
    assert picture == Picture(700, 3, 3, 8, 1)
    assert picture.frame_length == len(pixels)
    assert pixels == made.tobytes()


def test_bits_and_palettes_are_widened() -> None:
    ones = Image.frombytes("1", (8, 2), b"\xf0\x0f")
    picture, pixels = _decode(PillowPictures(), encoded(ones, "PNG"))
    assert picture == Picture(2, 8, 1, 8, 1)
    assert pixels == bytes([255] * 4 + [0] * 8 + [255] * 4)


def test_frames_of_an_animation_follow_each_other() -> None:
    picture, pixels = _decode(PillowPictures(), animation(4), "image/gif")
    assert picture == Picture(5, 7, 3, 8, 4)
    assert len(pixels) == 4 * picture.frame_length


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (_png(40_000, 40_000), "image/png"),
        (_png(70_000, 1), "image/png"),
        (_png(0, 10), "image/png"),
        (_png(10, 10, depth=16, kind=2), "image/png"),
        (_png(10, 10, depth=16, kind=4), "image/png"),
        (_png(10, 10), "image/png"),
        (_png(10, 10)[:50], "image/png"),
        (b"GIF89a\xff\xff\xff\xff\0\0\0" + bytes(20), "image/gif"),
        (animation()[:40], "image/gif"),
        (b"", "image/png"),
        (encoded(image("L"), "GIF"), "image/png"),
    ],
)
def test_pictures_that_cannot_be_taken(data: bytes, kind: str) -> None:
    with pytest.raises(UndecodablePicture):
        _decode(PillowPictures(), data, kind)


def test_frames_of_an_animation_are_bounded_together() -> None:
    _decode(PillowPictures(decoded=4 * 105), animation(4), "image/gif")
    with pytest.raises(UndecodablePicture, match="bytes"):
        _decode(PillowPictures(decoded=4 * 105 - 1), animation(4), "image/gif")


def test_the_size_is_looked_at_before_the_pixels() -> None:
    with pytest.raises(UndecodablePicture, match="pixels"):
        _decode(PillowPictures(pixels=34), encoded(image("L"), "PNG"))
