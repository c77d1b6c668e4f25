"""Reports as indented plain text (PS3.18 8.7.4, Rendered text)."""

from __future__ import annotations

from collections.abc import Iterator

from dicomweb_server.dicom.report import phrases
from dicomweb_server.dicom.report.tree import Content, Reference, Report, Table

_STEP = "  "


def text(report: Report) -> str:
    """The whole text; lines end with a line feed.

    Args:
        report: What it tells.
    """
    targets = phrases.targets(report)
    return "\n".join((*_header(report), "", *_body(report, targets), "", *_end(report)))


def _header(report: Report) -> Iterator[str]:
    yield report.title
    yield "=" * min(len(report.title), 80)
    yield report.kind
    notice = phrases.notice(report)
    if notice:
        yield f"\n*** {notice} ***"
    for lines in (report.patient, report.study, report.status, report.people):
        if lines:
            yield ""
        for line in lines:
            yield from _wrapped("", f"{line.name}: ", line.text)


def _body(report: Report, targets: phrases.Found) -> Iterator[str]:
    if phrases.flows(report.root):
        yield from _flow(report.root, "")
    for child in () if phrases.flows(report.root) else report.root.children:
        yield from _item(child, "", targets)


def _end(report: Report) -> Iterator[str]:
    yield from (f"Replaces: {_reference(former)}" for former in report.former)
    yield f"{report.kind} {report.key.instance}"
    yield ""


def _item(content: Content, indent: str, targets: phrases.Found) -> Iterator[str]:
    if phrases.is_container(content):
        yield f"{indent}{content.name.words or '-'}{_smalls(content)}"
    else:
        label = phrases.label(content)
        related = phrases.relationship(content)
        lead = f"- {f'[{related}] ' if related else ''}{f'{label}: ' if label else ''}"
        yield from _wrapped(indent, lead, "; ".join(_values(content, targets)))
    below = indent + _STEP
    if content.table is not None:
        yield from (f"{below}{line}" for line in _table(content.table))
    if phrases.is_container(content) and phrases.flows(content):
        yield from _flow(content, below)
        return
    if phrases.is_container(content) and not content.children:
        yield f"{below}nothing"
    for child in content.children:
        yield from _item(child, below, targets)


def _flow(content: Content, indent: str) -> Iterator[str]:
    words: list[str] = []
    for child in content.children:
        told = phrases.measured(child)
        if child.kind != "TEXT" and child.name:
            told += f" ({child.name.words})"
        words.append(f"{phrases.gap(told) if words else ''}{told}")
    yield from _wrapped(indent, "", "".join(words))


def _values(content: Content, targets: phrases.Found) -> Iterator[str]:
    if content.text or any(phrases.remarks(content)):
        remarks = "".join(f" ({words})" for words in phrases.remarks(content))
        yield f"{phrases.measured(content)}{remarks}".strip()
    if content.bulk:
        yield "a long text, to be read with a DICOM viewer"
    yield from map(_reference, content.references)
    if content.target:
        found = targets.get(content.target)
        words = phrases.label(found) if found else "which is not here"
        yield f"item {content.target}{f', {words}' if words else ''}"
    missing = phrases.missing(content)
    if missing:
        yield missing


def _table(table: Table) -> Iterator[str]:
    """Cells between bars; line feeds in them become spaces."""
    rows = [table.titles, *table.cells] if table.titles else list(table.cells)
    names = ("",) * (len(rows) - len(table.cells)) + table.names
    for number, row in enumerate(rows):
        told = (names[number], *row) if table.names else row
        yield " | ".join(" ".join(cell.split()) for cell in told).rstrip()


def _smalls(content: Content) -> str:
    words = [phrases.relationship(content), *phrases.remarks(content)]
    return "".join(f" ({word})" for word in words if word)


def _reference(reference: Reference) -> str:
    return f"{phrases.referred(reference)} {reference.instance}"


def _wrapped(indent: str, lead: str, told: str) -> Iterator[str]:
    """A text behind its name; further lines of it are indented as far."""
    first, *others = told.split("\n")
    yield f"{indent}{lead}{first}".rstrip()
    yield from (f"{indent}{_STEP}{line}".rstrip() for line in others)
