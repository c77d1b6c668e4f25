"""The greatest dose of a grid: what all of its frames are shown against."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from dicomweb_server.codec.port import Codecs
from dicomweb_server.errors import FrameUndecodable
from dicomweb_server.model.frame import Frame
from dicomweb_server.model.instance import InstanceRecord, NativeFrames
from dicomweb_server.model.limits import MIB
from dicomweb_server.service.content import Content
from dicomweb_server.service.delivery import in_order, patiently
from dicomweb_server.service.derived import Derived
from dicomweb_server.service.frames import read_frame, table_of

_TOGETHER = 4 * MIB
"""Bytes of native frames that are looked through in one go."""
_MOST_JOBS = 2000
_AHEAD = 2


class Doses:
    """Finds greatest stored values, once for each content.

    Args:
        content: How bytes are read.
        codecs: Who looks through frames.
        derived: Where results are kept.
    """

    def __init__(self, content: Content, codecs: Codecs, derived: Derived) -> None:
        self._content = content
        self._codecs = codecs
        self._derived = derived

    async def greatest(self, record: InstanceRecord) -> float | None:
        """The greatest stored value of all frames; None where there are too many of them.

        Args:
            record: The instance; frames of it that cannot be decoded do not count.

        Raises:
            CodecFailed, TooBusy: It cannot be found out now.
        """
        groups = _groups(record)
        if len(groups) > _MOST_JOBS:
            return None

        async def find() -> bytes:
            return repr(await self._find(record, groups)).encode()

        return float(await self._derived.get(record.blob.digest, "greatest value", find))

    async def _find(self, record: InstanceRecord, groups: list[range]) -> float:
        async def makers() -> AsyncIterator[Callable[[], Awaitable[float]]]:
            for place, numbers in enumerate(groups):
                one = partial(self._of, record, numbers)
                yield partial(patiently, one) if place else one

        async with aclosing(in_order(makers(), _AHEAD)) as found:
            return max([value async for value in found], default=0.0)

    async def _of(self, record: InstanceRecord, numbers: range) -> float:
        """The greatest value of frames that follow each other: as one frame above the other."""
        frames = [await read_frame(self._content, record, number) for number in numbers]
        pixel = replace(frames[0].pixel, rows=sum(frame.pixel.rows for frame in frames))
        data = b"".join(frame.data for frame in frames)
        try:
            return await self._codecs.greatest(Frame(pixel, frames[0].transfer_syntax, data))
        except FrameUndecodable:
            return 0.0


def _groups(record: InstanceRecord) -> list[range]:
    """Frames that are looked through together: several where they are native, and small."""
    table, pixel = table_of(record), record.pixel
    size = 1
    if isinstance(table, NativeFrames) and pixel is not None:
        size = min(_TOGETHER // max(table.length, 1), 0xFFFF // max(pixel.rows, 1))
    step = max(size, 1)
    return [range(n, min(n + step, table.count + 1)) for n in range(1, table.count + 1, step)]
