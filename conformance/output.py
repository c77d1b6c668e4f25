"""Results as a terminal table, as JSON and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypedDict

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from conformance.model import Level, Verdict
from conformance.registry import PARTS
from conformance.run import Run


class Row(TypedDict):
    """One result in JSON."""

    id: str
    part: str
    level: str
    clause: str
    title: str
    verdict: str
    reason: str


class Report(TypedDict):
    """A run in JSON."""

    name: str
    url: str
    server: str
    date: str
    seconds: float
    requests: int
    refused: dict[str, str]
    left: list[str]
    results: list[Row]


@dataclass(frozen=True, slots=True)
class Count:
    """How many checks ended how.

    Args:
        passed: Requirements that hold.
        failed: Requirements that do not.
        lacking: Checks of what is not offered.
    """

    passed: int
    failed: int
    lacking: int

    def __str__(self) -> str:
        judged = self.passed + self.failed
        return f"{self.passed}/{judged}" + (f" (+{self.lacking} n/o)" if self.lacking else "")


def report_of(run: Run, name: str) -> Report:
    """A run as JSON."""
    return Report(
        name=name or run.server or run.url,
        url=run.url,
        server=run.server,
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        seconds=round(run.seconds, 1),
        requests=run.requests,
        refused=run.refused,
        left=list(run.left),
        results=[
            Row(
                id=result.check.id,
                part=result.check.part,
                level=result.check.level.value,
                clause=result.check.clause,
                title=result.check.title,
                verdict=result.verdict.value,
                reason=result.reason,
            )
            for result in run.results
        ],
    )


def count(rows: Sequence[Row], part: str | None, level: Level | None) -> Count:
    """The counts of a part and level; None stands for all."""
    verdicts = [
        row["verdict"]
        for row in rows
        if part in (None, row["part"]) and level in (None, row["level"])
    ]
    return Count(
        verdicts.count(Verdict.PASS),
        verdicts.count(Verdict.FAIL),
        verdicts.count(Verdict.NOT_OFFERED),
    )


def print_table(console: Console, report: Report) -> None:
    """Write counts by part, then each failure with its reason."""
    rows = report["results"]
    table = Table(title=f"{report['name']} at {report['url']}", title_justify="left")
    table.add_column("Part")
    for level in Level:
        table.add_column(level.value, justify="right")
    for part, title in PARTS.items():
        if any(row["part"] == part for row in rows):
            cells = [_cell(count(rows, part, level)) for level in Level]
            table.add_row(f"{part}  {title}", *cells)
    table.add_section()
    table.add_row("all", *(_cell(count(rows, None, level)) for level in Level))
    console.print(table)
    for row in rows:
        if row["verdict"] == Verdict.FAIL:
            head = f"[bold]{row['id']}[/bold] {row['level']} ({escape(row['clause'])})"
            console.print(f"{head} {escape(row['title'])}\n    {escape(row['reason'])}")
    if report["refused"]:
        console.print(f"not stored: {escape(', '.join(report['refused']))}")
    if report["left"]:
        console.print(
            f"left in the server, as it could not be deleted: {', '.join(report['left'])}"
        )


def _cell(found: Count) -> str:
    if not found.passed + found.failed + found.lacking:
        return ""
    colour = "red" if found.failed else "green"
    return f"[{colour}]{found}[/{colour}]"


_HOW = """
Each run: `python -m conformance --url URL --name NAME --json FILE`; this page:
`python -m conformance.report FILE... --output PAGE`. Identifiers are those of `--list`.
"""


def markdown(reports: Sequence[Report], notes: Sequence[str] = ()) -> str:
    """Runs side by side, as a page.

    Args:
        reports: The runs.
        notes: What readers need to know of the servers, a sentence or two each.
    """
    sections = [
        "# Conformance of DICOMweb servers\n",
        "Requirements of PS3.18, judged from outside with synthetic data. A cell gives"
        " requirements that hold / that were judged; `n/o` counts checks of what the server does"
        " not offer, or of data that it refused to store.\n",
        _servers(reports),
        *(f"- {note}" for note in notes),
        _HOW,
        *(_levels(reports, level) for level in Level),
        *(_failures(report) for report in reports),
    ]
    return "\n".join(sections)


def _servers(reports: Sequence[Report]) -> str:
    lines = [
        "| Server | Date | Checks | Requests | Seconds |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {r['name']} | {r['date']} | {len(r['results'])} | {r['requests']} | {r['seconds']} |"
        for r in reports
    ]
    return "\n".join(lines) + "\n"


def _levels(reports: Sequence[Report], level: Level) -> str:
    names = [report["name"] for report in reports]
    lines = [f"## {level.value}\n", f"| Part | {' | '.join(names)} |"]
    lines.append("| --- |" + " ---: |" * len(names))
    for part, title in (*PARTS.items(), (None, "**all**")):
        cells = [count(report["results"], part, level) for report in reports]
        if any(cell.passed + cell.failed + cell.lacking for cell in cells):
            label = f"{part} {title}" if part else title
            lines.append(f"| {label} | {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


def _failures(report: Report) -> str:
    failed = [row for row in report["results"] if row["verdict"] == Verdict.FAIL]
    if not failed:
        return f"## Failures of {report['name']}\n\nNone.\n"
    lines = [f"## Failures of {report['name']}\n", "| Id | Level | Clause | Requirement | Reason |"]
    lines.append("| --- | --- | --- | --- | --- |")
    for row in failed:
        cells = (row["id"], row["level"], row["clause"], row["title"], _code(row["reason"]))
        lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _code(reason: str) -> str:
    """A reason that Markdown shows as it is."""
    return "`` " + reason.replace("`", "'") + " ``"
