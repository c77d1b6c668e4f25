"""Bounds of what peers may take before and while they are known (T26, T27)."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass

from dicomweb_server.model.limits import KIB, MIB

P_DATA_TF = 0x04
KINDS = range(1, 8)
"""PDU types that there are (PS3.8 9.3)."""

UNASSOCIATED = 64 * KIB
"""Longest PDU other than one of data, and of any kind before there is an association."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one server's peers may take.

    Args:
        pdu: Longest P-DATA-TF PDU that is asked for, in bytes (PS3.8 D.1).
        associations: Connections at the same time.
        per_address: Connections of one network address at the same time.
        artim_seconds: Time for TLS and the association request (PS3.8 9.1.5).
        idle_seconds: Longest pause, and time for one PDU.
        message: Bytes of a message other than a C-STORE's data set.
        waiting: Requests that wait behind the one that is being worked on.
        unstored: Bytes of one data set that may wait to be stored.
    """

    pdu: int
    associations: int
    per_address: int
    artim_seconds: float
    idle_seconds: float
    message: int = 4 * MIB
    waiting: int = 16
    unstored: int = 4 * MIB

    def longest(self, kind: int, *, associated: bool) -> int:
        """Longest PDU of a type that is read; those that declare more are refused before."""
        if kind == P_DATA_TF and associated:
            return max(self.pdu, MIB)
        return UNASSOCIATED


class Guard:
    """Counts connections.

    Args:
        bounds: How many there may be.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._open: Counter[str] = Counter()
        self._lock = threading.Lock()

    def admit(self, address: str) -> bool:
        """Count a connection in, unless there are too many; each admitted one is released once."""
        with self._lock:
            if self._open.total() >= self._bounds.associations:
                return False
            if self._open[address] >= self._bounds.per_address:
                return False
            self._open[address] += 1
            return True

    def release(self, address: str) -> None:
        """Count a connection out."""
        with self._lock:
            self._open[address] -= 1
            if self._open[address] <= 0:
                del self._open[address]
