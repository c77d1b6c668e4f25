"""Backing an archive up while it is in use."""

from __future__ import annotations

import datetime
import heapq
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

from dicomweb_server.errors import BlobDamaged, ConfigurationError
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
from dicomweb_server.ops.snapshot import (
    copy_database,
    entries_of,
    instances_of,
    reconcile,
    version_of,
)
from dicomweb_server.store.durable import sync, sync_folder, write_file
from dicomweb_server.store.layout import VERSION, is_digest

KEEP = 7
"""Snapshots that a backup keeps unless told otherwise."""


@dataclass(slots=True)
class BackupReport:
    """What a backup did.

    Args:
        snapshot: Name of the new snapshot.
        instances: Instances in it.
        blobs: Blobs that it needs.
        copied: Those that were copied now; the others were there.
        copied_bytes: Their bytes.
        damaged: Blobs that are damaged in the archive and not in the backup either.
        repaired: Damaged blobs of the backup that were written anew; looked for on request.
        removed: Blobs that no snapshot needs any more, removed now.
        dropped: Snapshots that were removed.
        snapshots: Snapshots that the backup holds now.
        same_volume: Whether the backup lies on the volume of the archive.
        pruned: Whether what is not needed could be told and was removed.
    """

    snapshot: str = ""
    instances: int = 0
    blobs: int = 0
    copied: int = 0
    copied_bytes: int = 0
    damaged: Findings = field(default_factory=Findings)
    repaired: int = 0
    removed: int = 0
    dropped: int = 0
    snapshots: int = 0
    same_volume: bool = False
    pruned: bool = True


def back_up(
    folder: DataFolder,
    backup: BackupFolder,
    *,
    keep: int = KEEP,
    verify: bool = False,
    progress: Progress = silent,
) -> BackupReport:
    """Write a snapshot of an archive and every blob that it needs and the backup lacks.

    The databases are copied first, each as it is at one moment; then the blobs that their rows
    refer to, which never change, and which `gc` leaves alone meanwhile. So all that was
    acknowledged before the start is in it. The snapshot gets its name when everything is on the
    disk: cut off anywhere, older snapshots are as they were, and the next run goes on from the
    blobs that are there.

    Args:
        folder: The data folder; its server may run.
        backup: Where to; made where it is missing.
        keep: Snapshots to keep, 1 or more; older ones go, with the blobs that only they need.
        verify: Also read every blob that the backup has, and write damaged ones anew.
        progress: Told of each blob.

    Raises:
        ConfigurationError: There is no archive, or one of the folders cannot be used.
        StoreFull: The backup's volume is full.
        Unavailable: A database is damaged, or the backup cannot be written.
    """
    _require_archive(folder, backup)
    report = BackupReport()
    with folder.acquire(Use.TOOL), writing(backup.path), backup.writing(), folder.keep_blobs():
        report.same_volume = folder.path.stat().st_dev == backup.path.stat().st_dev
        snapshot = _take(folder, backup)
        again = _damaged(backup, snapshot, progress) if verify else frozenset()
        _copy(folder, backup, snapshot, again, (report, progress))
        snapshot = _publish(backup, snapshot)
        report.snapshot, report.instances = snapshot.name, snapshot.instances
        report.dropped = _drop(backup, keep)
        report.removed, report.pruned = _prune(backup)
        report.snapshots = len(backup.readable())
    return report


def _require_archive(folder: DataFolder, backup: BackupFolder) -> None:
    inner, outer = backup.path.resolve(), folder.path.resolve()
    if inner == outer or outer in inner.parents or inner in outer.parents:
        raise ConfigurationError(
            "the backup and the data folder must not lie in one another",
            "give a folder on another disk",
        )
    if not folder.index.exists() or not folder.state.exists():
        raise ConfigurationError(
            f"{folder.path} is no data folder of an archive",
            "give --data, or run `dicomweb-server reindex` first where its index was lost",
        )


def _take(folder: DataFolder, backup: BackupFolder) -> Snapshot:
    """Write the files of a snapshot, which has no name of its own yet."""
    path = backup.unfinished / "snapshot"
    path.mkdir(mode=0o700)
    copy_database(folder.index, path / INDEX)
    copy_database(folder.state, path / STATE)
    reconcile(path / INDEX, path / STATE)
    size = _list(entries_of(path / INDEX), path / BLOBS)
    if folder.configuration.exists():
        write_file(path / CONFIGURATION, folder.configuration.read_bytes())
    hashes = {file.name: hash_of(file) for file in sorted(path.iterdir())}
    versions = {name: version_of(path / name) for name in (INDEX, STATE)}
    snapshot = Snapshot(path, VERSION, versions, instances_of(path / INDEX), size, hashes)
    snapshot.describe()
    return snapshot


