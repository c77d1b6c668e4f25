"""How content items are put into words, the same in HTML and in plain text."""

from __future__ import annotations

from collections.abc import Iterator

from dicomweb_server.dicom.report.codes import unit
from dicomweb_server.dicom.report.tree import Code, Content, Reference, Report

Found = dict[str, Content]
"""Content items by their identifiers."""

_RELATIONSHIPS = {
    "INFERRED FROM": "inferred from",
    "SELECTED FROM": "selected from",
    "HAS OBS CONTEXT": "context",
    "HAS ACQ CONTEXT": "acquisition",
    "HAS CONCEPT MOD": "modifier",
}
_REFERRING = frozenset(("IMAGE", "WAVEFORM", "COMPOSITE"))
_PROSE = frozenset(("TEXT", "CODE", "NUM", "PNAME", "DATE", "TIME", "DATETIME"))
_CLOSING = frozenset(".,;:!?)")
_NOTHING = "no value"


def relationship(content: Content) -> str:
    """What an item is to the item around it; empty where being below it says enough."""
    return _RELATIONSHIPS.get(content.relationship, "")


def label(content: Content) -> str:
    """What an item is called; empty where it has no name, as references often do."""
    if content.name:
        return content.name.words
    return "" if content.references or content.kind in _REFERRING else content.kind.lower()


def is_container(content: Content) -> bool:
    """Whether an item is a heading for others rather than a value."""
    return content.kind == "CONTAINER"


def small(code: Code) -> str:
    """Value and scheme of a code, as they stand in brackets; empty without a value."""
    words = [word for word in (code.value, code.scheme) if word]
    return ", ".join(words) if code.value else ""


def measured(content: Content) -> str:
    """The value of an item with its unit."""
    symbol = unit(content.units) if content.text else ""
    tight = symbol in ("%", "°")
    return f"{content.text}{'' if tight or not symbol else ' '}{symbol}"


def remarks(content: Content) -> Iterator[str]:
    """What stands small behind a value: its code or that of its unit, qualifier, time."""
    if content.code and content.code.meaning:
        yield small(content.code)
    if content.units and content.text and _is_translated(content.units):
        yield small(content.units)
    if content.qualifier:
        yield content.qualifier.words
    if content.observed:
        yield f"observed {content.observed}"


def _is_translated(units: Code) -> bool:
    """Whether what is shown of a unit is more than another way to write its code."""
    return unit(units) not in ("", units.value, units.meaning) and not units.value.startswith("{")


def missing(content: Content) -> str:
    """What is said of an item that ought to have a value and has none; else empty."""
    is_empty = not (content.text or content.bulk or content.references or content.children)
    return _NOTHING if is_empty and not content.target else ""


def flows(content: Content) -> bool:
    """Whether the children of a container are read as one text.

    Many writers call lists of measurements continuous; so the children have to be texts above all.
    """
    children = content.children
    texts = sum(child.kind == "TEXT" for child in children)
    return (
        content.flowing
        and texts * 2 > len(children)
        and all(_is_prose(child) for child in children)
    )


def gap(text: str) -> str:
    """What stands between a text and the one in front of it: none ahead of punctuation."""
    return "" if text[:1] in _CLOSING else " "


def _is_prose(child: Content) -> bool:
    return (
        child.kind in _PROSE
        and bool(child.text)
        and not (child.children or child.references or child.target)
        and child.relationship in ("", "CONTAINS")
    )


def referred(reference: Reference) -> str:
    """What kind of object is referred to, and which parts of it."""
    return ", ".join((reference.kind, *reference.parts))


def targets(report: Report) -> Found:
    """The items to which others refer."""
    found: Found = {}
    left = [report.root]
    while left and len(found) < len(report.targets):
        content = left.pop()
        if content.number in report.targets:
            found[content.number] = content
        left.extend(content.children)
    return found


def notice(report: Report) -> str:
    """What a reader has to know of items that are not shown; empty where all are."""
    if not report.left_out:
        return ""
    return (
        "This page is not complete: the report has more content than fits here. "
        "Read the whole of it with a DICOM viewer."
    )
