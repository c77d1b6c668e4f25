"""Reports as HTML for a physician's phone, screen or paper (PS3.18 8.7.4, Rendered text)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

from dicomweb_server.dicom import page
from dicomweb_server.dicom.page import element, escape, value
from dicomweb_server.dicom.report import phrases
from dicomweb_server.dicom.report.tree import Content, Entry, Reference, Report, Table
from dicomweb_server.model.ids import is_uid

Link = Callable[[str, str, str], str]
"""Where an object can be looked at, by Study, Series and SOP Instance UID; empty for nowhere."""

_DEEPEST_HEADING = 6


def html(report: Report, link: Link) -> str:
    """The whole page.

    Args:
        report: What it tells.
        link: Where referenced objects are.
    """
    writer = _Writer(report, link, phrases.targets(report))
    return page.page(report.title, writer.body(), report.language)


@dataclass(frozen=True, slots=True)
class _Writer:
    report: Report
    link: Link
    targets: phrases.Found

    def body(self) -> Iterator[str]:
        report = self.report
        yield f"<header>{element('h1', report.title)}{element('p', report.kind)}"
        notice = phrases.notice(report)
        if notice:
            yield element("p", notice, "warning")
        for lines in (report.patient, report.study, report.status, report.people):
            yield from page.definitions(_pairs(lines))
        yield "</header>\n"
        if phrases.flows(report.root):
            yield from self.flow(report.root)
        else:
            yield from self.children(report.root.children, 2)
        if report.former:
            yield "<section><h2>Replaces</h2><ul>"
            yield from (f"<li>{self.reference(former)}</li>" for former in report.former)
            yield "</ul></section>"
        yield f"<footer><p>{escape(report.kind)} {self.uid(report.key)}</p></footer>"

    def children(self, children: tuple[Content, ...], level: int) -> Iterator[str]:
        """Containers as sections, what stands between them as lists."""
        for container, group in groupby(children, phrases.is_container):
            if container:
                for child in group:
                    yield from self.section(child, level)
            else:
                yield "<ul>"
                for child in group:
                    yield from self.item(child, level)
                yield "</ul>\n"

    def section(self, content: Content, level: int) -> Iterator[str]:
        yield f"<section{self.anchor(content)}>"
        if content.name:
            tag = f"h{min(level, _DEEPEST_HEADING)}"
            yield f"<{tag}>{self.name(content)}{self.smalls(content)}</{tag}>"
        if phrases.flows(content):
            yield from self.flow(content)
        elif content.children:
            yield from self.children(content.children, level + 1)
        else:
            yield element("p", "nothing", "name")
        yield "</section>\n"

    def flow(self, content: Content) -> Iterator[str]:
        """Children as one text; what are no texts are named behind their values."""
        words: list[str] = []
        for child in content.children:
            told = value(phrases.measured(child))
            if child.kind != "TEXT" and child.name:
                told += f" <small>({escape(child.name.words)})</small>"
            gap = phrases.gap(child.text) if words else ""
            words.append(f"{gap}<span{self.anchor(child)}>{told}</span>")
        yield f"<p>{''.join(words)}</p>"

    def item(self, content: Content, level: int) -> Iterator[str]:
        yield f"<li{self.anchor(content)}>"
        related = phrases.relationship(content)
        if related:
            yield f"<small>{related}</small> "
        label = phrases.label(content)
        if label:
            yield f"{self.name(content, label)}: "
        yield " ".join(self.values(content))
        if content.table is not None:
            yield from _table(content.table)
        if content.children:
            yield from self.children(content.children, level)
        yield "</li>\n"

    def values(self, content: Content) -> Iterator[str]:
        """What stands behind the name of an item."""
        if content.text:
            kind = "value number" if content.kind == "NUM" else "value"
            yield value(phrases.measured(content), kind)
        yield from (f"<small>({escape(words)})</small>" for words in phrases.remarks(content))
        if content.bulk:
            yield element("small", "a long text, to be read with a DICOM viewer")
        yield from (self.reference(reference) for reference in content.references)
        if content.target:
            yield self.target(content.target)
        missing = phrases.missing(content)
        if missing:
            yield element("small", missing)

    def name(self, content: Content, label: str = "") -> str:
        code = phrases.small(content.name)
        small = f" <small>({escape(code)})</small>" if code and content.name.meaning else ""
        return f"{value(label or content.name.words, 'name')}{small}"

    def smalls(self, content: Content) -> str:
        words = [phrases.relationship(content), *phrases.remarks(content)]
        return "".join(f" <small>{escape(word)}</small>" for word in words if word)

    def anchor(self, content: Content) -> str:
        return f' id="item-{content.number}"' if content.number in self.report.targets else ""

    def target(self, number: str) -> str:
        found = self.targets.get(number)
        if found is None:
            return element("small", f"item {number}, which is not here")
        words = ": ".join(filter(None, (phrases.label(found), phrases.measured(found)[:80])))
        return f'<a href="#item-{found.number}">{value(words or f"item {number}")}</a>'

    def reference(self, reference: Reference) -> str:
        words = value(phrases.referred(reference))
        uids = (reference.study, reference.series, reference.instance)
        url = self.link(*uids) if all(map(is_uid, uids)) else ""
        linked = f'<a href="{escape(url)}">{words}</a>' if url else words
        return f"{linked} {self.uid(reference)}"

    @staticmethod
    def uid(reference: Reference) -> str:
        return element("small", reference.instance)


def _table(table: Table) -> Iterator[str]:
    yield "<table>"
    if table.titles:
        corner = "<td></td>" if table.names else ""
        titles = "".join(f'<th scope="col">{value(title)}</th>' for title in table.titles)
        yield f"<thead><tr>{corner}{titles}</tr></thead>"
    yield "<tbody>"
    for number, row in enumerate(table.cells):
        name = f'<th scope="row">{value(table.names[number])}</th>' if table.names else ""
        yield f"<tr>{name}{''.join(f'<td>{value(cell)}</td>' for cell in row)}</tr>\n"
    yield "</tbody></table>"


def _pairs(lines: tuple[Entry, ...]) -> Iterator[tuple[str, str]]:
    return ((line.name, line.text) for line in lines)
