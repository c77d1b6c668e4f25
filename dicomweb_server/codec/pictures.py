"""PNG and GIF to uncompressed pixels (PS3.18 10.5.2, Table 10.5.2-1 and its notes).

Grey stays grey, palettes become RGB, alpha is dropped, the frames of an animation become frames.
The size that a picture declares is checked before anything is decoded.
"""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import Awaitable, Callable, Iterator
from io import BytesIO

from PIL import Image, UnidentifiedImageError

from dicomweb_server.codec.port import UndecodablePicture
from dicomweb_server.model.picture import Picture

_FORMATS = {"image/png": "PNG", "image/gif": "GIF"}
_PNG = b"\x89PNG\r\n\x1a\n"
_GIF = (b"GIF87a", b"GIF89a")
_BAND = 256
"""Rows that are converted together."""
_FAILURES = (
    UnidentifiedImageError,
    Image.DecompressionBombError,
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    zlib.error,
)


class PillowPictures:
    """Decodes with Pillow, in a thread, one picture at a time.

    Args:
        pixels: Pixels that one frame may have.
        decoded: Bytes that all frames of one picture may have.
    """

    def __init__(self, pixels: int = 50_000_000, decoded: int = 2**31) -> None:
        self._pixels = pixels
        self._decoded = decoded
        self._turn = asyncio.Semaphore(1)

    async def decode(
        self, media_type: str, data: bytes, write: Callable[[bytes], Awaitable[None]]
    ) -> Picture:
        """Decode every frame of a picture; see PictureDecoder."""
        async with self._turn:
            self._require_size(*_declared(media_type, data))
            steps = _steps(media_type, data)
            written = 0
            while isinstance(step := await asyncio.to_thread(next, steps), bytes):
                written += len(step)
                if written > self._decoded:
                    raise UndecodablePicture(f"its frames have more than {self._decoded} bytes")
                await write(step)
            return step

    def _require_size(self, columns: int, rows: int) -> None:
        if not 0 < rows <= 0xFFFF or not 0 < columns <= 0xFFFF:
            raise UndecodablePicture("it has more than 65535 rows or columns, or none")
        if rows * columns > self._pixels:
            raise UndecodablePicture(f"it has more than {self._pixels} pixels")


def _declared(media_type: str, data: bytes) -> tuple[int, int]:
    """Width and height of a picture by its header."""
    if media_type == "image/png" and data.startswith(_PNG) and len(data) > 32:
        width, height, depth, kind = struct.unpack_from(">IIBB", data, 16)
        if depth == 16 and kind != 0:
            raise UndecodablePicture(
                "only grey PNG pictures without alpha may have 16 bits in a sample"
            )
        return width, height
    if media_type == "image/gif" and data.startswith(_GIF) and len(data) > 12:
        width, height = struct.unpack_from("<HH", data, 6)
        return width, height
    raise UndecodablePicture(f"it is no {_FORMATS[media_type]}")


def _steps(media_type: str, data: bytes) -> Iterator[bytes | Picture]:
    """Pixels in bands of rows, then what they are."""
    try:
        with Image.open(BytesIO(data), formats=(_FORMATS[media_type],)) as image:
            size = image.size
            modes = set()
            frames = 0
            for _ in _frames(image):
                if image.size != size:
                    raise UndecodablePicture("its frames differ in size")
                mode = _mode(media_type, image.mode)
                modes.add(mode)
                yield from _bands(image, mode)
                frames += 1
    except _FAILURES as failure:
        raise UndecodablePicture("it is damaged or cut off") from failure
    grey = modes != {"RGB"}
    bits = 16 if modes == {"I;16"} else 8
    yield Picture(size[1], size[0], 1 if grey else 3, bits, frames)


def _frames(image: Image.Image) -> Iterator[None]:
    """Go from frame to frame; only a GIF is taken as an animation."""
    yield
    while image.format == "GIF":
        try:
            image.seek(image.tell() + 1)
        except EOFError:
            return
        yield


def _mode(media_type: str, mode: str) -> str:
    """What pixels of a mode become."""
    if media_type == "image/gif" or mode in ("P", "PA", "RGB", "RGBA"):
        return "RGB"
    return "I;16" if mode.startswith("I") else "L"


def _bands(image: Image.Image, mode: str) -> Iterator[bytes]:
    image.load()
    for top in range(0, image.height, _BAND):
        bottom = min(top + _BAND, image.height)
        band = image.crop((0, top, image.width, bottom))
        yield (band if band.mode == mode else band.convert(mode)).tobytes()
