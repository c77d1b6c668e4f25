"""Jobs that ended their process before: refused for a while when they did so too often."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict

from dicomweb_server.codec.messages import PackedJob
from dicomweb_server.model.limits import CodecLimits

_REMEMBERED = 1_000


class Breaker:
    """Counts how often each job ended its process.

    Jobs are told apart by their content. It is hashed only where a job of that length is known,
    so that a good one costs nothing.

    Args:
        limits: How often is too often, and for how long it stays refused.
    """

    def __init__(self, limits: CodecLimits) -> None:
        self._limits = limits
        self._strikes: OrderedDict[tuple[int, str], tuple[int, float]] = OrderedDict()
        self._lengths: dict[int, int] = {}

    def is_open(self, job: PackedJob) -> bool:
        """Whether a job is to be refused."""
        if job.size not in self._lengths:
            return False
        key = (job.size, _digest(job))
        count, last = self._strikes.get(key, (0, 0.0))
        if count and time.monotonic() - last > self._limits.refused_seconds:
            self._forget(key)
            return False
        return count >= self._limits.strikes

    def strike(self, job: PackedJob) -> None:
        """Count one end of a process."""
        key = (job.size, _digest(job))
        count, _ = self._strikes.pop(key, (0, 0.0))
        if count == 0:
            self._lengths[job.size] = self._lengths.get(job.size, 0) + 1
        self._strikes[key] = (count + 1, time.monotonic())
        if len(self._strikes) > _REMEMBERED:
            self._forget(next(iter(self._strikes)))

    def _forget(self, key: tuple[int, str]) -> None:
        if self._strikes.pop(key, None) is None:
            return
        length = key[0]
        self._lengths[length] -= 1
        if not self._lengths[length]:
            del self._lengths[length]


def _digest(job: PackedJob) -> str:
    found = hashlib.sha256(job.call)
    for piece in job.data:
        found.update(piece)
    return found.hexdigest()
