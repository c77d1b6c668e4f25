"""Attributes as query parameters name them: tag, keyword, or a dotted path of both."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dicomweb_server.errors import InvalidParameter
from dicomweb_server.model.levels import vr_of
from dicomweb_server.model.query import Path
from dicomweb_server.model.tags import is_private, lookup, parse_tag
from dicomweb_server.wire import private

_NAME = re.compile(r"[A-Za-z0-9]+(?:\.[A-Za-z0-9]+)*", re.ASCII)
_LONGEST = 256
_SHOWN = 64
_FIRST_TAG = 0x00080000


@dataclass(frozen=True, slots=True)
class Attribute:
    """A known attribute, as a request named it.

    Args:
        name: As written; letters, digits and dots only.
        path: Its tags from the root.
        vr: Value representation of the last tag, the first one where PS3.6 names several.
        vm: Value multiplicity of the last tag as in PS3.6, for example ``1-n``.
    """

    name: str
    path: Path
    vr: str
    vm: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A name that no attribute has which searches could know.

    Args:
        reason: The name, as far as it may be repeated, and what is wrong with it: the beginning of
            a sentence for a Warning.
    """

    reason: str


def read(parameter: str, name: str) -> Attribute | Unknown:
    """Read the name of an attribute (PS3.18 8.3.1).

    Args:
        parameter: Which parameter holds the name, for the message of an error.
        name: For example ``00100010``, ``PatientName``, ``OtherPatientIDsSequence.00100020``.

    Raises:
        InvalidParameter: A dotted path leads through something that is no sequence.
    """
    if len(name) > _LONGEST or not _NAME.fullmatch(name):
        return Unknown(f"{shown(name)} is not known")
    tags = [parse_tag(part) for part in name.split(".")]
    path = tuple(tag for tag in tags if tag is not None)
    if any(map(is_private, path)):
        return _private(name, path)
    if len(path) < len(tags) or not all(map(_is_known, path)):
        return Unknown(f"{shown(name)} is not known")
    if any(vr_of(tag) != "SQ" for tag in path[:-1]):
        raise InvalidParameter(
            parameter,
            "a dotted path leads through an attribute that is not a sequence",
            "write sequences first, as in OtherPatientIDsSequence.PatientID",
        )
    entry = lookup(path[-1])
    return Attribute(name, path, vr_of(path[-1]), entry.vm if entry else "1")


def _private(name: str, path: Path) -> Attribute | Unknown:
    """A private attribute at the root; those in sequences are not searched."""
    if len(path) == 1 and (private.is_creator(path[0]) or private.is_element(path[0])):
        return Attribute(name, path, private.VR, "1-n")
    return Unknown(f"{shown(name)} is private and no attribute of a block; it is not searchable")


def shown(name: str) -> str:
    """A parameter's name for messages: nothing but letters, digits and dots, cut when long."""
    plain = "".join(c for c in name[:_SHOWN] if c == "." or (c.isascii() and c.isalnum()))
    return plain if plain == name else f"{plain}..."


def _is_known(tag: int) -> bool:
    """Whether PS3.6 has the tag, commands and file meta information left out."""
    return tag >= _FIRST_TAG and lookup(tag) is not None
