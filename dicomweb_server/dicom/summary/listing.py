"""Listings of objects that have neither picture nor text of their own."""

from __future__ import annotations

from dataclasses import dataclass

from dicomweb_server.dicom.report.tree import Entry
from dicomweb_server.model.drawing import Colour

NOTICE = "This is a listing of what the object holds. It has no picture that could be shown here."


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table.

    Args:
        cells: As many as the table has columns.
        colour: In which the thing is displayed; None where it has no colour.
    """

    cells: tuple[str, ...]
    colour: Colour | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Args:
        title: What it lists.
        columns: What stands above its columns.
        rows: Its lines.
        left_out: Lines that there are beyond.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """What is told of an object.

    Args:
        kind: What it is.
        title: What it calls itself; may be empty.
        patient, study: Lines of its header.
        facts: What matters most.
        tables: What it holds.
        instance: SOP Instance UID.
    """

    kind: str
    title: str
    patient: tuple[Entry, ...]
    study: tuple[Entry, ...]
    facts: tuple[Entry, ...]
    tables: tuple[Table, ...]
    instance: str
