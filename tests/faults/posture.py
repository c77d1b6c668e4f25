"""One state of a disk after a power loss, made for real, opened and looked at."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dicomweb_server.app import Ports, open_ports
from dicomweb_server.errors import ArchiveError
from dicomweb_server.model.ids import InstanceKey, Scope
from dicomweb_server.settings import Settings
from tests.faults.script import Heard
from tests.faults.specimens import Key

_PAGE = 10_000


class Posture:
    """A data folder as the power loss left it.

    Args:
        folder: Where it is made.
        top: What its paths begin with in the recording.
    """

    def __init__(self, folder: Path, top: Path) -> None:
        self._folder = folder
        self._top = top

    def make(self, state: Iterable[tuple[str, bytes | None]]) -> None:
        """Write the files; `-shm` files are memory, not files."""
        self._folder.mkdir(parents=True)
        for path, content in state:
            place = self._folder / Path(path).relative_to(self._top)
            if content is None:
                place.mkdir()
            elif not path.endswith("-shm"):
                place.write_bytes(content)

    def remove(self) -> None:
        """Take it away again."""
        shutil.rmtree(self._folder)

    def check(self, known: Sequence[Heard], still_open: Sequence[Heard]) -> list[str]:
        """Open it as the server does, and compare.

        Args:
            known: Requests whose answer had begun.
            still_open: Requests that may or may not have had an effect.
        """
        try:
            return asyncio.run(self._check(known, still_open))
        except ArchiveError as error:
            return [f"it does not open: {error.detail}"]

    async def _check(self, known: Sequence[Heard], still_open: Sequence[Heard]) -> list[str]:
        async with open_ports(Settings(data=self._folder)) as ports:
            rows = await _rows(ports)
            wrong = list(self._wrong_rows(known, still_open, rows))
            wrong += [each for sha in sorted(set(rows.values())) for each in self._wrong_blob(sha)]
            wrong += await self._wrong_tombstones(ports, known, still_open, set(rows.values()))
            await ports.store.check()
        return wrong

    def _wrong_rows(
        self, known: Sequence[Heard], still_open: Sequence[Heard], rows: dict[Key, str]
    ) -> Iterator[str]:
        due: dict[Key, str] = {}
        for request in known:
            due |= request.after
        options: dict[Key, set[str]] = {key: {sha} for key, sha in due.items()}
        for request in still_open:
            for key, sha in request.after.items():
                options.setdefault(key, {""}).add(sha)
        for key, shas in options.items():
            if rows.get(key, "") not in shas:
                found = rows.get(key, "")[:12] or "nothing"
                wanted = " or ".join(sha[:12] or "nothing" for sha in sorted(shas))
                yield f"{key.path}: found {found}, expected {wanted}"

    def _wrong_blob(self, sha: str) -> Iterator[str]:
        path = self._folder / "blobs" / sha[:2] / sha[2:]
        if not path.exists():
            yield f"a row's blob {sha[:12]} is missing"
        elif hashlib.sha256(path.read_bytes()).hexdigest() != sha:
            yield f"a row's blob {sha[:12]} is torn"

    async def _wrong_tombstones(
        self, ports: Ports, known: Sequence[Heard], still_open: Sequence[Heard], live: set[str]
    ) -> list[str]:
        """What was deleted or replaced by an acknowledged request stays away from a rebuild.

        A request that stores it again takes the tombstone away before it adds the row.
        """
        gone: set[str] = set()
        for request in known:
            gone |= {sha for sha in request.before.values() if sha}
            gone -= set(request.after.values())
        for request in still_open:
            gone -= set(request.after.values())
        gone -= live
        return [
            f"{sha[:12]} is gone without a tombstone"
            for sha in sorted(gone - await ports.tombstones.buried(sorted(gone)))
        ]


async def _rows(ports: Ports) -> dict[Key, str]:
    records = await ports.index.records(Scope(), 0, _PAGE)
    return {_key(record.key): record.blob.digest for record in records}


def _key(key: InstanceKey) -> Key:
    return Key(key.study, key.series, key.instance)