def _list(entries: Iterable[Entry], path: Path) -> int:
    """Write the list of a snapshot's blobs; returns their bytes."""
    total = 0
    with path.open("x", encoding="ascii") as file:
        for entry in entries:
            file.write(entry.line())
            total += entry.blob.size
        file.flush()
        sync(file.fileno())
    return total


def _damaged(backup: BackupFolder, new: Snapshot, progress: Progress) -> frozenset[str]:
    """Blobs of the backup whose bytes are not those of their names."""
    layout = backup.layout

    def damaged(entry: Entry) -> bool:
        return layout.blob(entry.blob.digest).exists() and not is_whole(layout, entry)

    wrong = set()
    for done, (entry, found) in enumerate(side_by_side(_needed(backup, [new]), damaged), 1):
        if found:
            wrong.add(entry.blob.digest)
        progress(done, None)
    return frozenset(wrong)


def _copy(
    folder: DataFolder,
    backup: BackupFolder,
    snapshot: Snapshot,
    again: frozenset[str],
    telling: tuple[BackupReport, Progress],
) -> None:
    report, progress = telling
    source = BackupFolder(folder.path).layout
    copier = Copier(source, backup.layout, backup.unfinished, again)
    left = set(again)
    for entry, outcome in copier.copy_all(snapshot.entries()):
        report.blobs += 1
        if outcome is Copied.NEW:
            report.copied += 1
            report.copied_bytes += entry.blob.size
            report.repaired += entry.blob.digest in again
            left.discard(entry.blob.digest)
        elif outcome is Copied.DAMAGED:
            left.add(entry.blob.digest)
        progress(report.blobs, snapshot.instances)
    for digest in sorted(left):
        report.damaged.add(digest)


def _publish(backup: BackupFolder, snapshot: Snapshot) -> Snapshot:
    """Give a snapshot its name: from here on it counts."""
    now = datetime.datetime.now(tz=datetime.UTC)
    name = f"{backup.last_number() + 1:06d}-{now:%Y%m%d-%H%M%S}"
    sync_folder(snapshot.path)
    snapshot.path.rename(backup.snapshots / name)
    sync_folder(backup.snapshots)
    sync_folder(backup.unfinished)
    return replace(snapshot, path=backup.snapshots / name)


def _drop(backup: BackupFolder, keep: int) -> int:
    """Remove all but the newest snapshots."""
    old = backup.readable()[:-keep]
    for number, snapshot in enumerate(old):
        gone = backup.unfinished / f"dropped-{number}"
        snapshot.path.rename(gone)
        sync_folder(backup.snapshots)
        shutil.rmtree(gone)
    return len(old)


def _prune(backup: BackupFolder) -> tuple[int, bool]:
    """Remove blobs that no snapshot needs; none while the needs of one cannot be known.

    Returns:
        How many were removed, and whether the needs were known.
    """
    snapshots = backup.readable()
    if backup.has_unreadable() or not all(each.is_whole(BLOBS) for each in snapshots):
        return 0, False
    removed = 0
    needed = (entry.blob.digest for entry in _needed(backup, []))
    for digest in _without(_digests(backup), needed):
        backup.layout.blob(digest).unlink()
        removed += 1
    return removed, True


def _needed(backup: BackupFolder, further: list[Snapshot]) -> Iterator[Entry]:
    """What the snapshots need, each blob once, in order of the digests."""
    lists = [_entries(snapshot) for snapshot in (*backup.readable(), *further)]
    merged = heapq.merge(*lists, key=_digest)
    for _, same in groupby(merged, key=_digest):
        yield next(same)


def _entries(snapshot: Snapshot) -> Iterator[Entry]:
    try:
        yield from snapshot.entries()
    except BlobDamaged:  # told by `restore --check`, and it keeps blobs from being removed
        return


def _digest(entry: Entry) -> str:
    return entry.blob.digest


def _digests(backup: BackupFolder) -> Iterator[str]:
    """The blobs that are there, in order of their digests."""
    for name in backup.layout.fan_out():
        found = sorted(name + path.name for path in (backup.layout.blobs / name).iterdir())
        yield from filter(is_digest, found)


def _without(found: Iterator[str], needed: Iterator[str]) -> Iterator[str]:
    """Those of one ordered row that are not in the other."""
    wanted = next(needed, None)
    for digest in found:
        while wanted is not None and wanted < digest:
            wanted = next(needed, None)
        if digest != wanted:
            yield digest
