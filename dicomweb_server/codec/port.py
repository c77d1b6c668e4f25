"""What the archive asks of decoders."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from dicomweb_server.model.picture import Picture

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
