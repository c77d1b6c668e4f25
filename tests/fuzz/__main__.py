"""``python -m tests.fuzz [multipart query ...]``: feed the harnesses and say what was found."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from tests.faults.proof import Proof
from tests.faults.results import Result, append, machine
from tests.fuzz.harness import CORPUS, FOUND, keep, kept, load, names
from tests.fuzz.runs import Runs, Work

_WORK = Path(__file__).parents[2] / "build" / "fuzz"
_MOST_FILES, _MOST_BYTES = 48, 40 * 1024


def main() -> int:
    """Run the harnesses that were named, or all; 1 where a promise did not hold."""
    chosen = _arguments()
    works = [Work(name, chosen.work) for name in chosen.names or names()]
    if not chosen.only_record:
        runs = Runs(works, chosen.seconds, chosen.slice, _tell)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: runs.end())
        runs.run(chosen.processes)
    for work in works:
        for path in work.findings:
            _tell(f"FOUND {path}")
        if chosen.keep:
            _keep(work)
        if chosen.record or chosen.only_record:
            _record(work)
    return 1 if any(work.findings for work in works) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("names", nargs="*", metavar="HARNESS", help=f"of {', '.join(names())}")
    parser.add_argument("--seconds", type=int, default=600, help="for each harness")
    parser.add_argument("--slice", type=int, default=120, help="after which another has its turn")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--work", type=Path, default=_WORK, help="where inputs are gathered")
    parser.add_argument("--keep", action="store_true", help="keep a small corpus for the tests")
    parser.add_argument("--record", action="store_true", help="keep the result for the docs page")
    parser.add_argument("--only-record", action="store_true", help="run nothing, keep the result")
    return parser.parse_args()


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _record(work: Work) -> None:
    """Append what was done in the work folder so far."""
    total = work.total()
    counts: dict[str, int | float | str] = {
        "executions": total.executions,
        "coverage": total.coverage,
        "inputs in corpus": total.corpus,
        "open findings": len(work.findings),
        "fixed findings": len(kept(FOUND, work.name)),
    }
    violations = tuple(f"{path.name} in {work.name}" for path in work.findings)
    row = f"fuzz {work.name}"
    proof = Proof(counts, violations)
    made = Result.of(row, load(work.name).promise, proof, "full", total.seconds)
    command = f"make fuzz ARGS='{work.name} --seconds {round(total.seconds)}'"
    append(
        Result(
            row, made.promise, made.date, command, machine(), made.seconds, proof.held, 0, counts
        )
    )


def _keep(work: Work) -> None:
    """Keep the shortest inputs that were gathered, within bounds."""
    gathered = sorted((work.place / "corpus").glob("*"), key=lambda path: path.stat().st_size)
    step = max(1, len(gathered) // _MOST_FILES)
    size = 0
    for path in kept(CORPUS, work.name):
        path.unlink()
    for path in gathered[step - 1 :: step][:_MOST_FILES]:
        size += path.stat().st_size
        if size <= _MOST_BYTES and path.stat().st_size:
            keep(CORPUS / work.name, path.read_bytes())


if __name__ == "__main__":
    sys.exit(main())
