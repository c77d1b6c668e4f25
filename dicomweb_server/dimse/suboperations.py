"""The sub-operations of a C-MOVE or C-GET: what became of them (PS3.4 C.4.2, C.4.3)."""

from __future__ import annotations

from enum import Enum
from typing import Final

from dicomweb_server.dicom import answer
from dicomweb_server.dicom.charset_out import writer_of
from dicomweb_server.dicom.elements import DataSet, Element
from dicomweb_server.dimse import outgoing
from dicomweb_server.dimse.outgoing import Field
from dicomweb_server.dimse.status import SUCCESS, Status

PENDING: Final = 0xFF00
CANCELLED: Final = 0xFE00
SOME_FAILED: Final = 0xB000
ALL_FAILED: Final = 0xA702
_FAILED_LIST: Final = 0x00080058
_LONGEST_LIST: Final = 65_534
"""Bytes of a list of UIDs in explicit VR (PS3.5 7.1.2)."""
_MOST: Final = 0xFFFF
"""Greatest number that a response can tell (US)."""


class Outcome(Enum):
    """What became of one sub-operation."""

    COMPLETED = "completed"
    WARNING = "warning"
    FAILED = "failed"


class SubOperations:
    """Counts.

    Args:
        remaining: How many there are.
    """

    def __init__(self, remaining: int) -> None:
        self.remaining = remaining
        self.completed = 0
        self.warning = 0
        self.failed = 0
        self._list: list[str] = []
        self._bytes = 0

    def note(self, outcome: Outcome, instance: str) -> None:
        """One more is done.

        Args:
            outcome: What became of it.
            instance: Its SOP Instance UID.
        """
        self.remaining -= 1
        if outcome is Outcome.COMPLETED:
            self.completed += 1
        elif outcome is Outcome.WARNING:
            self.warning += 1
        else:
            self.failed += 1
            self._bytes += len(instance) + 1
            if self._bytes <= _LONGEST_LIST:
                self._list.append(instance)

    def lose(self) -> None:
        """Those that remain have failed, because they are not there any more."""
        self.failed += self.remaining
        self.remaining = 0

    def fields(self, *, final: bool) -> dict[int, Field]:
        """The numbers for a response.

        Args:
            final: Whether nothing remains that could be told.
        """
        numbers = {
            outgoing.COMPLETED: self.completed,
            outgoing.FAILED: self.failed,
            outgoing.WARNING: self.warning,
        }
        if not final:
            numbers[outgoing.REMAINING] = self.remaining
        return {number: min(count, _MOST) for number, count in numbers.items()}

    def status(self) -> Status:
        """The status of the last response."""
        if not self.failed:
            return Status(SUCCESS)  # a warning of the receiver is no failure
        if self.completed or self.warning:
            return Status(SOME_FAILED, f"{self.failed} sub-operations failed")
        return Status(ALL_FAILED, "all sub-operations failed")

    def failures(self, *, implicit: bool) -> bytes | None:
        """The identifier with the Failed SOP Instance UID List, as long as it fits; None for none.

        Args:
            implicit: Whether value representations are left out.
        """
        if not self._list:
            return None
        uids = "\\".join(self._list).encode("ascii", "replace")
        return answer.encode(DataSet((Element(_FAILED_LIST, "UI", uids),)), writer_of(()), implicit)
