"""A pool of codec processes inside a test, called synchronously, and frames for it."""

from __future__ import annotations

import asyncio
import os
import select
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from dicomweb_server.codec.pool import CodecPool
from dicomweb_server.model.frame import Frame, Target
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.limits import CodecLimits
from dicomweb_server.model.media import EXPLICIT_LITTLE

T = TypeVar("T")

RLE = Target("1.2.840.10008.1.2.5")
NATIVE = Target(EXPLICIT_LITTLE)


def grey(rows: int, columns: int, bits: int = 16, seed: int = 0) -> Frame:
    """A native frame of one sample per pixel."""
    pixel = PixelHeader(rows, columns, 1, bits, bits, bits - 1, 0, 0, "MONOCHROME2", 1, 0x7FE00010)
    row = bytes((seed + number * 7) % 256 for number in range(columns * bits // 8))
    return Frame(pixel, EXPLICIT_LITTLE, row * rows)


class Bench:
    """A pool with an event loop of its own.

    Args:
        limits: Of the pool.
    """

    def __init__(self, limits: CodecLimits) -> None:
        self.limits = limits
        self._runner = asyncio.Runner()
        self.pool = CodecPool(limits)

    def run(self, call: Coroutine[object, object, T]) -> T:
        """Run a coroutine to its end."""
        return self._runner.run(call)

    def transcode(self, frame: Frame, target: Target = RLE) -> Frame:
        """Transcode one frame."""
        return self.run(self.pool.transcode(frame, target))

    @property
    def process(self) -> int:
        """Process id of the only process, which is started where it has to be."""
        self.transcode(grey(2, 2))
        (found,) = self.pool.identifiers()
        return found

    def close(self) -> None:
        """End it."""
        self._runner.run(self.pool.close())
        self._runner.close()


@contextmanager
def bench(limits: CodecLimits | None = None) -> Iterator[Bench]:
    """A pool of one process for as long as the context lasts."""
    opened = Bench(limits or CodecLimits(workers=1))
    try:
        yield opened
    finally:
        opened.close()


def start(bench: Bench, frame: Frame) -> asyncio.Task[Frame]:
    """Begin to transcode a frame; inside the bench's loop."""
    return asyncio.ensure_future(bench.pool.transcode(frame, RLE))


async def settle() -> None:
    """Let everything in the loop come as far as it comes without news from outside."""
    for _ in range(20):
        await asyncio.sleep(0)


@contextmanager
def stopped(process: int) -> Iterator[None]:
    """Hold a process up, as if it hung; it goes on behind the context if it still lives."""
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGCONT)


def wait_for_end(process: int, seconds: float) -> bool:
    """Wait until a process is gone; whether it went in time."""
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)


def is_alive(process: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
