"""The folder of backups: one copy of each blob, and dated snapshots that say which are needed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dicomweb_server.errors import BlobDamaged, ConfigurationError
from dicomweb_server.model.instance import Blob
from dicomweb_server.model.limits import MIB
from dicomweb_server.store.durable import (
    make_durable_folder,
    open_lock,
    sync_folder,
    try_lock,
    write_file,
)
from dicomweb_server.store.layout import Layout, is_digest

VERSION = 1

INDEX = "index.db"
STATE = "state.db"
BLOBS = "blobs.txt"
CONFIGURATION = "dicomweb.toml"

_NAME = re.compile(r"[0-9]{6,}-[0-9]{8}-[0-9]{6}", re.ASCII)
_DESCRIPTION = "snapshot.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """One blob that a snapshot needs.

    Args:
        blob: Its name and size.
        received_at: Nanoseconds since 1970 when the archive received it.
    """

    blob: Blob
    received_at: int

    def line(self) -> str:
        """Its line in the list of a snapshot's blobs."""
        return f"{self.blob.digest} {self.blob.size} {self.received_at}\n"

    @classmethod
    def read(cls, line: str) -> Entry:
        """The entry of a line.

        Raises:
            BlobDamaged: It is none.
        """
        words = line.split()
        numbers = words[1:]
        if len(words) != 3 or not is_digest(words[0]) or not all(map(_is_number, numbers)):
            raise BlobDamaged("the list of a snapshot's blobs is damaged")
        return cls(Blob(words[0], int(words[1])), int(words[2]))


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdecimal() and len(word) < 20


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of an archive at one moment.

    Args:
        path: The folder of its files.
        store: Version of the store's layout.
        versions: Schema version of each database by its file's name.
        instances: How many instances the archive had.
        size: Bytes of their blobs.
        hashes: SHA-256 of each file by its name.
    """

    path: Path
    store: int
    versions: dict[str, int]
    instances: int
    size: int
    hashes: dict[str, str]

    @property
    def name(self) -> str:
        """Number and date, `000003-20260131-020000`."""
        return self.path.name

    @property
    def number(self) -> int:
        """Grows by one with each, whatever the clock says."""
        return int(self.name.partition("-")[0])

    def is_whole(self, name: str) -> bool:
        """Whether one of its files is what was written."""
        try:
            return self.hashes.get(name) == hash_of(self.path / name)
        except OSError:
            return False

    def entries(self) -> Iterator[Entry]:
        """The blobs that it needs, in order of their digests.

        Raises:
            BlobDamaged: The list of them is damaged; nothing is yielded where it is.
        """
        if not self.is_whole(BLOBS):
            raise BlobDamaged(f"the list of blobs of snapshot {self.name} is damaged")
        with (self.path / BLOBS).open(encoding="ascii") as file:
            yield from map(Entry.read, file)

    def describe(self) -> None:
        """Write what it is next to its files, durably."""
        told = {
            "backup": VERSION,
            "store": self.store,
            "schemas": self.versions,
            "instances": self.instances,
            "bytes": self.size,
            "sha256": self.hashes,
        }
        write_file(self.path / _DESCRIPTION, json.dumps(told, indent=1).encode() + b"\n")

    @classmethod
    def read(cls, path: Path) -> Snapshot | None:
        """The snapshot of a folder; None where its description is missing or damaged.

        Raises:
            ConfigurationError: A newer release wrote it.
        """
        try:
            told = json.loads((path / _DESCRIPTION).read_bytes())
            version = int(told["backup"])
            snapshot = cls(
                path,
                int(told["store"]),
                {str(name): int(value) for name, value in told["schemas"].items()},
                int(told["instances"]),
                int(told["bytes"]),
                {str(name): str(value) for name, value in told["sha256"].items()},
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        if version > VERSION:
            raise ConfigurationError(
                f"{path} has version {version}, this release knows versions up to {VERSION}",
                "use the release that made the backup, or a newer one",
            )
        return snapshot


@dataclass(frozen=True, slots=True)
class BackupFolder:
    """Paths of a backup.

    ::

        DIR/blobs/ab/<62 hex>             every blob that a snapshot needs, once
        DIR/snapshots/<number>-<date>/    index.db state.db blobs.txt dicomweb.toml snapshot.json
        DIR/unfinished/                   what a backup is writing
        DIR/lock                          held while the backup is written or read

    Args:
        path: The top of it.
    """

    path: Path

    @property
    def layout(self) -> Layout:
        """Where its blobs lie."""
        return Layout(self.path)

    @property
    def snapshots(self) -> Path:
        """The folder of snapshots."""
        return self.path / "snapshots"

    @property
    def unfinished(self) -> Path:
        """The folder of what is being written."""
        return self.path / "unfinished"

    def readable(self) -> list[Snapshot]:
        """The snapshots that can be read, oldest first."""
        return [found for found in map(Snapshot.read, self._folders()) if found is not None]

    def last_number(self) -> int:
        """Number of the newest snapshot, readable or not; 0 where there is none."""
        return max((int(path.name.partition("-")[0]) for path in self._folders()), default=0)

    def has_unreadable(self) -> bool:
        """Whether a snapshot is there whose needs cannot be known."""
        return any(Snapshot.read(path) is None for path in self._folders())

    def _folders(self) -> list[Path]:
        if not self.snapshots.is_dir():
            return []
        found = [path for path in self.snapshots.iterdir() if _NAME.fullmatch(path.name)]
        return sorted(found, key=lambda path: int(path.name.partition("-")[0]))

    def choose(self, name: str | None) -> Snapshot:
        """One snapshot by its name, or the newest.

        Raises:
            ConfigurationError: There is no such snapshot.
        """
        found = self.readable()
        if name is not None:
            found = [snapshot for snapshot in found if snapshot.name == name]
        if not found:
            what = "no snapshot that can be read" if name is None else f"no snapshot {name}"
            raise ConfigurationError(f"{self.path} has {what}", "`restore --list` shows them")
        return found[-1]

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Have the backup alone, to write it; made where missing, and rid of what was cut off.

        Raises:
            ConfigurationError: Somebody else uses it, or the folder holds other things.
        """
        self._require_ours()
        make_durable_folder(self.path)
        with self._locked(exclusive=True):
            for folder in (self.layout.blobs, self.snapshots, self.unfinished):
                folder.mkdir(mode=0o700, exist_ok=True)
            self.clear()
            for number in range(256):
                (self.layout.blobs / f"{number:02x}").mkdir(mode=0o700, exist_ok=True)
            sync_folder(self.layout.blobs)
            sync_folder(self.path)
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Use the backup together with others that read it; it may be on read-only media.

        Raises:
            ConfigurationError: There is none, or one is being written.
        """
        if not self.snapshots.is_dir():
            raise ConfigurationError(
                f"{self.path} is no backup", "give the folder that `backup` wrote"
            )
        with self._locked(exclusive=False):
            yield

    def clear(self) -> None:
        """Remove what a backup that was cut off has left."""
        for path in self.unfinished.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    def _require_ours(self) -> None:
        try:
            names = {path.name for path in self.path.iterdir()}
        except FileNotFoundError:
            return
        except OSError as error:
            raise ConfigurationError(f"{self.path} cannot be used: {error.strerror}") from error
        if names - {"lost+found"} and "snapshots" not in names and "lock" not in names:
            raise ConfigurationError(
                f"{self.path} holds other things than a backup", "give an empty or a new folder"
            )
        if "index.db" in names or "state.db" in names:
            raise ConfigurationError(
                f"{self.path} is a data folder", "give another folder for the backup"
            )

    @contextmanager
    def _locked(self, *, exclusive: bool) -> Iterator[None]:
        path = self.path / "lock"
        if not exclusive and not path.exists():  # a copy of a backup, perhaps on read-only media
            yield
            return
        with _descriptor(path) as descriptor:
            if not try_lock(descriptor, exclusive=exclusive):
                raise ConfigurationError(
                    f"the backup {self.path} is in use", "wait until that has ended"
                )
            yield


@contextmanager
def _descriptor(path: Path) -> Iterator[int]:
    descriptor = open_lock(path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def hash_of(path: Path) -> str:
    """SHA-256 of a file, in lower-case hex."""
    with path.open("rb", buffering=0) as file:
        digest = hashlib.sha256()
        while piece := file.read(MIB):
            digest.update(piece)
    return digest.hexdigest()
