"""System calls of a process as strace writes them down, with all their bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CALLS = (
    "openat",
    "mkdir",
    "mkdirat",
    "write",
    "writev",
    "pwrite64",
    "pwritev",
    "sendto",
    "sendmsg",
    "ftruncate",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "unlink",
    "unlinkat",
    "rmdir",
    "fsync",
    "fdatasync",
)
"""What changes files or makes them durable, and what answers clients."""

_WHOLE = re.compile(r"(\d+) +(\w+)\((.*)\) += (-?\d+)(.*)")
_BEGUN = re.compile(r"(\d+) +(\w+)\((.*) <unfinished \.\.\.>")
_RESUMED = re.compile(r"(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+)(.*)")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_DESCRIPTOR = re.compile(r"(\d+)<(TCP\S*?\[[^\]]*\]|[^>]*)>(\(deleted\))?")
_PORT = re.compile(r"->[^\]]*:(\d+)\]")


@dataclass(frozen=True, slots=True)
class Call:
    """One system call that succeeded.

    Args:
        name: Which.
        begin: Place in the trace where it began.
        end: Place where it ended; in between, other threads did other things.
        descriptor: First argument where that is a descriptor, else -1.
        target: What that descriptor stands for: a path, or a connection; empty where it is no
            path any more.
        strings: Paths and bytes, in order.
        rest: Arguments as written.
        result: What it returned.
    """

    name: str
    begin: int
    end: int
    descriptor: int
    target: str
    strings: tuple[bytes, ...]
    rest: str
    result: int

    @property
    def data(self) -> bytes:
        """Bytes that were really written or sent."""
        return b"".join(self.strings)[: self.result]

    @property
    def offset(self) -> int:
        """Where bytes were written, or the new length; for calls that tell it last."""
        return int(self.rest.rpartition(", ")[2])

    @property
    def peer(self) -> int:
        """Port of the client at the other end of a connection; 0 where there is none."""
        found = _PORT.search(self.target)
        return int(found[1]) if found else 0


def command(output: Path) -> list[str]:
    """What to put in front of a command to trace it and its threads."""
    options = ["-f", "-yy", "-xx", "-s", "100000000", "--seccomp-bpf", "-o", str(output)]
    return ["strace", *options, "-e", "trace=" + ",".join(CALLS), "-e", "signal=none"]


def read(path: Path, folder: Path) -> Iterator[Call]:
    """Calls that concern a folder or a connection, in the order in which they ended.

    Args:
        path: What strace wrote.
        folder: Only this one and what is below it.
    """
    inside = "".join(f"\\x{byte:02x}" for byte in str(folder).encode())
    begun: dict[str, tuple[int, str]] = {}
    with path.open("r", encoding="ascii", errors="replace") as lines:
        for place, line in enumerate(lines):
            if found := _BEGUN.match(line):
                begun[found[1]] = (place, found[3])
            elif found := _RESUMED.match(line):
                begin, first = begun.pop(found[1])
                yield from _call(found[2], (begin, place), first + found[3], found, inside)
            elif found := _WHOLE.match(line):
                yield from _call(found[2], (place, place), found[3], found, inside)


def _call(
    name: str, places: tuple[int, int], rest: str, found: re.Match[str], inside: str
) -> Iterator[Call]:
    result = int(found[4])
    if result < 0 or not (inside in rest or "<TCP" in rest):
        return
    first = _DESCRIPTOR.match(rest)
    target = ""
    if first is not None and first[3] is None:
        target = first[2] if first[2].startswith("TCP") else _decode(first[2]).decode()
    strings = tuple(_string(each) for each in _STRING.finditer(rest))
    descriptor = int(first[1]) if first else -1
    yield Call(name, *places, descriptor, target, strings, rest, result)


def _string(found: re.Match[str]) -> bytes:
    assert not found[2], "strace has cut bytes off"
    return _decode(found[1])


def _decode(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))
