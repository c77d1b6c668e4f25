"""Small pictures made for tests, and their pixels as another decoder sees them."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image


def gradient(rows: int = 5, columns: int = 7, samples: int = 3, bits: int = 8) -> bytes:
    """Interleaved little-endian samples that all differ from their neighbours."""
    count = rows * columns * samples
    kind = np.uint8 if bits == 8 else np.dtype("<u2")
    factor = 3 if bits == 8 else 701
    values = np.arange(count, dtype=np.uint32) * factor % (2**bits)
    return bytes(values.astype(kind))


def image(mode: str, rows: int = 5, columns: int = 7) -> Image.Image:
    """A picture of a Pillow mode."""
    samples = {"L": 1, "P": 1, "I;16": 1, "LA": 2, "RGB": 3, "RGBA": 4}[mode]
    data = gradient(rows, columns, samples, 16 if mode == "I;16" else 8)
    made = Image.frombytes(mode, (columns, rows), data)
    if mode == "P":
        made.putpalette(bytes(value * 7 % 256 for value in range(768)))
    return made


def encoded(made: Image.Image, form: str, **options: object) -> bytes:
    """The picture as a file."""
    target = BytesIO()
    made.save(target, form, **options)
    return target.getvalue()


def animation(count: int = 3) -> bytes:
    """An animated GIF: each frame of another colour."""
    frames = [Image.new("RGB", (7, 5), (80 * n, 255 - 80 * n, 10)) for n in range(count)]
    target = BytesIO()
    frames[0].save(target, "GIF", save_all=True, append_images=frames[1:], loop=0)
    return target.getvalue()
