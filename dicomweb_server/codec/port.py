"""What the archive asks of codecs: decoding of uploaded pictures, transcoding, rendering."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dicomweb_server.model.drawing import Drawing
from dicomweb_server.model.frame import Frame, Target
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.picture import Picture
from dicomweb_server.model.rendering import Appearance, Rendering

PICTURE_TYPES = frozenset(("image/png", "image/gif"))
"""Media types that have no transfer syntax and are decoded when stored (PS3.18 10.5.2)."""


class UndecodablePicture(Exception):
    """A picture that is damaged, too large, or of a kind that would lose information.

    Args:
        detail: What is wrong.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class PictureDecoder(Protocol):
    """Makes uncompressed pixels of pictures."""

    async def decode(
        self, media_type: str, data: bytes, write: Callable[[bytes], Awaitable[None]]
    ) -> Picture:
        """Decode every frame of a picture.

        Args:
            media_type: One of PICTURE_TYPES.
            data: The whole picture.
            write: Takes the pixels, in pieces.

        Raises:
            UndecodablePicture: It cannot be decoded; what was written so far is of no use.
        """
        ...


@dataclass(frozen=True, slots=True)
class Background:
    """The image on which segments or doses are laid."""

    frame: Frame
    appearance: Appearance


class Codecs(Protocol):
    """Transcodes and renders frames in processes of their own."""

    def obstacle(self, source: str, target: str, pixel: PixelHeader) -> str:
        """Why frames cannot go from one transfer syntax to another; empty where they can.

        Answers from tables alone, in microseconds. The same transfer syntax is never an obstacle;
        video always is.

        Args:
            source, target: Transfer Syntax UIDs; Explicit VR Little Endian stands for all native
                ones.
            pixel: Description of the pixels as stored.
        """
        ...

    def outcome(self, source: str, target: str, pixel: PixelHeader) -> PixelHeader:
        """The description of frames once they are transcoded, told before that.

        Args:
            source, target, pixel: As for `obstacle`, which finds none.
        """
        ...

    def is_spare(self) -> bool:
        """Whether something could be made at once, which nobody else would have to wait for."""
        ...

    async def transcode(self, frame: Frame, target: Target) -> Frame:
        """Transcode one frame.

        Returns:
            Its `pixel` equals `outcome(...)`; native data have exactly the length it tells.

        Raises:
            FrameUndecodable: The frame is damaged, lies about its size or cannot become that.
            CodecFailed: The codec crashed, hung or met its limits.
            TooBusy: Too many wait.
        """
        ...

    async def render(
        self, frame: Frame, rendering: Rendering, background: Background | None = None
    ) -> bytes:
        """Make a picture of one frame.

        Args:
            frame: In any transfer syntax that can be decoded.
            rendering: How.
            background: What a frame with `colour` or `tint` is laid on; None for black.

        Raises:
            FrameUndecodable, CodecFailed, TooBusy: As for `transcode`.
        """
        ...

    async def animate(
        self, pictures: Sequence[bytes], media_type: str, milliseconds: Sequence[int]
    ) -> bytes:
        """Put pictures together as one animation.

        Args:
            pictures: Pictures of type RAW_PICTURE, all of one size.
            media_type: image/gif or image/webp.
            milliseconds: How long each is shown.

        Raises:
            CodecFailed, TooBusy: As for `transcode`.
        """
        ...

    async def draw(self, drawing: Drawing, media_type: str, quality: int) -> bytes:
        """Make a picture of a drawing.

        Args:
            drawing: Lines and words.
            media_type: As in Rendering.
            quality: 1 to 100 for lossy media types.

        Raises:
            CodecFailed, TooBusy: As for `transcode`.
        """
        ...

    async def greatest(self, frame: Frame) -> float:
        """The greatest stored value of one frame; 0 where no sample is a number.

        Raises:
            FrameUndecodable, CodecFailed, TooBusy: As for `transcode`.
        """
        ...

    async def close(self) -> None:
        """End the processes."""
        ...
