"""Figures as a table for people and as JSON for programs."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe
from benchmarks.peers import Peer

RESULTS = Path(__file__).parent / "results"
"""Where figures are kept; not part of the repository."""


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured in one case.

    Args:
        name: The case.
        unit: Of the figures; more is better.
        rounds: Figures of every round by the name of the server.
    """

    name: str
    unit: str
    rounds: Mapping[str, Sequence[float]]

    def figure(self, peer: Peer) -> float:
        """The median of a server's rounds; not a number where it was not measured."""
        return median(self.rounds.get(peer.name, [nan]))


def show(rows: Sequence[Row], peers: Sequence[Peer]) -> None:
    """Print the table; a ratio above 1 says that the first server is faster."""
    first, *others = peers
    table = Table("", "unit", *(peer.name for peer in peers))
    for column in range(1, len(peers) + 1):
        table.columns[column].justify = "right"
    for other in others:
        table.add_column(f"{first.name} / {other.name}", justify="right")
    for row in rows:
        figures = [_short(row.figure(peer)) for peer in peers]
        ratios = [_ratio(row.figure(first) / row.figure(other)) for other in others]
        table.add_row(row.name, row.unit, *figures, *ratios)
    console = Console(width=None if Console().is_terminal else 140)
    console.print(table)
    for peer in peers:
        console.print(f"{peer.name}: {peer.version}", highlight=False)
    console.print(", ".join(describe().values()), highlight=False)


def save(rows: Sequence[Row], peers: Sequence[Peer]) -> Path:
    """Write the figures of all rounds to a file named by the time."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.json"
    document = {
        "machine": describe(),
        "servers": {peer.name: peer.version for peer in peers},
        "cases": [{"name": row.name, "unit": row.unit, "rounds": row.rounds} for row in rows],
    }
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path


def _ratio(value: float) -> str:
    return "" if isnan(value) else f"{value:.2f}"


def _short(value: float) -> str:
    if isnan(value):
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
