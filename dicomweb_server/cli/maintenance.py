"""What the verbs that look after a data folder share."""

from __future__ import annotations

import json
import sys
from types import TracebackType

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dicomweb_server.ops.findings import Findings


class Counter:
    """A bar on standard error where somebody watches.

    Args:
        what: What is counted.
    """

    def __init__(self, what: str) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
            transient=True,
        )
        self._task = self._bar.add_task(what, total=None)

    def __enter__(self) -> Counter:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def __call__(self, done: int, total: int | None) -> None:
        """Tell how far it is."""
        self._bar.update(self._task, completed=done, total=total)


Value = int | bool | Findings


def report(values: dict[str, Value], *, as_json: bool) -> None:
    """Print what a verb found: a line for each value, or one JSON object."""
    if as_json:
        click.echo(json.dumps({name: _plain(value) for name, value in values.items()}))
        return
    for name, value in values.items():
        count = value.count if isinstance(value, Findings) else value
        click.echo(f"{name.replace('_', ' ')}: {str(count).lower()}")
        if isinstance(value, Findings):
            for digest in value.digests:
                click.echo(f"  {digest}")


def _plain(value: Value) -> int | bool | dict[str, int | list[str]]:
    if isinstance(value, Findings):
        return {"count": value.count, "digests": value.digests}
    return value
