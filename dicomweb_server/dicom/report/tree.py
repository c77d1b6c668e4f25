"""Structured reports as a tree of content items (PS3.3 C.17.3)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """A coded entry (PS3.3 8.8).

    Args:
        value: Code Value, long or URN form.
        scheme: Coding Scheme Designator.
        meaning: Code Meaning.
    """

    value: str = ""
    scheme: str = ""
    meaning: str = ""

    def __bool__(self) -> bool:
        return bool(self.value or self.meaning)

    @property
    def words(self) -> str:
        """What a reader is told: the meaning, or the value where there is none."""
        return self.meaning or self.value


NO_CODE = Code()
"""What stands where nothing is coded."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference to another object.

    Args:
        study, series: UIDs as the evidence of the report tells them; empty where it does not.
        instance: SOP Instance UID.
        sop_class: SOP Class UID.
        kind: What the object is, in words.
        parts: Frames, segments, channels that are meant, in words; empty for all of it.
    """

    study: str
    series: str
    instance: str
    sop_class: str
    kind: str
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table, or as much of it as is shown.

    Args:
        rows, columns: Its whole size.
        titles: Names of columns; empty where they have none.
        names: Names of rows; empty where they have none.
        cells: Values of each row; empty texts for missing ones.
    """

    rows: int
    columns: int
    titles: tuple[str, ...]
    names: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]

    @property
    def size(self) -> str:
        """Its size in words, and how much of it is shown."""
        told = f"table of {self.rows} rows and {self.columns} columns"
        shown = (len(self.cells), len(self.cells[0]) if self.cells else 0)
        if shown == (self.rows, self.columns):
            return told
        return f"{told}; the first {shown[0]} rows and {shown[1]} columns of it"


@dataclass(frozen=True, slots=True)
class Content:
    """A content item and what is below it.

    Args:
        kind: Value Type; empty for a reference by identifier.
        relationship: Relationship Type to the item around it.
        name: Concept Name.
        text: The value in words, without units.
        code: The value of CODE.
        units: Measurement Units of NUM.
        qualifier: Why a number is missing or special.
        observed: Observation DateTime in words where it has one of its own.
        references: Objects that it refers to.
        bulk: Path of a value that is too long for the document.
        flowing: Whether its children are one text rather than a list (CONTINUOUS).
        number: Its identifier, "1.2.3".
        target: Identifier of the item that it refers to; empty for items with a value.
        table: What TABLE holds.
        children: Items below it.
    """

    kind: str
    relationship: str = ""
    name: Code = NO_CODE
    text: str = ""
    code: Code = NO_CODE
    units: Code = NO_CODE
    qualifier: Code = NO_CODE
    observed: str = ""
    references: tuple[Reference, ...] = ()
    bulk: str = ""
    flowing: bool = False
    number: str = "1"
    target: str = ""
    table: Table | None = None
    children: tuple[Content, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the header: what it is, and what it says."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """A structured report or a selection of key objects.

    Args:
        title: Its title: the concept name of the root.
        kind: What kind of object it is.
        language: Language of the content (RFC 5646); empty where it is not told.
        patient, study: Lines about the patient and the study.
        status: Completion, verification, dates.
        people: Who verified, wrote, took part.
        key: The report itself.
        root: Its content.
        former: Reports that it replaces.
        targets: Identifiers to which items refer.
        left_out: Content items that are not in the tree because they are too many or too deep.
    """

    title: str
    kind: str
    language: str
    patient: tuple[Entry, ...]
    study: tuple[Entry, ...]
    status: tuple[Entry, ...]
    people: tuple[Entry, ...]
    key: Reference
    root: Content
    former: tuple[Reference, ...] = ()
    targets: frozenset[str] = frozenset()
    left_out: int = 0
