"""Functional groups: what enhanced objects say of one frame (PS3.3 C.7.6.16)."""

from __future__ import annotations

from dicomweb_server.dicom.appearance.attributes import Attributes

_SHARED = 0x52009229
_PER_FRAME = 0x52009230


class FrameGroups:
    """The functional groups of one frame; no other frame is looked at.

    Args:
        document: The data set.
        frame: From 1.
    """

    __slots__ = ("_own", "_shared", "document", "frame")

    def __init__(self, document: Attributes, frame: int) -> None:
        self.document = document
        self.frame = frame
        self._shared = document.child(_SHARED)
        self._own = document.child(_PER_FRAME, frame)

    def macro(self, tag: int) -> Attributes:
        """The first item of a functional group; an empty one where the frame has none.

        Args:
            tag: Its sequence. That of the frame goes before that of all frames.
        """
        return self._own.child(tag) or self._shared.child(tag)

    def holders(self, tag: int) -> tuple[Attributes, ...]:
        """Where attributes of a functional group may stand: in it, else in the data set itself."""
        found = self.macro(tag)
        return (found, self.document) if found else (self.document,)
