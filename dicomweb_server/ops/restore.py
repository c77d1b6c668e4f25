"""Making a data folder of a backup."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dicomweb_server.errors import ConfigurationError, Unavailable
from dicomweb_server.index.sqlite.schema import INDEX as INDEX_SCHEMA
from dicomweb_server.index.sqlite.schema import STATE as STATE_SCHEMA
from dicomweb_server.ops.backupfolder import (
    BLOBS,
    CONFIGURATION,
    INDEX,
    STATE,
    BackupFolder,
    Entry,
    Snapshot,
    hash_of,
)
from dicomweb_server.ops.batches import Progress, silent
from dicomweb_server.ops.copying import Copied, Copier, is_whole, side_by_side, writing
from dicomweb_server.ops.datafolder import DataFolder, Use
from dicomweb_server.ops.findings import Findings
from dicomweb_server.ops.snapshot import entries_of, renew_generation, sync_file
from dicomweb_server.store.durable import make_durable_folder, sync_folder, write_file
from dicomweb_server.store.layout import VERSION, Layout

_SCRATCH = "restoring"


@dataclass(slots=True)
class RestoreReport:
    """What a restore did, or a check found.

    Args:
        snapshot: Name of the snapshot.
        instances: Instances in it.
        blobs: Blobs that it needs.
        restored: Blobs that were written now; the others an earlier run had written.
        restored_bytes: Their bytes.
        damaged: Blobs that are missing or damaged in the backup.
        damaged_files: Files of the snapshot itself that are damaged or missing, `index.db`.
    """

    snapshot: str = ""
    instances: int = 0
    blobs: int = 0
    restored: int = 0
    restored_bytes: int = 0
    damaged: Findings = field(default_factory=Findings)
    damaged_files: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether everything is as it was."""
        return not (self.damaged.count or self.damaged_files)


def restore(
    backup: BackupFolder,
    name: str | None,
    folder: DataFolder,
    progress: Progress = silent,
) -> RestoreReport:
    """Fill a new data folder from a snapshot: the blobs first, each checked, the databases last.

    Until it has come to its end nobody can use the folder; cut off, it is run again and goes on.
    What is damaged in the backup is left out and told: a blob; the index, which `reindex` then
    makes anew; the list of deletions, which the blobs of a snapshot do not need.

    Args:
        backup: The backup; it is only read.
        name: Name of the snapshot; None is the newest, or that of the run that was cut off.
        folder: Where to; empty or missing.
        progress: Told of each blob.

    Raises:
        ConfigurationError: The folder holds an archive, or there is no such snapshot.
        StoreFull: The folder's volume is full.
        Unavailable: It cannot be written, or nothing tells what the snapshot needs.
    """
    with backup.reading(), writing(folder.path):
        snapshot = backup.choose(name or _begun(folder))
        _require_known(snapshot)
        _require_room(folder, snapshot)
        with folder.acquire(Use.RESTORE):
            _require_room(folder, snapshot)  # again: somebody may have been in between
            return _fill(backup, snapshot, folder, progress)


def check(backup: BackupFolder, name: str | None, progress: Progress = silent) -> RestoreReport:
    """Read all that a restore of a snapshot would need, and write nothing.

    Args:
        backup: The backup.
        name: Name of the snapshot; None is the newest.
        progress: Told of each blob.

    Raises:
        ConfigurationError: There is no such snapshot, or a newer release made it.
        Unavailable: Nothing tells what it needs.
    """
    with backup.reading():
        snapshot = backup.choose(name)
        _require_known(snapshot)
        report = _reported(snapshot)
        layout = backup.layout
        for entry, whole in side_by_side(_entries(snapshot), lambda entry: is_whole(layout, entry)):
            report.blobs += 1
            if not whole:
                report.damaged.add(entry.blob.digest)
            progress(report.blobs, snapshot.instances)
    return report


def _begun(folder: DataFolder) -> str | None:
    """The snapshot that a run which was cut off has begun with."""
    try:
        return str(json.loads(folder.unfinished.read_bytes())["snapshot"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _require_known(snapshot: Snapshot) -> None:
    newest = {INDEX: len(INDEX_SCHEMA.migrations), STATE: len(STATE_SCHEMA.migrations)}
    newer = snapshot.store > VERSION or any(
        snapshot.versions.get(name, 0) > version for name, version in newest.items()
    )
    if newer:
        raise ConfigurationError(
            f"a newer release made snapshot {snapshot.name}", "restore it with that release"
        )


def _require_room(folder: DataFolder, snapshot: Snapshot) -> None:
    begun = _begun(folder)
    if begun == snapshot.name:
        return
    if begun is not None:
        raise ConfigurationError(
            f"a restore of snapshot {begun} into {folder.path} was cut off",
            f"finish it by --snapshot {begun}, or give another folder",
        )
    layout = Layout(folder.path)
    there = (folder.index, folder.rebuilt_index, folder.state, layout.format, layout.blobs)
    if any(path.exists() for path in there):
        raise ConfigurationError(
            f"{folder.path} holds an archive already", "give --data a new or an empty folder"
        )


def _reported(snapshot: Snapshot) -> RestoreReport:
    report = RestoreReport(snapshot=snapshot.name, instances=snapshot.instances)
    report.damaged_files = tuple(
        name for name in sorted(snapshot.hashes) if not snapshot.is_whole(name)
    )
    return report


def _fill(
    backup: BackupFolder, snapshot: Snapshot, folder: DataFolder, progress: Progress
) -> RestoreReport:
    report = _reported(snapshot)
    write_file(folder.unfinished, json.dumps({"snapshot": snapshot.name}).encode() + b"\n")
    layout = Layout(folder.path)
    layout.prepare()
    scratch = folder.path / _SCRATCH
    shutil.rmtree(scratch, ignore_errors=True)
    make_durable_folder(scratch)
    for entry, outcome in Copier(backup.layout, layout, scratch).copy_all(_entries(snapshot)):
        report.blobs += 1
        if outcome is Copied.NEW:
            report.restored += 1
            report.restored_bytes += entry.blob.size
        elif outcome is Copied.DAMAGED:
            report.damaged.add(entry.blob.digest)
        progress(report.blobs, snapshot.instances)
    _place_files(snapshot, folder, report.damaged_files, scratch)
    shutil.rmtree(scratch)
    folder.unfinished.unlink()
    sync_folder(folder.path)
    return report


def _place_files(
    snapshot: Snapshot, folder: DataFolder, damaged: tuple[str, ...], scratch: Path
) -> None:
    """Put the databases, and settings where there are none yet, in their places."""
    places = {STATE: folder.state, CONFIGURATION: folder.configuration, INDEX: folder.index}
    for name, place in places.items():
        if name in damaged or name not in snapshot.hashes:
            continue
        if name == CONFIGURATION and place.exists():
            continue
        copied = scratch / name
        shutil.copyfile(snapshot.path / name, copied)
        if hash_of(copied) != snapshot.hashes[name]:
            raise Unavailable(f"{name} of the snapshot changed while it was read", "run it again")
        if name == INDEX:
            renew_generation(copied)
        sync_file(copied)
        copied.replace(place)
    sync_folder(folder.path)


def _entries(snapshot: Snapshot) -> Iterator[Entry]:
    """What a snapshot needs, told by its list, or by its index where the list is damaged."""
    if snapshot.is_whole(BLOBS):
        return snapshot.entries()
    if snapshot.is_whole(INDEX):
        return entries_of(snapshot.path / INDEX)
    raise Unavailable(
        f"the list of blobs and the index of snapshot {snapshot.name} are both damaged",
        "choose another one: `restore --list` shows them",
    )
