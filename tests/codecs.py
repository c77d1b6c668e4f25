"""Codecs inside the test's own process: the real ones, without the processes around them."""

from __future__ import annotations

from collections.abc import Sequence

from dicomweb_server.codec import table
from dicomweb_server.codec.port import Background
from dicomweb_server.codec.transcode import transcode
from dicomweb_server.model.drawing import Drawing
from dicomweb_server.model.frame import Frame, Target
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.rendering import Rendering


class OwnCodecs:
    """Transcodes where it is called; renders nothing.

    Attributes:
        count: Frames transcoded so far.
    """

    def __init__(self) -> None:
        self.count = 0

    def obstacle(self, source: str, target: str, pixel: PixelHeader) -> str:
        """Why frames cannot go from one transfer syntax to another."""
        return table.obstacle(source, target, pixel)

    def outcome(self, source: str, target: str, pixel: PixelHeader) -> PixelHeader:
        """The description of transcoded frames."""
        return table.outcome(source, target, pixel)

    def is_spare(self) -> bool:
        """Whether one has nothing to do."""
        return True

    async def transcode(self, frame: Frame, target: Target) -> Frame:
        """Transcode one frame."""
        self.count += 1
        return transcode(frame, target)

    async def render(
        self, frame: Frame, rendering: Rendering, background: Background | None = None
    ) -> bytes:
        """Not here."""
        raise NotImplementedError

    async def animate(
        self, pictures: Sequence[bytes], media_type: str, milliseconds: Sequence[int]
    ) -> bytes:
        """Not here."""
        raise NotImplementedError

    async def draw(self, drawing: Drawing, media_type: str, quality: int) -> bytes:
        """Not here."""
        raise NotImplementedError

    async def greatest(self, frame: Frame) -> float:
        """Not here."""
        raise NotImplementedError

    async def close(self) -> None:
        """Nothing to end."""
