"""Memory that the server and one codec process share: frames pass through it at one copy each way.

What does not fit into it goes through the socket, as does everything where the system has no such
memory. Nothing that is read here is trusted: its length comes from a checked reply, and it is
copied before it is looked at.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import sys
from collections.abc import Sequence

from dicomweb_server.model.limits import MIB

HALF = 8 * MIB
"""Bytes of data that fit, in each direction; pages that nobody writes take no memory."""


class Window:
    """Both halves of the memory: the first for jobs, the second for replies.

    Args:
        descriptor: Of the memory; stays its owner's to close.
    """

    def __init__(self, descriptor: int) -> None:
        self._memory = mmap.mmap(descriptor, 2 * HALF)

    @staticmethod
    def create() -> int | None:
        """A descriptor of new memory, None where there is none to be had.

        Its size is sealed, so that the other side cannot take pages away from under a reader.
        """
        if sys.platform != "linux":
            return None
        try:
            descriptor = os.memfd_create("codec", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        except OSError:
            return None
        try:
            os.ftruncate(descriptor, 2 * HALF)
            seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
        except OSError:
            os.close(descriptor)
            return None
        return descriptor

    def put_job(self, data: Sequence[bytes]) -> bool:
        """Write the data of a job; False where they do not fit."""
        return self._put(0, data)

    def put_reply(self, data: bytes) -> bool:
        """Write the result of a job; False where it does not fit."""
        return self._put(HALF, (data,))

    def job(self, lengths: Sequence[int]) -> tuple[bytes, ...]:
        """Copies of the data of a job."""
        place, found = 0, []
        for length in lengths:
            found.append(self._memory[place : place + length])
            place += length
        return tuple(found)

    def reply(self, length: int) -> bytes:
        """A copy of the result of a job."""
        return self._memory[HALF : HALF + length]

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()

    def _put(self, place: int, data: Sequence[bytes]) -> bool:
        if sum(map(len, data)) > HALF:
            return False
        for piece in data:
            self._memory[place : place + len(piece)] = piece
            place += len(piece)
        return True
