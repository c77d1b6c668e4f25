"""The ways in which one instance is refused."""

from __future__ import annotations

from dicomweb_server.errors import InstanceRejected
from dicomweb_server.model.outcome import FailureReason


def not_understood(detail: str, hint: str = "") -> InstanceRejected:
    """The bytes are not an intact Part 10 file with the UIDs that name an instance."""
    return InstanceRejected(FailureReason.CANNOT_UNDERSTAND, detail, hint)


def cut_off(where: str) -> InstanceRejected:
    """The file ends inside of something."""
    return not_understood(f"cut off: the file ends inside {where}", "send the complete file again")


def syntax_not_supported(detail: str, hint: str = "") -> InstanceRejected:
    """The transfer syntax is not one that can be stored."""
    return InstanceRejected(FailureReason.TRANSFER_SYNTAX_NOT_SUPPORTED, detail, hint)


def too_large(detail: str, hint: str = "") -> InstanceRejected:
    """A limit on what is taken from outside was met."""
    return InstanceRejected(FailureReason.OUT_OF_RESOURCES, detail, hint)


def tag_text(tag: int) -> str:
    """A tag as people write it, for messages."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
