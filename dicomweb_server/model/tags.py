"""Data element tags and the dictionary of PS3.6, which ships with the code as a table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of PS3.6: an element's keyword, value representation and multiplicity.

    `vr` may name alternatives, as in PS3.6: "US or SS", "OB or OW".
    """

    keyword: str
    vr: str
    vm: str


@cache
def dictionary() -> dict[int, Entry]:
    """Every public element of PS3.6 by its tag; repeating groups by their base (6000, 5000)."""
    text = files("dicomweb_server.model").joinpath("dictionary.tsv").read_text("utf-8")
    entries = {}
    for line in text.splitlines():
        tag, vr, vm, keyword = line.split("\t")
        entries[int(tag, 16)] = Entry(keyword, vr, vm)
    return entries


@cache
def _tags() -> dict[str, int]:
    return {entry.keyword: tag for tag, entry in dictionary().items()}


def lookup(tag: int) -> Entry | None:
    """The dictionary's entry of a tag, None for private and unknown ones."""
    entry = dictionary().get(tag)
    if entry is None and 0x5000 <= tag >> 16 <= 0x60FF and not tag >> 16 & 1:
        entry = dictionary().get(tag & 0xFF00FFFF)
    return entry


def keyword_of(tag: int) -> str:
    """Keyword of a tag, empty where it has none."""
    entry = lookup(tag)
    return entry.keyword if entry else ""


def tag_of(keyword: str) -> int | None:
    """Tag of a keyword (case-sensitive, PS3.18 8.3.1), None where unknown."""
    return _tags().get(keyword)


def hex_of(tag: int) -> str:
    """A tag as 8 upper-case hex digits, as in DICOM JSON (PS3.18 F.2.2)."""
    return f"{tag:08X}"


def is_private(tag: int) -> bool:
    """Whether a tag's group is odd (PS3.5 7.8)."""
    return bool(tag & 0x10000)


def parse_tag(text: str) -> int | None:
    """Read 8 hex digits in either case or a keyword; None where it is neither."""
    if len(text) == 8:
        try:
            return int(text, 16) if text.isalnum() else None
        except ValueError:
            pass
    return tag_of(text)
