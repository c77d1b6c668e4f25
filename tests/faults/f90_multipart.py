"""Multipart bodies that are meant to cost much (T9)."""

from __future__ import annotations

import time
from collections.abc import Iterator

from dicomweb_server.errors import ArchiveError
from dicomweb_server.model.limits import MIB, MultipartLimits
from dicomweb_server.wire.multipart import MultipartReader, PartBegin
from tests.faults.proof import Count, Effort, Fault, Proof

_LIMITS = MultipartLimits()
_PIECE = 64 * 1024
_SIZES = {Effort.SHORT: (1, 16), Effort.FULL: (1, 16, 128, 1024)}
_MOST_TIMES = 4.0
"""Times the cost of a byte of the smallest body that is absurd; the counts tell the real ones."""

_KINDS = {
    "data": b"\x00" * 4096,
    "line ends": b"\r\n" * 2048,
    "near boundaries": b"\r\n--frontie" * 400,
    "longer boundaries": b"\r\n--frontierx" * 400,
}


def _run(effort: Effort, seed: int) -> Proof:
    counts: dict[str, Count] = {}
    violations = list(_bounded(counts))
    for name, filler in _KINDS.items():
        costs = [_cost(filler, size * MIB) for size in _SIZES[effort]]
        counts[f"ns per byte of {name}"] = " ".join(f"{cost:.2f}" for cost in costs)
        if max(costs) > _MOST_TIMES * costs[0]:
            violations.append(f"{name}: the cost of a byte grows with the body: {costs}")
    return Proof(counts, tuple(violations), seed)


def _cost(filler: bytes, size: int) -> float:
    """Nanoseconds of processor time for a byte of a body; the best of three for small ones."""
    piece = filler * (_PIECE // len(filler))
    best = float("inf")
    for _ in range(3 if size <= 16 * MIB else 1):
        reader = MultipartReader("frontier", _LIMITS)
        reader.feed(b"--frontier\r\n\r\n")
        begin = time.process_time_ns()
        for _ in range(size // len(piece)):
            reader.feed(piece)
        best = min(best, (time.process_time_ns() - begin) / size)
    return best


def _bodies() -> Iterator[tuple[str, bytes, int]]:
    """Bodies without end: their name, what they repeat, and bytes that may be read of them."""
    yield "empty parts", b"--b\r\n\r\n", 8 * _LIMITS.parts
    yield "headers", b"X: y\r\n", 10 * 1024
    yield "one header", b"x" * 64, 10 * 1024
    yield "folded lines", b" x\r\n", 10 * 1024
    yield "preamble", b"\r\n--c", 6 * 1024


def _bounded(counts: dict[str, Count]) -> Iterator[str]:
    """Feed each body until it is refused."""
    for name, filler, most in _bodies():
        reader = MultipartReader("b", _LIMITS)
        begin = b"" if name == "preamble" else b"--b\r\nA: "
        fed, parts = 0, 0
        try:
            reader.feed(begin)
            while fed < 64 * MIB:
                parts += sum(isinstance(e, PartBegin) for e in reader.feed(filler))
                fed += len(filler)
            yield f"{name}: {fed} bytes were read and nothing was refused"
        except ArchiveError:
            counts[f"bytes of {name} until refused"] = fed
            if fed > most or parts > _LIMITS.parts:
                yield f"{name}: refused after {fed} bytes and {parts} parts only"


FAULTS = (
    Fault(
        row="T9",
        promise="a multipart body is refused at its bounds, and a byte costs the same however "
        "long the body is",
        run=_run,
    ),
)
