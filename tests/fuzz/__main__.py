"""``python -m tests.fuzz [multipart query ...]``: feed the harnesses and say what was found."""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

from tests.faults.proof import Count, Proof
from tests.faults.results import Result, append
from tests.fuzz import interface
from tests.fuzz.harness import CORPUS, FOUND, keep, kept, load, names
from tests.fuzz.runs import Runs, Work

_WORK = Path(__file__).parents[2] / "build" / "fuzz"
_TURN, _SHORTEST_TURN, _EXAMPLES = 600, 30, 1000
_MOST_FILES, _MOST_BYTES = 48, 40 * 1024


def main() -> int:
    """Run the harnesses that were named, or all; 1 where a promise did not hold."""
    chosen = _arguments()
    if chosen.names == [interface.NAME]:
        return _interface(chosen.seconds, chosen.record)
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
    found = any(work.findings for work in works)
    if not chosen.names and not chosen.only_record:
        found = bool(_interface(chosen.seconds, chosen.record)) or found
    return 1 if found else 0


def _interface(seconds: int, record: bool) -> int:
    """Make requests from the described interface, in turns of which each has a server."""
    begin, requests, violations = time.monotonic(), 0, list[str]()
    first = seed = secrets.randbelow(1 << 31)
    left = seconds
    while seed == first or left > _SHORTEST_TURN:
        told = interface.run(min(left, _TURN), _EXAMPLES, seed)
        requests += told.requests
        seed += 1
        left = int(seconds - (time.monotonic() - begin))
        _tell(f"{interface.NAME:12} {requests:>10} requests, tracebacks {told.tracebacks}")
        if not told.held:
            violations.append(f"seed {seed - 1}: {told.tracebacks} tracebacks")
            _tell(told.failures)
    counts: dict[str, Count] = {"requests": requests, "failed turns": len(violations)}
    spent = round(time.monotonic() - begin, 1)
    if record:
        proof = Proof(counts, tuple(violations), first)
        row = f"fuzz {interface.NAME}"
        made = Result.of(row, interface.PROMISE, proof, "full", spent)
        append(replace(made, command=f"make fuzz ARGS='{interface.NAME} --seconds {seconds}'"))
    return 1 if violations else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument(
        "names",
        nargs="*",
        metavar="HARNESS",
        help=f"of {', '.join(names())}; or {interface.NAME} alone; default: all",
    )
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
    counts: dict[str, Count] = {
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
    append(replace(made, command=command))


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
