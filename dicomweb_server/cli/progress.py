"""How an import shows its progress."""

from __future__ import annotations

import json
import sys
from types import TracebackType

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from dicomweb_server.ops.importer import ImportReport


class ImportDisplay:
    """A bar on standard error where somebody watches, JSON lines on standard output if wanted.

    Args:
        as_json: One JSON object on standard output for each file, and one at the end.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[files]} files"),
            console=self._console,
            disable=not sys.stderr.isatty(),
            transient=True,
        )
        self._task = self._bar.add_task("importing", total=None, files=0)
        self._files = 0

    def __enter__(self) -> ImportDisplay:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def expect(self, size: int) -> None:
        """Tell how many bytes there are to go through; the bar then knows its end."""
        self._bar.update(self._task, total=size)

    def done(self, name: str, size: int, outcome: str, reason: str) -> None:
        """One file is done."""
        self._files += 1
        self._bar.update(self._task, advance=size, files=self._files)
        if self._as_json:
            line = {"file": name, "outcome": outcome, "bytes": size}
            click.echo(json.dumps(line | ({"reason": reason} if reason else {})))
        elif outcome == "failed":
            self._console.print(
                _printable(f"failed: {name}: {reason}"),
                markup=False,
                highlight=False,
                soft_wrap=True,
            )

    def finish(self, report: ImportReport) -> None:
        """Say what the import did."""
        if self._as_json:
            click.echo(json.dumps({"summary": _summary(report)}))
            return
        told = ", ".join(f"{value} {name}" for name, value in _counts(report).items())
        size, rate = _readable(report.bytes), f"{report.rate:.0f} instances/s"
        click.echo(f"{told}; {size} in {report.seconds:.1f} s, {rate}")


def _printable(text: str) -> str:
    """A text that moves no cursor and hides nothing: names of files are not ours."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def _counts(report: ImportReport) -> dict[str, int]:
    return {
        "found": report.found,
        "stored": report.stored,
        "already there": report.present,
        "not DICOM": report.skipped,
        "failed": report.failed,
    }


def _summary(report: ImportReport) -> dict[str, int | float]:
    return {
        "found": report.found,
        "stored": report.stored,
        "present": report.present,
        "skipped": report.skipped,
        "failed": report.failed,
        "bytes": report.bytes,
        "seconds": round(report.seconds, 3),
        "instances_per_second": round(report.rate, 1),
    }


def _readable(size: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
