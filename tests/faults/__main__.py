"""``python -m tests.faults [F1 F6 ...]``: run the proofs and say what they found."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time
from dataclasses import replace

from tests.faults.proof import Effort, Fault, Proof, faults
from tests.faults.results import Result, append


def main() -> int:
    """Run the proofs that were named, or all; 1 where a promise did not hold."""
    chosen = _arguments()
    effort = Effort.SHORT if chosen.short else Effort.FULL
    held = True
    for fault in faults():
        if chosen.rows and not _is_chosen(fault.row, chosen.rows):
            continue
        seed = chosen.seed if chosen.seed is not None else secrets.randbelow(1 << 31)
        load = round(os.getloadavg()[0], 1)
        began = time.monotonic()
        proof = fault.run(effort, seed)
        proof = replace(proof, counts={**proof.counts, "load": load})
        seconds = time.monotonic() - began
        _show(fault, proof, seconds)
        held = held and proof.held
        if chosen.record:
            append(Result.of(fault.row, fault.promise, proof, effort.value, seconds))
    return 0 if held else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("rows", nargs="*", help="only these, for example F1 F6; default: all")
    parser.add_argument("--short", action="store_true", help="what the tests run, in seconds")
    parser.add_argument("--seed", type=int, help="repeat the random choices of a run")
    parser.add_argument("--record", action="store_true", help="keep the result for the docs page")
    return parser.parse_args()


def _is_chosen(row: str, rows: list[str]) -> bool:
    return any(row == name or row.rstrip("abcdefghij") == name for name in rows)


def _show(fault: Fault, proof: Proof, seconds: float) -> None:
    counts = ", ".join(f"{name} {value}" for name, value in proof.counts.items())
    verdict = "held" if proof.held else "BROKEN"
    sys.stdout.write(f"{fault.row:5} {verdict:6} {seconds:7.1f} s  seed {proof.seed}  {counts}\n")
    for violation in proof.violations[:20]:
        sys.stdout.write(f"      {violation}\n")
    for figure in proof.missed:
        sys.stdout.write(f"      missed: {figure}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
