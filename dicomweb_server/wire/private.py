"""Private attributes in searches: they count together with their creator (PS3.18 8.3.4.1)."""

from __future__ import annotations

from collections.abc import Iterable

from dicomweb_server.model.tags import hex_of, is_private, parse_tag
from dicomweb_server.wire.querystring import Parameter

VR = "LO"
"""Private attributes are matched as text: no dictionary tells what they are."""


def is_creator(tag: int) -> bool:
    """Whether a tag is that of an element which names the creator of a block (PS3.5 7.8.1)."""
    return is_private(tag) and 0x10 <= tag & 0xFFFF <= 0xFF


def is_element(tag: int) -> bool:
    """Whether a tag lies in the block of a creator."""
    return is_private(tag) and tag & 0xFFFF >= 0x1000


def creator_of(tag: int) -> int:
    """Tag of the element that names the creator of a private attribute."""
    return tag & 0xFFFF0000 | tag >> 8 & 0xFF


def creators(parameters: Iterable[Parameter]) -> frozenset[int]:
    """The creators that a query names, by their tags."""
    named = (parse_tag(p.name) for p in parameters if p.name.isascii() and p.value)
    return frozenset(tag for tag in named if tag is not None and is_creator(tag))


def lacks_creator(tag: int, named: frozenset[int]) -> str:
    """Why a private attribute does not count, as the rest of a sentence; empty where it does.

    Args:
        tag: Any tag.
        named: The creators that the query names.
    """
    if not is_element(tag) or creator_of(tag) in named:
        return ""
    return f"is private and needs its creator as a match, {hex_of(creator_of(tag))}=NAME,"
