"""Listings as HTML."""

from __future__ import annotations

from collections.abc import Iterator

from dicomweb_server.dicom import page
from dicomweb_server.dicom.page import element, escape, value
from dicomweb_server.dicom.summary.listing import NOTICE, Listing, Row, Table


def html(listing: Listing) -> str:
    """The whole page.

    Args:
        listing: What it tells.
    """
    return page.page(listing.title, _body(listing))


def _body(listing: Listing) -> Iterator[str]:
    yield f"<header>{element('h1', listing.kind)}{element('p', NOTICE)}"
    for lines in (listing.patient, listing.study, listing.facts):
        yield from page.definitions((line.name, line.text) for line in lines)
    yield "</header>\n"
    for table in listing.tables:
        yield from _table(table)
    instance = element("small", listing.instance)
    yield f"<footer><p>{escape(listing.kind)} {instance}</p></footer>"


def _table(table: Table) -> Iterator[str]:
    yield f"<section>{element('h2', table.title)}<table><thead><tr>"
    yield from (f'<th scope="col">{escape(column)}</th>' for column in table.columns)
    yield "</tr></thead><tbody>\n"
    yield from map(_row, table.rows)
    yield "</tbody></table>"
    if table.left_out:
        yield element("p", "There is more that is not listed here.", "warning")
    yield "</section>\n"


def _row(row: Row) -> str:
    first, *others = row.cells
    cells = [f"<td>{_swatch(row)}{value(first)}</td>"]
    cells += [f"<td>{value(cell)}</td>" for cell in others]
    return f"<tr>{''.join(cells)}</tr>\n"


def _swatch(row: Row) -> str:
    """A patch of a colour, drawn: attributes for style are not allowed on these pages."""
    if row.colour is None:
        return ""
    red, green, blue = row.colour
    square = f'<rect width="16" height="16" fill="#{red:02x}{green:02x}{blue:02x}"/>'
    label = f"colour {red}, {green}, {blue}"
    return (
        f'<svg class="swatch" width="16" height="16" role="img" aria-label="{label}">'
        f"{square}</svg> "
    )
