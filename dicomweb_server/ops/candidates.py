"""Things that may be DICOM instances: files, and entries of ZIP archives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import BinaryIO, Protocol

from dicomweb_server.dicom.directory import MEDIA_STORAGE_DIRECTORY
from dicomweb_server.dicom.meta import read_meta
from dicomweb_server.dicom.window import Window
from dicomweb_server.errors import InstanceRejected
from dicomweb_server.model.limits import KIB
from dicomweb_server.model.source import MemorySource

HEAD = 16 * KIB
"""Bytes that tell what a file is."""


class Kind(Enum):
    """What the head of a file says."""

    INSTANCE = "instance"
    DIRECTORY = "directory"
    ARCHIVE = "archive"
    OTHER = "other"


class Reader(Protocol):
    """Bytes that can be read once, from the begin to the end."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `size`; nothing at the end."""
        ...

    def close(self) -> None:
        """Release it."""
        ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """Bytes that look like an instance.

    Args:
        name: Where they lie, for people.
        size: Their length.
        mark: Changes when they change: time of the last change, or a checksum.
        uid: Media Storage SOP Instance UID, empty where unknown.
        open: Opens them for reading; may raise OSError or InvalidRequest.
    """

    name: str
    size: int
    mark: int
    uid: str
    open: Callable[[], Reader]


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that is not an instance.

    Args:
        name: Where it lies, for people.
        reason: Why it could not be read; empty where it simply is none.
        size: Bytes that were passed over.
    """

    name: str
    reason: str = ""
    size: int = 0


Found = Candidate | Skipped


def kind_of(head: bytes) -> tuple[Kind, str]:
    """What a file is, told by its first HEAD bytes; and its Media Storage SOP Instance UID."""
    if head[128:132] == b"DICM":
        try:
            meta = read_meta(Window(MemorySource(head)), _ignore)
        except InstanceRejected:
            return Kind.INSTANCE, ""
        is_directory = meta.sop_class == MEDIA_STORAGE_DIRECTORY
        return (Kind.DIRECTORY if is_directory else Kind.INSTANCE), meta.sop_instance
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return Kind.ARCHIVE, ""
    return Kind.OTHER, ""


def read_exactly(stream: BinaryIO | Reader, size: int) -> bytes:
    """Read until `size` bytes or the end."""
    pieces = []
    while size > 0 and (piece := stream.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _ignore(text: str) -> None:
    """Deviations of the File Meta Information are the archive's concern."""
