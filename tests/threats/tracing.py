"""Which files a process touches, told by the system."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.live.server import eventually
from tests.programs import require

_CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)$")
_PATH = re.compile(r'"((?:[^"\\]|\\.)*)"')
_WRITES = re.compile(r"O_(?:WRONLY|RDWR|CREAT)|^(?:rename|unlink|mkdir|link|symlink|rmdir)")


@dataclass(slots=True)
class Trace:
    """System calls that name files.

    Args:
        lines: As strace writes them.
    """

    lines: list[str] = field(default_factory=list)

    def calls(self) -> Iterator[tuple[str, str, bool]]:
        """Name of each call, each path in it, and whether it may change something."""
        for line in self.lines:
            found = _CALL.match(line)
            if found is not None:
                name, arguments = found.groups()
                changes = _WRITES.search(f"{name}({arguments}") is not None
                for path in _PATH.findall(arguments):
                    yield name, path, changes


def is_our_own(path: str, data: Path) -> bool:
    """Whether a path is one that the program needs by itself."""
    own = (str(data), sys.prefix, sys.base_prefix, str(Path(__file__).parents[2]))
    system = ("/proc/", "/sys/", "/dev/", "/etc/localtime", "/usr/", "/lib")
    above = str(data).startswith(path.rstrip("/") + "/")
    return above or path.startswith((*own, *system)) or not path.startswith("/")


@contextmanager
def traced(pids: list[int], output: Path, calls: str = "%file") -> Iterator[Trace]:
    """Trace running processes, and those that they start, while the context lasts.

    Args:
        pids: The processes.
        output: A file for what is seen.
        calls: Which system calls, as strace names them.
    """
    command = [
        require("strace"),
        "-f",
        "-q",
        "-s",
        "4096",
        "-e",
        f"trace={calls}",
        "-o",
        str(output),
    ]
    for pid in pids:
        command += ["-p", str(pid)]
    trace = Trace()
    with subprocess.Popen(command, stderr=subprocess.PIPE) as tracer:
        try:
            assert eventually(lambda: all(_is_traced(pid) for pid in pids))
            yield trace
        finally:
            tracer.terminate()
            tracer.wait(30)
    trace.lines[:] = output.read_text(errors="replace").splitlines()


def _is_traced(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    return "TracerPid:\t0\n" not in status
