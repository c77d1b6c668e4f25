"""A disk that has lost its power: what of the files' history it may hold afterwards.

Only what was synced is sure. Of the rest, each write may be there, be torn or be missing, in any
order; names made or removed, likewise, until their folder is synced.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from tests.faults.strace import Call

_SECTOR = 512
_Name = tuple[str, str]
"""A folder's path, and a name in it."""


@dataclass(slots=True)
class Inode:
    """A file or a folder, whatever its names.

    Args:
        is_folder: Which of the two.
        durable: Bytes that are sure.
        pending: Writes since, as offset and bytes; None in their place for a new length.
    """

    is_folder: bool = False
    durable: bytes = b""
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    def content(self, writes: Iterable[tuple[int, bytes | None]]) -> bytes:
        """The sure bytes with some of the writes."""
        data = bytearray(self.durable)
        for offset, piece in writes:
            end = offset + len(piece or b"")
            if len(data) < end:
                data.extend(bytes(end - len(data)))
            if piece is None:
                del data[offset:]
            else:
                data[offset:end] = piece
        return bytes(data)


@dataclass(slots=True)
class Renaming:
    """A change of names: some appear, some disappear, together.

    Args:
        changes: What each name stands for then; None for nothing.
    """

    changes: dict[_Name, Inode | None]


class Disk:
    """What was done to the files below a folder, one call after the other.

    Args:
        top: Path of the folder; it is there from the start.
    """

    def __init__(self, top: str) -> None:
        self._top = top
        self._names: dict[_Name, Inode] = {}
        self._sure: dict[_Name, Inode] = {}
        self._unsure: list[Renaming] = []
        self._open: dict[int, tuple[Inode, int]] = {}
        self._syncing: dict[int, int] = {}

    def begin(self, call: Call) -> None:
        """A call begins; a sync covers only what was there then."""
        inode = self._find(call.target)
        if call.name in ("fsync", "fdatasync") and inode is not None:
            waiting = len(self._unsure) if inode.is_folder else len(inode.pending)
            self._syncing[call.begin] = waiting

    def end(self, call: Call) -> bool:
        """A call has ended; tells whether something became sure."""
        match call.name:
            case "openat":
                self._opened(call)
            case "mkdir" | "mkdirat":
                self._change({self._split(_path(call, 0)): Inode(is_folder=True)})
            case "write" | "writev" | "pwrite64" | "pwritev":
                self._written(call)
            case "ftruncate":
                self._shortened(call)
            case "rename" | "renameat" | "renameat2" | "link" | "linkat":
                self._renamed(call)
            case "unlink" | "unlinkat" | "rmdir":
                self._change({self._split(_path(call, 0)): None})
            case "fsync" | "fdatasync":
                return self._synced(call)
        return False

    def _opened(self, call: Call) -> None:
        path = _path(call, 0)
        name = self._split(path)
        if "O_TMPFILE" in call.rest:
            self._open[call.result] = (Inode(), 0)
            return
        if "O_CREAT" in call.rest and name not in self._names and path != self._top:
            self._change({name: Inode()})
        inode = self._names.get(name)
        if inode is None:
            self._open.pop(call.result, None)
            return
        self._open[call.result] = (inode, 0)
        assert "O_APPEND" not in call.rest, path
        if "O_TRUNC" in call.rest:
            inode.pending.append((0, None))

    def _written(self, call: Call) -> None:
        known = self._open.get(call.descriptor)
        if known is None or call.target.startswith("TCP"):
            return
        inode, position = known
        if call.name.startswith("p"):
            inode.pending.append((call.offset, call.data))
            return
        inode.pending.append((position, call.data))
        self._open[call.descriptor] = (inode, position + call.result)

    def _shortened(self, call: Call) -> None:
        inode, _ = self._open[call.descriptor]
        inode.pending.append((call.offset, None))

    def _renamed(self, call: Call) -> None:
        old, new = self._split(_path(call, 0)), self._split(_path(call, 1))
        changes: dict[_Name, Inode | None] = {new: self._names[old]}
        if call.name.startswith("rename"):
            changes[old] = None
        self._change(changes)

    def _change(self, changes: dict[_Name, Inode | None]) -> None:
        for name, inode in changes.items():
            if inode is None:
                self._names.pop(name, None)
            else:
                self._names[name] = inode
        self._unsure.append(Renaming(changes))

    def _synced(self, call: Call) -> bool:
        inode = self._find(call.target)
        waiting = self._syncing.pop(call.begin, 0)
        if inode is None or not waiting:
            return False
        if inode.is_folder:
            return self._settle(call.target, waiting)
        inode.durable = inode.content(inode.pending[:waiting])
        del inode.pending[:waiting]
        return True

    def _settle(self, folder: str, waiting: int) -> bool:
        """Names of one folder become sure; what a renaming did elsewhere does not."""
        settled = False
        for renaming in self._unsure[:waiting]:
            for name in [each for each in renaming.changes if each[0] == folder]:
                _apply(self._sure, {name: renaming.changes.pop(name)})
                settled = True
        self._unsure = [each for each in self._unsure if each.changes]
        return settled

    def _find(self, path: str) -> Inode | None:
        if path == self._top:
            return Inode(is_folder=True)
        return self._names.get(self._split(path)) if path.startswith(self._top) else None

    @staticmethod
    def _split(path: str) -> _Name:
        pure = PurePosixPath(path)
        return str(pure.parent), pure.name

    def sure(self) -> Iterator[tuple[str, bytes | None]]:
        """Paths and bytes when all is lost that was not synced; None for a folder."""
        return self._walk(self._sure, lambda inode: inode.durable)

    def torn(self, chance: random.Random) -> Iterator[tuple[str, bytes | None]]:
        """Paths and bytes when some of what was not synced is there, in part."""
        names = dict(self._sure)
        for renaming in self._unsure:
            if chance.random() < 0.5:
                _apply(names, renaming.changes)
        contents: dict[int, bytes] = {}

        def content(inode: Inode) -> bytes:
            if id(inode) not in contents:
                contents[id(inode)] = inode.content(_some(inode.pending, chance))
            return contents[id(inode)]

        return self._walk(names, content)

    def _walk(
        self, names: dict[_Name, Inode], content: Callable[[Inode], bytes]
    ) -> Iterator[tuple[str, bytes | None]]:
        """What can be reached from the top, folders first."""
        inside: dict[str, list[tuple[str, Inode]]] = {}
        for (folder, name), inode in names.items():
            inside.setdefault(folder, []).append((name, inode))
        waiting = [self._top]
        for folder in waiting:
            for name, inode in sorted(inside.get(folder, ()), key=lambda pair: pair[0]):
                path = f"{folder}/{name}"
                yield path, None if inode.is_folder else content(inode)
                if inode.is_folder:
                    waiting.append(path)


def _path(call: Call, place: int) -> str:
    path = call.strings[place].decode()
    return path if path.startswith("/") else f"{call.target}/{path}"


def _apply(names: dict[_Name, Inode], changes: dict[_Name, Inode | None]) -> None:
    for name, inode in changes.items():
        if inode is None:
            names.pop(name, None)
        else:
            names[name] = inode


def _some(
    writes: list[tuple[int, bytes | None]], chance: random.Random
) -> Iterator[tuple[int, bytes | None]]:
    """Some of the writes, in order; some of those in part."""
    for offset, piece in writes:
        dice = chance.random()
        if dice < 0.4:
            yield offset, piece
        elif dice < 0.7 and piece is not None:
            sectors = chance.randint(0, len(piece) // _SECTOR)
            yield offset, piece[: sectors * _SECTOR]
