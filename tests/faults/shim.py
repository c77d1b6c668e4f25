"""A disk that fails on demand: `shim.c`, built by the C compiler and told what to do."""

from __future__ import annotations

import mmap
import shutil
import struct
import subprocess
from enum import IntFlag
from pathlib import Path

_SOURCE = Path(__file__).with_name("shim.c")
_FORMAT = struct.Struct("@8q512s128s")
_NUMBER = struct.Struct("@q")
_KINDS, _ERROR, _FIRST, _LAST, _SEEN, _FAILED, _LIMITED, _ROOM = range(0, 64, 8)
_FOLDER, _NEEDLE = 64, 576
_ENDLESS = 2**62


class Calls(IntFlag):
    """System calls that can be watched."""

    SYNC = 1
    WRITE = 2
    TRUNCATE = 4
    RENAME = 8
    LINK = 16
    CREATE = 32
    UNLINK = 64
    FOLDER = 128
    TIMES = 256
    OPEN_WRITE = 512
    READ = 1024


STORING = Calls.SYNC | Calls.WRITE | Calls.TRUNCATE | Calls.RENAME | Calls.LINK | Calls.CREATE
"""What a store request asks of the disk."""

CHANGING = STORING ^ Calls.SYNC | Calls.UNLINK | Calls.FOLDER | Calls.TIMES | Calls.OPEN_WRITE
"""What a read-only file system refuses."""


class Shim:
    """The library and its control block.

    Args:
        place: A folder for both; not below the folder that fails.
        folder: The folder whose files meet failures.
    """

    def __init__(self, place: Path, folder: Path) -> None:
        self._library = build(place)
        self._control = place / "control"
        with self._control.open("wb") as file:
            file.truncate(_FORMAT.size)
        with self._control.open("r+b") as file:
            self._block = mmap.mmap(file.fileno(), _FORMAT.size)
        self._text(_FOLDER, 512, str(folder.resolve()))

    @property
    def environment(self) -> dict[str, str]:
        """Variables under which a program has the library in it."""
        return {"LD_PRELOAD": str(self._library), "FAULT_SHIM_CONTROL": str(self._control)}

    @property
    def seen(self) -> int:
        """Watched calls since the last order."""
        return self._get(_SEEN)

    @property
    def failed(self) -> int:
        """Those of them that failed."""
        return self._get(_FAILED)

    def count(self, calls: Calls, needle: str = "") -> None:
        """Only count calls from now on.

        Args:
            calls: Which.
            needle: Text that the path must hold behind the folder's name.
        """
        self.fail(calls, 0, needle=needle)

    def fail(
        self, calls: Calls, error: int, first: int = 1, last: int = _ENDLESS, needle: str = ""
    ) -> None:
        """Let calls fail from now on.

        Args:
            calls: Which are counted.
            error: The errno that they meet.
            first: Number of the first call that fails.
            last: Number of the last one.
            needle: Text that the path must hold behind the folder's name; with `$` behind it, how
                the path must end.
        """
        self.heal()
        self._text(_NEEDLE, 128, needle)
        for place, value in ((_ERROR, error), (_FIRST, first), (_LAST, last), (_SEEN, 0)):
            self._set(place, value)
        self._set(_FAILED, 0)
        self._set(_KINDS, calls.value)

    def heal(self) -> None:
        """Let every call through."""
        self._set(_KINDS, 0)

    def limit(self, room: int) -> None:
        """Let the files grow by so many bytes together, and then by none.

        Args:
            room: Bytes that count as free.
        """
        self._set(_ROOM, room)
        self._set(_LIMITED, 1)

    @property
    def room(self) -> int:
        """Bytes by which the files may still grow."""
        return self._get(_ROOM)

    def free(self) -> None:
        """Let the files grow again."""
        self._set(_LIMITED, 0)

    def close(self) -> None:
        """Let go of the control block."""
        self._block.close()

    def _get(self, place: int) -> int:
        return int(_NUMBER.unpack_from(self._block, place)[0])

    def _set(self, place: int, value: int) -> None:
        _NUMBER.pack_into(self._block, place, value)

    def _text(self, place: int, size: int, text: str) -> None:
        data = text.encode()
        assert len(data) < size, text
        self._block[place : place + size] = data.ljust(size, b"\0")


def build(place: Path) -> Path:
    """Compile the library.

    Args:
        place: The folder that it is put in.

    Raises:
        RuntimeError: There is no C compiler, or it refuses.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        raise RuntimeError("no C compiler: install the Debian packages gcc and libc6-dev")
    library = place / "shim.so"
    command = [compiler, "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-o", str(library)]
    done = subprocess.run([*command, str(_SOURCE), "-ldl"], capture_output=True, text=True)
    if done.returncode != 0 or done.stderr:
        raise RuntimeError(f"the shim cannot be built: {done.stderr}")
    return library
