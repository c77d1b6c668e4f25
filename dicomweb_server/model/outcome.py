"""What became of instances that were to be stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum, StrEnum

from dicomweb_server.model.ids import InstanceKey


class DuplicatePolicy(StrEnum):
    """What happens to an instance whose UIDs are stored already with other bytes."""

    KEEP = "keep"
    """The stored one stays; the answer carries a warning."""
    REPLACE = "replace"
    """The new one takes its place."""
    REJECT = "reject"
    """The new one is refused."""


class PreamblePolicy(StrEnum):
    """What happens to a preamble that holds more than nothing or the header of a TIFF file."""

    ZERO = "zero"
    """It is stored as it came, and leaves the archive empty."""
    REJECT = "reject"
    """The instance is refused; what was stored before leaves as with ZERO."""
    KEEP = "keep"
    """It leaves the archive as it came."""


class FailureReason(IntEnum):
    """Why an instance was not stored (PS3.18 Table I.2-2, PS3.7 Annex C)."""

    PROCESSING_FAILURE = 0x0110
    DUPLICATE_INSTANCE = 0x0111
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    NOT_AUTHORISED = 0x0124
    OUT_OF_RESOURCES = 0xA700
    DOES_NOT_MATCH_SOP_CLASS = 0xA900
    CANNOT_UNDERSTAND = 0xC000
    TRANSFER_SYNTAX_NOT_SUPPORTED = 0xC122


class WarningReason(IntEnum):
    """What was unusual about an instance that is stored (PS3.18 Table I.2-1)."""

    COERCION = 0xB000
    ELEMENTS_DISCARDED = 0xB006
    DOES_NOT_MATCH_SOP_CLASS = 0xB007
    INSTANCE_EXISTS = 0xB00E
    """Our own code (also Microsoft's dicom-server uses it): other bytes are stored and stay."""


class PutOutcome(Enum):
    """What the index did with one new instance."""

    ADDED = "added"
    UNCHANGED = "unchanged"
    """The same bytes were there already."""
    MENDED = "mended"
    """The same bytes had been stored and were damaged; they are whole again."""
    KEPT = "kept"
    """Other bytes are stored under these UIDs and stay."""
    REPLACED = "replaced"
    """Other bytes were stored under these UIDs; the new ones took their place."""
    REJECTED = "rejected"
    """Other bytes are stored under these UIDs; the new ones are refused."""


@dataclass(frozen=True, slots=True)
class PutResult:
    """Answer of the index to one new instance.

    Args:
        outcome: What was done.
        sequence: Number of the change, 0 where nothing changed.
        orphan: Digest that no row refers to any more because of this put: the replaced blob, or
            the new one where it was kept out; None where there is none.
    """

    outcome: PutOutcome
    sequence: int
    orphan: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """An instance that is safe in the archive."""

    key: InstanceKey
    sop_class: str
    outcome: PutOutcome
    warning: WarningReason | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """An instance that is not in the archive.

    Args:
        reason: The code for the response.
        detail: What was wrong, without patient data.
        sop_class: SOP Class UID, empty where unknown.
        instance: SOP Instance UID, empty where unknown.
    """

    reason: FailureReason
    detail: str
    sop_class: str = ""
    instance: str = ""


@dataclass(frozen=True, slots=True)
class StoreReport:
    """Outcome of one store request, in the order of its parts."""

    study: str | None
    stored: tuple[Stored, ...] = ()
    failed: tuple[Failed, ...] = field(default=())
