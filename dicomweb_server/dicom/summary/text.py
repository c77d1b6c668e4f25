"""Listings as plain text."""

from __future__ import annotations

from collections.abc import Iterator

from dicomweb_server.dicom.summary.listing import NOTICE, Listing, Row, Table


def text(listing: Listing) -> str:
    """The whole text; lines end with a line feed.

    Args:
        listing: What it tells.
    """
    return "\n".join((*_head(listing), *_tables(listing), f"{listing.kind} {listing.instance}", ""))


def _head(listing: Listing) -> Iterator[str]:
    yield listing.kind
    yield "=" * min(len(listing.kind), 80)
    yield NOTICE
    for lines in (listing.patient, listing.study, listing.facts):
        if lines:
            yield ""
        yield from (f"{line.name}: {_one_line(line.text)}" for line in lines)
    yield ""


def _tables(listing: Listing) -> Iterator[str]:
    for table in listing.tables:
        yield from _table(table)
        yield ""


def _table(table: Table) -> Iterator[str]:
    yield table.title
    yield f"  {' | '.join(table.columns)}"
    yield from map(_row, table.rows)
    if table.left_out:
        yield "  There is more that is not listed here."


def _row(row: Row) -> str:
    cells = [_one_line(cell) for cell in row.cells]
    if row.colour is not None:
        cells.append("colour {}, {}, {}".format(*row.colour))
    return f"  {' | '.join(cells)}".rstrip(" |")


def _one_line(words: str) -> str:
    return " ".join(words.split())
