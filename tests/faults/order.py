"""The order of system calls that makes an answer a promise (RELIABILITY part 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.faults.script import Heard
from tests.faults.strace import Call

_SYNCS = frozenset({"fsync", "fdatasync"})
_NEVER = 1 << 60


class Order:
    """Looks for the steps of each promise in a trace.

    Args:
        top: The data folder.
        calls: In the order in which they ended.
    """

    def __init__(self, top: Path, calls: Sequence[Call]) -> None:
        self.wrong: list[str] = []
        self.chains = 0
        self.tombstones = 0
        self._blobs = str(top / "blobs")
        self._index = str(top / "index.db-wal")
        self._state = str(top / "state.db-wal")
        self._syncs: dict[str, list[Call]] = {}
        self._writes: dict[str, list[Call]] = {self._index: [], self._state: []}
        self._names: dict[str, list[tuple[Call, str]]] = {}
        for call in calls:
            self._sort(call)

    def _sort(self, call: Call) -> None:
        if call.name in _SYNCS:
            self._syncs.setdefault(call.target, []).append(call)
        elif call.name == "pwrite64" and call.target in self._writes:
            self._writes[call.target].append(call)
        elif call.name.startswith("rename"):
            old, new = (text.decode() for text in call.strings)
            if new.startswith(self._blobs):
                sha = "".join(Path(new).parts[-2:])
                self._names.setdefault(sha, []).append((call, old))

    def check(self, answer: int, request: Heard) -> None:
        """Judge one request.

        Args:
            answer: Where the first byte of its answer went.
            request: What it changed.
        """
        for key, after in request.after.items():
            before = request.before[key]
            if after and after != before:
                self._check_stored(answer, after)
            if before and after != before:
                self._check_buried(answer, before)

    def _check_stored(self, answer: int, sha: str) -> None:
        """fsync(file) < rename < fsync(folder) < write of the row < its fsync < answer."""
        named = [pair for pair in self._names.get(sha, ()) if pair[0].end < answer]
        if not named:
            self.wrong.append(f"{sha[:12]} has no name before its answer")
            return
        rename, old = named[0]
        self.chains += 1
        file = self._sync(old, lambda call: call.end < rename.begin)
        if file is None:
            self.wrong.append(f"{sha[:12]} has its name before its bytes are synced")
        folder = f"{self._blobs}/{sha[:2]}"
        settled = self._sync(folder, lambda call: call.begin > rename.end)
        done = settled.end if settled else _NEVER
        row = next(self._written(self._index, sha), None)
        if row is None or row.begin < done:
            self.wrong.append(f"{sha[:12]} has a row before its name is synced")
            return
        if not self._sync(self._index, lambda call: call.begin > row.end and call.end < answer):
            self.wrong.append(f"{sha[:12]} is answered before its row is synced")

    def _check_buried(self, answer: int, sha: str) -> None:
        """Write of the tombstone < its fsync < answer."""
        self.tombstones += 1
        synced = [call for call in self._syncs.get(self._state, ()) if call.end < answer]
        for stone in self._written(self._state, sha):
            if any(call.begin > stone.end for call in synced):
                return
        self.wrong.append(f"{sha[:12]} is answered before its tombstone is synced")

    def _written(self, path: str, sha: str) -> Iterator[Call]:
        raw = bytes.fromhex(sha)
        return (call for call in self._writes[path] if raw in call.data)

    def _sync(self, path: str, fits: Callable[[Call], bool]) -> Call | None:
        return next((call for call in self._syncs.get(path, ()) if fits(call)), None)
