"""Reading what the system holds in memory already, without the way to a thread and back.

That way costs more than a frame of a CT: a thread has to be woken, and has to get the interpreter.
The event loop must not wait for a disk, so this is for files whose names were looked up lately and
whose bytes are in the page cache, as far as a look at some of them tells.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Sequence

from dicomweb_server.errors import ArchiveError
from dicomweb_server.model.instance import ByteRange
from dicomweb_server.model.limits import KIB, MIB
from dicomweb_server.store.files import CAN_TELL, OpenFile, read_ranges

_MOST = MIB
_RANGES = 16
_NAMES = 20_000
_STEP = 64 * KIB
_DOES_NOT_TELL = frozenset({errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS})
"""What a file system answers that cannot say what is in memory."""


class CachedReads:
    """Reads of files by name; safe for threads.

    A name is known when it was read or written lately, so that the system knows it too.
    """

    def __init__(self) -> None:
        self._names: dict[str, None] = {}
        self._lock = threading.Lock()
        self._works = CAN_TELL

    def remember(self, name: str) -> None:
        """Take a name for known."""
        if name in self._names:
            return
        with self._lock:
            self._names[name] = None
            if len(self._names) > _NAMES:
                del self._names[next(iter(self._names))]

    def read(
        self, name: str, opener: Callable[[], OpenFile], ranges: Sequence[ByteRange]
    ) -> list[bytes] | None:
        """Ranges of a file; None where that could take time, or fails: then go the long way.

        Args:
            name: Of the file.
            opener: Opens it.
            ranges: What to read, in the order wanted.
        """
        if not self._works or name not in self._names or len(ranges) > _RANGES:
            return None
        if sum(part.length for part in ranges) > _MOST:
            return None
        try:
            return read_ranges(lambda: self._at_hand(opener(), ranges), ranges)
        except _NotAtHand:
            return None
        except ArchiveError:
            self._names.pop(name, None)
            return None

    def _at_hand(self, opened: OpenFile, ranges: Sequence[ByteRange]) -> OpenFile:
        try:
            if all(opened.is_cached(place) for part in ranges for place in _places(part)):
                return opened
        except OSError as error:
            if error.errno in _DOES_NOT_TELL:
                self._works = False
        opened.close()
        raise _NotAtHand


class _NotAtHand(Exception):
    """The bytes are not in memory, or nobody knows."""


def _places(part: ByteRange) -> Sequence[int]:
    """Where to look: a byte of each piece that the system reads at once, and the last one."""
    end = part.start + part.length
    return (*range(part.start, end, _STEP), end - 1) if part.length else ()
