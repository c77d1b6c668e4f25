"""Parts of a proof that run side by side, each in a process of its own."""

from __future__ import annotations

import itertools
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor

from tests.faults.proof import Count, Proof

_LANES = 4


def side_by_side(work: Callable[[int, int], Proof], runs: int, much: int, seed: int) -> Proof:
    """Run something several times, some of them at a time: they wait much, for starts and disks.

    Args:
        work: Takes the seed and how much is to be done; a function of a module.
        runs: How many times; each has a seed of its own.
        much: What is done in each.
        seed: Of the first.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(_LANES, spawn) as lanes:
        seeds = (seed + 1000 * run for run in range(runs))
        return together(list(lanes.map(work, seeds, itertools.repeat(much, runs))), seed)


def together(proofs: Sequence[Proof], seed: int) -> Proof:
    """Sums of what was counted; of times the worst."""
    counts: dict[str, Count] = {}
    for name in dict.fromkeys(name for proof in proofs for name in proof.counts):
        values = [proof.counts.get(name, 0) for proof in proofs]
        numbers = [value for value in values if not isinstance(value, str)]
        counts[name] = max(numbers) if name.startswith("ready s") else sum(numbers)
    return Proof(counts, tuple(each for proof in proofs for each in proof.violations), seed)
