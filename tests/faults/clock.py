"""A clock of the wall that can be set to any time for some programs: `clock.c`, built here."""

from __future__ import annotations

import datetime
import mmap
import shutil
import struct
import subprocess
import time
from pathlib import Path

_SOURCE = Path(__file__).with_suffix(".c")
_OFFSET = struct.Struct("@q")
_SECOND = 1_000_000_000


class Clock:
    """The library and the offset that it adds.

    Args:
        place: A folder for both.
    """

    def __init__(self, place: Path) -> None:
        self._library = _build(place)
        self._control = place / "clock"
        self._control.write_bytes(_OFFSET.pack(0))
        with self._control.open("r+b") as file:
            self._block = mmap.mmap(file.fileno(), _OFFSET.size)

    @property
    def environment(self) -> dict[str, str]:
        """Variables under which a program has this clock."""
        return {"LD_PRELOAD": str(self._library), "FAULT_CLOCK_CONTROL": str(self._control)}

    def now(self) -> float:
        """What it shows, in seconds since 1970."""
        offset: int = _OFFSET.unpack_from(self._block)[0]
        return time.time() + offset / _SECOND

    def jump(self, seconds: float) -> None:
        """Set it forward, or back."""
        offset = _OFFSET.unpack_from(self._block)[0]
        _OFFSET.pack_into(self._block, 0, offset + round(seconds * _SECOND))

    def set(self, moment: datetime.datetime) -> None:
        """Set it to a moment."""
        self.jump(moment.timestamp() - self.now())

    def close(self) -> None:
        """Let go of the offset."""
        self._block.close()


def _build(place: Path) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        raise RuntimeError("no C compiler: install the Debian packages gcc and libc6-dev")
    library = place / "clock.so"
    command = [compiler, "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-o", str(library)]
    done = subprocess.run([*command, str(_SOURCE), "-ldl"], capture_output=True, text=True)
    if done.returncode != 0 or done.stderr:
        raise RuntimeError(f"the clock cannot be built: {done.stderr}")
    return library
