"""Pictures of frames that lie: ``python -m tests.threats.renders`` prints a hash of each (T12).

Run with MALLOC_PERTURB_, which fills memory that is handed out: what depends on such memory differs
from run to run.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from dicomweb_server.codec.render import render
from dicomweb_server.errors import ArchiveError
from dicomweb_server.model.frame import Frame, Target
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.media import EXPLICIT_LITTLE
from dicomweb_server.model.rendering import (
    RAW_PICTURE,
    Appearance,
    LookupTable,
    Palette,
    Rendering,
    RenderOptions,
    Viewport,
    Window,
)
from tests.codec.bombs import all_bombs, harmless
from tests.codecs import OwnCodecs

SIZE = 31


def _pixel(
    bits: int, stored: int, signed: int = 0, photometric: str = "MONOCHROME2"
) -> PixelHeader:
    samples = 3 if photometric in ("RGB", "YBR_FULL") else 1
    return PixelHeader(
        SIZE, SIZE, samples, bits, stored, stored - 1, signed, 0, photometric, 1, 0x7FE00010
    )


def _frame(pixel: PixelHeader, short: int = 0) -> Frame:
    length = (SIZE * SIZE * pixel.samples_per_pixel * pixel.bits_allocated + 7) // 8
    data = np.arange(length, dtype=np.uint32).astype(np.uint8).tobytes()
    return Frame(pixel, EXPLICIT_LITTLE, data[: length - short])


def _frames() -> Iterator[tuple[str, Frame]]:
    for bits, stored in ((1, 1), (8, 8), (8, 3), (16, 16), (16, 12), (16, 1), (32, 32), (32, 20)):
        for signed in (0, 1):
            yield f"{bits} {stored} {signed}", _frame(_pixel(bits, stored, signed))
    for photometric in ("RGB", "YBR_FULL", "MONOCHROME1", "PALETTE COLOR"):
        yield photometric, _frame(_pixel(8, 8, 0, photometric))
    yield "short", _frame(_pixel(16, 16), short=100)
    yield (
        "high bit",
        Frame(replace(_pixel(16, 12), high_bit=15), EXPLICIT_LITTLE, _frame(_pixel(16, 12)).data),
    )
    yield "stored beyond allocated", _frame(replace(_pixel(8, 8), bits_stored=16, high_bit=15))


def _looks() -> Iterator[tuple[str, Appearance]]:
    few = LookupTable(0, 16, np.array([1, 65535], "<u2").tobytes())
    far = LookupTable(-32768, 8, np.array([1, 2, 300], "<u2").tobytes())
    none = LookupTable(60000, 16, b"")
    yield "plain", Appearance()
    for name, table in (("few", few), ("far", far), ("none", none)):
        yield f"modality {name}", Appearance(modality=table)
        yield f"voi {name}", Appearance(voi=table)
        yield f"presentation {name}", Appearance(presentation=table)
        yield f"palette {name}", Appearance(palette=Palette(table, table, few))
    for center, width in ((0, 1), (1e300, 1e-300), (-1e9, 1e9), (0, -5), (float("nan"), 1)):
        yield f"window {center} {width}", Appearance(voi=Window(center, width))


def cases() -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Name of each case, and what makes its picture."""
    views = (RenderOptions(), RenderOptions(viewport=Viewport(64, 7)))
    for frame_name, frame in _frames():
        for look_name, look in _looks():
            for place, options in enumerate(views):
                rendering = Rendering(RAW_PICTURE, look, options)
                yield (
                    f"{frame_name}, {look_name}, {place}",
                    lambda f=frame, r=rendering: render(f, r),  # type: ignore[misc] # bound here
                )
    codecs = OwnCodecs()
    for bomb in (*harmless(), *all_bombs()):
        if len(bomb.frame.data) < 100_000 and bomb.frame.pixel.rows <= 1024:
            yield (
                f"bomb {bomb.name}",
                lambda b=bomb: asyncio.run(codecs.transcode(b.frame, Target(EXPLICIT_LITTLE))).data,  # type: ignore[misc] # bound here
            )


def main() -> None:
    """Print what becomes of each."""
    for name, make in cases():
        try:
            told = hashlib.sha256(make()).hexdigest()
        except (ArchiveError, ValueError, MemoryError) as error:
            told = type(error).__name__
        sys.stdout.write(f"{name}: {told}\n")


if __name__ == "__main__":
    main()
