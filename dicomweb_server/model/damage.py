"""What can be wrong with stored bytes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Harm(StrEnum):
    """In which way stored bytes are not what was stored."""

    MISSING = "missing"
    """They are not there."""
    SIZE = "size"
    """They are fewer or more than were stored."""
    CONTENT = "content"
    """Their hash is another one."""
    UNREADABLE = "unreadable"
    """The disk does not give them."""


TOLD = {
    Harm.MISSING: "its stored bytes are missing",
    Harm.SIZE: "its stored bytes do not have the length that was stored",
    Harm.CONTENT: "its stored bytes differ from their hash",
    Harm.UNREADABLE: "its stored bytes cannot be read",
}
"""Each kind of harm as half a sentence about an instance."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Stored bytes that were found damaged.

    Args:
        digest: SHA-256 that they should have, in lower-case hex.
        harm: What is wrong.
        version: Of the file in which that was found, as in BlobState; empty where there was none.
    """

    digest: str
    harm: Harm
    version: str = ""
