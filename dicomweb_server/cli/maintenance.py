"""What the verbs that look after a data folder share: their exit codes, JSON and progress.

==== ============================================================================================
code means
==== ============================================================================================
0    all was done and all is well
1    damage was found: an instance's stored bytes are missing or not what was stored
2    wrong usage or settings, or the data folder is in use in a way that excludes the verb
3    the work was done in part or not at all, and no damage was found meanwhile
==== ============================================================================================

With ``--json`` standard output is one JSON object in each of these cases but wrong usage: `verb`,
`outcome` ("ok", "damage" or "partial"), and what the verb tells; `error` and `hint` where it
could not be finished. Progress goes to standard error, and only where somebody watches.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import TracebackType

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from dicomweb_server.cli.failure import explain
from dicomweb_server.errors import ArchiveError, ConfigurationError
from dicomweb_server.ops.findings import Findings


class Outcome(IntEnum):
    """How the work of a verb ended; its exit code."""

    OK = 0
    DAMAGE = 1
    USAGE = 2
    PARTIAL = 3


class Counter:
    """A bar on standard error where somebody watches.

    Args:
        what: What is counted.
        as_bytes: Whether it counts bytes; else items.
    """

    def __init__(self, what: str, *, as_bytes: bool = False) -> None:
        amount: list[ProgressColumn] = [MofNCompleteColumn()]
        if as_bytes:
            amount = [DownloadColumn(binary_units=True), TransferSpeedColumn()]
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            *amount,
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


Value = int | float | bool | str | Findings


@dataclass(frozen=True, slots=True)
class Result:
    """What a verb did.

    Args:
        values: What it tells, in order.
        damage: Whether it found damage.
        partial: Whether something was left undone.
    """

    values: Mapping[str, Value]
    damage: bool = False
    partial: bool = False

    @property
    def outcome(self) -> Outcome:
        """How that ended: damage says more than work left undone."""
        if self.damage:
            return Outcome.DAMAGE
        return Outcome.PARTIAL if self.partial else Outcome.OK


def perform(verb: str, work: Callable[[], Result], *, as_json: bool) -> None:
    """Do the work of a verb, tell what it did, and end the program with the code of its outcome.

    Args:
        verb: Its name.
        work: Does it; what it raises ends the verb too.
        as_json: Whether to tell it as JSON.

    Raises:
        ConfigurationError: The settings cannot work; told where all verbs tell it.
    """
    try:
        result = work()
    except ConfigurationError:
        raise
    except ArchiveError as error:
        explain(error)
        result = _failed(error.detail, error.hint)
    except KeyboardInterrupt:
        click.echo("Interrupted.", err=True)
        result = _failed("interrupted", "")
    told = {"verb": verb, "outcome": result.outcome.name.lower()}
    if as_json:
        plain = {name: _plain(value) for name, value in result.values.items()}
        click.echo(json.dumps(told | plain))
    else:
        _lines(result.values)
    click.get_current_context().exit(result.outcome)


def _failed(detail: str, hint: str) -> Result:
    values = {"error": detail} | ({"hint": hint} if hint else {})
    return Result(values, partial=True)


def _lines(values: Mapping[str, Value]) -> None:
    for name, value in values.items():
        if name in ("error", "hint"):  # told on standard error already
            continue
        count = value.count if isinstance(value, Findings) else value
        click.echo(f"{name.replace('_', ' ')}: {str(count).lower()}")
        if isinstance(value, Findings):
            for digest in value.digests:
                click.echo(f"  {digest}{_whose(value, digest)}")


def _whose(findings: Findings, digest: str) -> str:
    where = findings.instances.get(digest)
    return f"  {where}" if where else ""


def _plain(value: Value) -> object:
    if not isinstance(value, Findings):
        return value
    told: dict[str, object] = {"count": value.count, "digests": value.digests}
    if value.instances:
        told["instances"] = value.instances
    return told
