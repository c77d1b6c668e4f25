"""The folder behind ``--data``: what lies where, and who may use it at the same time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from dicomweb_server.errors import ConfigurationError
from dicomweb_server.index.sqlite import highwater, integrity
from dicomweb_server.model.disk import READ_ONLY
from dicomweb_server.store.durable import (
    locked,
    make_durable_folder,
    open_lock,
    sync,
    sync_folder,
    try_lock,
)

_BESIDE = ("-wal", "-shm", highwater.ENDING, integrity.ENDING)
"""What lies next to a database and belongs to no other."""


class Use(Enum):
    """What a process wants with a data folder."""

    SERVER = "server"
    """Serve it: one server at a time, with its workers; tools may work next to it."""
    TOOL = "tool"
    """Work on it next to a server and other tools."""
    REBUILD = "rebuild"
    """Have it alone."""
    RESTORE = "restore"
    """Have it alone, to fill it."""


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Paths of a data folder.

    ::

        DIR/blobs/ staging/ format.json store.lock   the store
        DIR/index.db                                 the index; can be rebuilt from the blobs
        DIR/state.db                                 what cannot be rebuilt
        DIR/renditions/                              made for speed; may be deleted
        DIR/lock                                     held by the server that uses the folder
        DIR/use.lock                                 shared by all, held alone by a rebuild
        DIR/keep.lock                                shared by backups, held alone by removals
        DIR/scrub.lock                               held by who reads everything in the background
        DIR/restore.json                             there until a restore has come to its end

    Args:
        path: The top of it.
    """

    path: Path

    @property
    def blobs(self) -> Path:
        """The folder of blobs."""
        return self.path / "blobs"

    @property
    def staging(self) -> Path:
        """The folder of bytes on their way in."""
        return self.path / "staging"

    @property
    def renditions(self) -> Path:
        """The folder of renditions."""
        return self.path / "renditions"

    @property
    def index(self) -> Path:
        """The database of the index."""
        return self.path / "index.db"

    @property
    def state(self) -> Path:
        """The database of what cannot be rebuilt."""
        return self.path / "state.db"

    @property
    def rebuilt_index(self) -> Path:
        """An index that is complete and waits to take the place of the old one."""
        return self.path / "index.db.ready"

    @property
    def configuration(self) -> Path:
        """The settings of this archive, where it has some of its own."""
        return self.path / "dicomweb.toml"

    @property
    def unfinished(self) -> Path:
        """The mark of a restore that has not come to its end: nobody may use the folder."""
        return self.path / "restore.json"

    @contextmanager
    def keep_blobs(self) -> Iterator[None]:
        """Keep every blob that is there now; waits for a removal that runs."""
        with locked(self.path / "keep.lock", exclusive=False):
            yield

    @contextmanager
    def remove_blobs(self) -> Iterator[None]:
        """Have the right to remove blobs.

        Raises:
            ConfigurationError: A backup needs them, or another removal runs.
        """
        descriptor = open_lock(self.path / "keep.lock")
        try:
            if not try_lock(descriptor, exclusive=True):
                raise ConfigurationError(
                    f"bytes in {self.path} are needed by a backup or removed by another `gc`",
                    "wait until that has ended",
                )
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def acquire(self, use: Use) -> Iterator[None]:
        """Use the folder for as long as the context lasts; the folder is made where missing.

        A rebuild that was cut off while it put the new index in place is finished first. What a
        server starts as its workers uses the folder as a tool does: the server has it for them.

        Args:
            use: For what.

        Raises:
            ConfigurationError: Somebody else uses it in a way that excludes this one.
        """
        try:
            make_durable_folder(self.path)
        except OSError as error:
            raise ConfigurationError(
                f"the data folder {self.path} cannot be made: {os.strerror(error.errno or 0)}",
                "give a folder that the server may write",
            ) from error
        descriptors: list[int] = []
        try:
            try:
                if use is not Use.TOOL:
                    self._hold_server(descriptors)
                self._hold_use(descriptors, use)
            except OSError as error:
                self._require_reader(use, error)
            yield
        finally:
            for descriptor in reversed(descriptors):
                os.close(descriptor)

    def _hold_server(self, descriptors: list[int]) -> None:
        """Take the server's lock; it goes with this process, however that ends.

        The process id inside is for people only: it may be that of another container.
        """
        descriptor = open_lock(self.path / "lock")
        descriptors.append(descriptor)
        if try_lock(descriptor, exclusive=True):
            self._name_holder()
            return
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace")
        raise ConfigurationError(
            f"the data folder {self.path} is in use by process {holder or 'unknown'}",
            "stop that server first, or give another folder",
        )

    def _name_holder(self) -> None:
        with suppress(OSError):  # a disk that is full or read-only
            (self.path / "lock").write_text(str(os.getpid()), "ascii")

    def _require_reader(self, use: Use, error: OSError) -> None:
        """Go without a lock where none can be made, because nobody can change anything there.

        Raises:
            ConfigurationError: It is needed, or nothing can be read either.
        """
        alone = use in (Use.REBUILD, Use.RESTORE)
        if alone or error.errno not in READ_ONLY or not os.access(self.blobs, os.R_OK | os.X_OK):
            raise ConfigurationError(
                f"the data folder {self.path} cannot be used: {os.strerror(error.errno or 0)}",
                "give a folder that the server may write",
            ) from error

    def _hold_use(self, descriptors: list[int], use: Use) -> None:
        descriptor = open_lock(self.path / "use.lock")
        descriptors.append(descriptor)
        alone = use in (Use.REBUILD, Use.RESTORE)
        if not alone and self.rebuilt_index.exists():
            self._require(descriptor, exclusive=True)
            self.swap_index()
        self._require(descriptor, exclusive=alone)
        if use is Use.REBUILD:
            self.swap_index()
        if use is not Use.RESTORE and self.unfinished.exists():
            raise ConfigurationError(
                f"a restore into {self.path} was cut off",
                "run `dicomweb-server restore` again; it goes on where it stopped",
            )

    def _require(self, descriptor: int, *, exclusive: bool) -> None:
        if not try_lock(descriptor, exclusive=exclusive):
            what = "by a server or a tool" if exclusive else "by a rebuild of its index"
            raise ConfigurationError(
                f"the data folder {self.path} is in use {what}", "wait until that has ended"
            )

    def swap_index(self) -> None:
        """Put a rebuilt index that is ready in the place of the old one.

        The old one's log goes before the old one does: a log must never meet another database.
        Cut off anywhere, it can be done again from the start. Only for who has the folder alone.
        """
        if not self.rebuilt_index.exists():
            return
        self._put(self.rebuilt_index, self.index)

    def announce_index(self, built: Path) -> None:
        """Declare an index complete: from here on it will take the old one's place.

        Args:
            built: Its database inside this folder, closed, without a log of its own.
        """
        descriptor = os.open(built, os.O_RDONLY)
        try:
            sync(descriptor)
        finally:
            os.close(descriptor)
        built.replace(self.rebuilt_index)
        sync_folder(self.path)

    def put_database(self, built: Path, place: Path) -> None:
        """Put a database in its place; what lies next to the old one goes.

        Args:
            built: The new one inside this folder, closed, without a log of its own.
            place: Where it belongs.
        """
        descriptor = os.open(built, os.O_RDONLY)
        try:
            sync(descriptor)
        finally:
            os.close(descriptor)
        self._put(built, place)

    def _put(self, built: Path, place: Path) -> None:
        for ending in _BESIDE:
            place.with_name(place.name + ending).unlink(missing_ok=True)
        sync_folder(self.path)
        built.replace(place)
        sync_folder(self.path)

    def remove_database(self, path: Path) -> None:
        """Remove a database and all that lies next to it."""
        for found in path.parent.glob(path.name + "*"):
            with suppress(FileNotFoundError):
                found.unlink()


@contextmanager
def hold(path: Path) -> Iterator[DataFolder]:
    """Hold a data folder as its server.

    Args:
        path: The data folder.

    Raises:
        ConfigurationError: Another server, or a rebuild, has it.
    """
    folder = DataFolder(path)
    with folder.acquire(Use.SERVER):
        yield folder
