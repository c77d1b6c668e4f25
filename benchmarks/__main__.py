"""``python -m benchmarks``: our server and Debian's Orthanc in one run, in turn, by equal clients.

Both run at the same time on loopback with fresh data folders; each round measures one after the
other, and the median of the rounds counts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack

from benchmarks import cases, peers, pictures, report
from benchmarks.cases import Case, Effort, Stage
from benchmarks.clients import WrongAnswer
from benchmarks.machine import MissingProgram, orthanc_plugins, program
from benchmarks.peers import Peer
from benchmarks.report import Row


def main() -> int:
    """Measure, print, save."""
    arguments = _arguments()
    effort = cases.QUICK if arguments.quick else cases.FULL
    try:
        for name in ("wrk", "curl", *([] if arguments.no_orthanc else ["Orthanc"])):
            program(name)
        if not arguments.no_orthanc:
            orthanc_plugins()
        return _compare(arguments, effort)
    except (MissingProgram, WrongAnswer) as error:
        print(error, file=sys.stderr)
        return 1


def _compare(arguments: argparse.Namespace, effort: Effort) -> int:
    with ExitStack() as stack:
        compared = [stack.enter_context(peers.ours(arguments.server, arguments.workers))]
        if not arguments.no_orthanc:
            compared.append(stack.enter_context(peers.orthanc()))
        if arguments.peer_url:
            compared.append(peers.running(arguments.peer_url))
        rows = _measure(compared, effort, arguments.only)
    report.show(rows, compared)
    print(f"all rounds: {report.save(rows, compared)}")
    return 0


def _measure(compared: Sequence[Peer], effort: Effort, only: str) -> list[Row]:
    stage = Stage(effort)
    for peer in compared:
        stage.prepare(peer)
    every = [*cases.searching(stage), *cases.retrieving(stage), *pictures.cases(stage)]
    every += cases.storing(effort)
    rows = [_row(case, compared, effort.rounds) for case in every if only in case.name]
    last = cases.first_metadata(effort)
    if only in last.name:
        rows.append(_row(last, compared, min(3, effort.rounds)))
    return rows


def _row(case: Case, compared: Sequence[Peer], rounds: int) -> Row:
    print(f"{case.name} ...", file=sys.stderr)
    measured = compared[:1] if case.only_ours else compared
    figures: dict[str, list[float]] = {peer.name: [] for peer in measured}
    for _ in range(rounds):
        for peer in measured:
            figures[peer.name].append(case.run(peer))
    return Row(case.name, case.unit, figures)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less than a minute, rougher figures")
    parser.add_argument("--server", choices=["hypercorn", "granian"], default="hypercorn")
    parser.add_argument("--workers", type=int, default=1, help="worker processes of our server")
    parser.add_argument("--peer-url", help="DICOMweb root of one more server that runs already")
    parser.add_argument("--only", default="", help="cases whose names hold this text")
    parser.add_argument("--no-orthanc", action="store_true", help="leave Debian's Orthanc out")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
