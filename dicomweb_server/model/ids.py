"""Identifiers: UIDs and the place of something in study, series, instance."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

from dicomweb_server.errors import InvalidIdentifier

UID_PATTERN = re.compile(r"[0-9.]{1,64}", re.ASCII)


class Level(IntEnum):
    """The three levels of the Studies Service (PS3.18 10.1)."""

    STUDY = 1
    SERIES = 2
    INSTANCE = 3

    __hash__ = int.__hash__  # that of Enum costs more than all else of a look-up


def is_uid(text: str) -> bool:
    """Whether a text may stand as a UID: 1 to 64 digits and dots (PS3.5 9.1).

    Leading zeros of components are let through: real archives hold such UIDs.
    """
    return UID_PATTERN.fullmatch(text) is not None and text.strip(".") != ""


def require_uid(text: str, what: str) -> str:
    """Return a UID unchanged.

    Args:
        text: The candidate.
        what: Its keyword, for the message.

    Raises:
        InvalidIdentifier: It is not a UID.
    """
    if not is_uid(text):
        raise InvalidIdentifier(
            f"{what} is not a UID", "a UID has 1 to 64 characters, digits and dots only"
        )
    return text


@dataclass(frozen=True, slots=True)
class InstanceKey:
    """The three UIDs that name one instance."""

    study: str
    series: str
    instance: str


@dataclass(frozen=True, slots=True)
class Scope:
    """A part of the archive: everything, a study, a series or an instance."""

    study: str | None = None
    series: str | None = None
    instance: str | None = None

    @property
    def level(self) -> Level | None:
        """The deepest level that is named; None is the whole archive."""
        if self.instance is not None:
            return Level.INSTANCE
        if self.series is not None:
            return Level.SERIES
        return None if self.study is None else Level.STUDY

    @property
    def path(self) -> str:
        """The scope's path below the DICOMweb root, for example ``/studies/1.2/series/3.4``."""
        path = ""
        if self.study is not None:
            path += f"/studies/{self.study}"
        if self.series is not None:
            path += f"/series/{self.series}"
        if self.instance is not None:
            path += f"/instances/{self.instance}"
        return path

    @classmethod
    def of(cls, key: InstanceKey) -> Scope:
        """The scope of exactly one instance."""
        return cls(key.study, key.series, key.instance)
