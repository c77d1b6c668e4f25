"""Entries of the change feed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dicomweb_server.model.ids import InstanceKey


class ChangeAction(StrEnum):
    """What happened to an instance."""

    STORED = "stored"
    REPLACED = "replaced"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one instance.

    Args:
        sequence: Grows by one with each change, without gaps.
        action: What happened.
        key: To which instance.
        digest: The bytes concerned.
        at: Nanoseconds since 1970 (UTC).
    """

    sequence: int
    action: ChangeAction
    key: InstanceKey
    digest: str
    at: int
