"""Jobs and frames that ended their process before: refused for a while when they did so too often.

A frame counts whatever is asked of it, so that one which ends processes does not go on doing so
under ever new parameters; a job counts too, so that one which asks too much of a sound frame does
not cost that frame.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Iterable

from dicomweb_server.codec.messages import PackedJob
from dicomweb_server.model.limits import KIB, MIB, CodecLimits

_REMEMBERED = 1_000
_WHOLLY = 4 * MIB
_SAMPLE = 64 * KIB
_SAMPLES = 64


class Breaker:
    """Counts how often each job, and each frame, ended its process.

    Both are told apart by their content. It is hashed only where one of that length is known, so
    that a good one costs nothing.

    Args:
        limits: How often is too often, and for how long it stays refused.
    """

    def __init__(self, limits: CodecLimits) -> None:
        seconds = limits.refused_seconds
        self._jobs = _Strikes(limits.strikes, seconds)
        self._frames = _Strikes(limits.frame_strikes, seconds)

    def is_open(self, job: PackedJob) -> bool:
        """Whether a job is to be refused."""
        return self._frames.are_enough(job.data[:1]) or self._jobs.are_enough(_all_of(job))

    def strike(self, job: PackedJob) -> None:
        """Count one end of a process."""
        self._jobs.add(_all_of(job))
        if job.data:
            self._frames.add(job.data[:1])


class _Strikes:
    """Strikes of one kind.

    Args:
        most: How many are too many.
        seconds: How long they count.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._counts: OrderedDict[tuple[int, str], tuple[int, float]] = OrderedDict()
        self._lengths: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._counts)

    def are_enough(self, pieces: tuple[bytes, ...]) -> bool:
        """Whether some content has too many."""
        length = sum(map(len, pieces))
        if length not in self._lengths:
            return False
        key = (length, _digest(pieces))
        count, last = self._counts.get(key, (0, 0.0))
        if count and time.monotonic() - last > self._seconds:
            self._forget(key)
            return False
        return count >= self._most

    def add(self, pieces: tuple[bytes, ...]) -> None:
        """Count one more."""
        length = sum(map(len, pieces))
        key = (length, _digest(pieces))
        count, _ = self._counts.pop(key, (0, 0.0))
        if count == 0:
            self._lengths[length] = self._lengths.get(length, 0) + 1
        self._counts[key] = (count + 1, time.monotonic())
        if len(self._counts) > _REMEMBERED:
            self._forget(next(iter(self._counts)))

    def _forget(self, key: tuple[int, str]) -> None:
        if self._counts.pop(key, None) is None:
            return
        length = key[0]
        self._lengths[length] -= 1
        if not self._lengths[length]:
            del self._lengths[length]


def _all_of(job: PackedJob) -> tuple[bytes, ...]:
    return (job.call, *job.data)


def _digest(pieces: Iterable[bytes]) -> str:
    found = hashlib.sha256()
    for piece in pieces:
        for part in _looked_at(piece):
            found.update(part)
    return found.hexdigest()


def _looked_at(piece: bytes) -> Iterable[bytes | memoryview]:
    """All of it; of what would take long to hash, parts from end to end."""
    if len(piece) <= _WHOLLY:
        return (piece,)
    step, view = len(piece) // _SAMPLES, memoryview(piece)
    return (view[start : start + _SAMPLE] for start in range(0, len(piece), step))
