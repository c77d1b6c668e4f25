"""What was found, a line for each run, and the page that is made from it."""

from __future__ import annotations

import datetime
import json
import os
import platform
import sqlite3
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tests.faults.proof import Count, Fault, Proof, faults

RESULTS = Path(__file__).with_name("results.jsonl")
PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"

_HEAD = """# Proofs of reliability

What happens to the archive when things break, and when its input is made to break it. Each row
is a program that breaks something and compares what is left with what was promised. A row fails
on the first violation; the counts say how much was tried. Figures that are wanted and were missed
are named beside the verdict; `load` says how many processes of other work wanted a processor when
the run began. `make faults` runs the full form of all rows (`make faults ARGS="F1 F6"` of some),
`make fuzz` feeds the parsers; both run in a short form with `make test`. The threats and where each
is tested: [threats.md](threats.md).

This page is generated from `tests/faults/results.jsonl`, to which `--record` appends: `make docs`.
"""


@dataclass(frozen=True, slots=True)
class Result:
    """One run.

    Args:
        row: Row of the fault, or `fuzz` and the harness.
        promise: What had to hold.
        date: Day of the run, as YYYY-MM-DD.
        command: What runs it again.
        machine: Processors, system, Python and SQLite.
        seconds: How long it took.
        held: Whether the promise held.
        seed: Of its random choices.
        counts: What was done and seen.
        missed: Figures that were wanted and not reached.
    """

    row: str
    promise: str
    date: str
    command: str
    machine: str
    seconds: float
    held: bool
    seed: int
    counts: Mapping[str, Count]
    missed: Sequence[str] = ()

    @classmethod
    def of(cls, row: str, promise: str, proof: Proof, effort: str, seconds: float) -> Result:
        """The result of a run of today on this machine."""
        short = " --short" if effort == "short" else ""
        return cls(
            row,
            promise,
            _today(),
            f"make faults ARGS='{row}{short}'",
            machine(),
            round(seconds, 1),
            proof.held,
            proof.seed,
            dict(proof.counts),
            list(proof.missed),
        )


def machine() -> str:
    """What the figures of a run depend on, without the machine's name."""
    return (
        f"{os.cpu_count()} processors, {platform.system()} {platform.machine()}, Python "
        f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


def append(result: Result) -> None:
    """Keep a result."""
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(result), sort_keys=True) + "\n")


def kept() -> tuple[Result, ...]:
    """All results that were kept, oldest first."""
    if not RESULTS.exists():
        return ()
    return tuple(Result(**json.loads(line)) for line in RESULTS.read_text("utf-8").splitlines())


def page(results: Iterable[Result], faults: Iterable[Fault]) -> str:
    """The page, from the last result of each row; fuzzing is summed over all of its runs.

    Args:
        results: What was kept.
        faults: All proofs; those without a result of their full form are named.
    """
    whole = [each for each in results if "--short" not in each.command]
    broken = {each.row: each for each in whole if not each.row.startswith("fuzz")}
    fuzzed: dict[str, Result] = {}
    for each in whole:
        if each.row.startswith("fuzz"):
            fuzzed[each.row] = _sum(fuzzed.get(each.row), each)
    blocks = [_HEAD]
    for title, rows in (("Faults", broken), ("Fuzzing", fuzzed)):
        blocks.append(f"## {title}\n")
        blocks.append("| Row | Promise | Held | Counts | Seconds | Date | Command |")
        blocks.append("|---|---|---|---|---|---|---|")
        blocks.extend(_line(each) for each in sorted(rows.values(), key=_order))
        blocks.append("")
    absent = [fault.row for fault in faults if fault.row not in broken]
    if absent:
        blocks.append(f"Not run in their full form yet: {', '.join(absent)}.\n")
    machines = sorted({each.machine for each in whole})
    blocks.append("Machines: " + "; ".join(machines) + ".\n")
    return "\n".join(blocks)


def _sum(before: Result | None, last: Result) -> Result:
    """Two runs of one harness as one: what was executed and how long adds up."""
    if before is None:
        return last
    counts = dict(last.counts)
    for name in ("executions", "findings"):
        old, new = before.counts.get(name, 0), counts.get(name, 0)
        if isinstance(old, int) and isinstance(new, int) and name in counts:
            counts[name] = old + new
    return replace(
        last,
        counts=counts,
        seconds=round(before.seconds + last.seconds, 1),
        held=before.held and last.held,
    )


def _line(result: Result) -> str:
    counts = ", ".join(f"{name} {value}" for name, value in result.counts.items())
    cells = (
        result.row,
        result.promise,
        _verdict(result),
        counts,
        f"{result.seconds:g}",
        result.date,
        f"`{result.command}`",
    )
    return "| " + " | ".join(cells) + " |"


def _verdict(result: Result) -> str:
    if not result.held:
        return "**no**"
    return f"yes; missed: {'; '.join(result.missed)}" if result.missed else "yes"


def _order(result: Result) -> tuple[int, str]:
    digits = "".join(letter for letter in result.row if letter.isdigit())
    return (int(digits or 0), result.row)


def _today() -> str:
    return datetime.datetime.now(tz=datetime.UTC).date().isoformat()


def main() -> None:
    """Write the page, or say with `--check` whether it is up to date."""
    made = page(kept(), faults())
    if "--check" in sys.argv:
        sys.exit(0 if PAGE.read_text("utf-8") == made else "docs/reliability.md: run `make docs`")
    PAGE.write_text(made, "utf-8")
    sys.stdout.write("wrote docs/reliability.md\n")


if __name__ == "__main__":
    main()
