"""Finding instances in folders, files, ZIP archives and DICOMDIRs."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from dicomweb_server.dicom.directory import referenced_files
from dicomweb_server.errors import InvalidRequest
from dicomweb_server.ops import archives
from dicomweb_server.ops.archives import ArchiveLimits
from dicomweb_server.ops.candidates import (
    HEAD,
    Candidate,
    Found,
    Kind,
    Reader,
    Skipped,
    kind_of,
    read_exactly,
)


def discover(paths: Iterable[Path], limits: ArchiveLimits | None = None) -> Iterator[Found]:
    """Everything below the paths: instances, and what is none.

    A folder is searched with its subfolders and the ZIP archives in it; links that lead out of it
    are not followed, for it may come from anybody. A DICOMDIR that is named
    itself stands for the files that it references; met in a folder it is passed over, because
    the folder is searched anyway.

    Args:
        paths: Folders, files, ZIP archives, DICOMDIRs.
        limits: Bounds of ZIP archives.
    """
    bounds = limits or ArchiveLimits()
    for path in paths:
        if path.is_dir():
            folder = path.resolve()
            for file in _files(path):
                if file.is_symlink() and not _leads_into(folder, file):
                    yield Skipped(str(file), "is a link that leads out of the folder")
                else:
                    yield from _examine(file, bounds, named=False)
        else:
            yield from _examine(path, bounds, named=True)


def measure(paths: Iterable[Path]) -> int:
    """Bytes of all files below the paths, for the estimate of how long an import takes."""
    total = 0
    for path in paths:
        for file in _files(path) if path.is_dir() else (path,):
            try:
                total += file.stat().st_size
            except OSError:
                continue
    return total


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            yield Path(place) / name


def _examine(path: Path, limits: ArchiveLimits, *, named: bool) -> Iterator[Found]:
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            yield Skipped(str(path))
            return
        with path.open("rb") as file:
            kind, uid = kind_of(read_exactly(file, HEAD))
    except OSError as error:
        yield Skipped(str(path), f"cannot be read: {error.strerror}")
        return
    if kind is Kind.INSTANCE:
        yield Candidate(str(path), about.st_size, about.st_mtime_ns, uid, partial(_open, path))
    elif kind is Kind.ARCHIVE:
        yield from _told(path, archives.entries(path, limits))
    elif kind is Kind.DIRECTORY and named:
        yield from _told(path, _referenced(path, limits))
    else:
        yield Skipped(str(path), size=about.st_size)


def _told(path: Path, found: Iterator[Found]) -> Iterator[Found]:
    """Make a container that cannot be read one failure among the others."""
    try:
        yield from found
    except InvalidRequest as error:
        yield Skipped(str(path), error.detail)


def _referenced(path: Path, limits: ArchiveLimits) -> Iterator[Found]:
    folder = path.parent.resolve()
    for components in referenced_files(path):
        try:
            file = _inside(folder, components)
        except OSError:  # a name that no file can have, or a folder that nobody may read
            file = None
        if file is None:
            yield Skipped(str(folder.joinpath(*components)), "named by the DICOMDIR, not there")
        elif not _leads_into(folder, file):
            yield Skipped(str(file), "leads out of the folder of the DICOMDIR")
        else:
            yield from _examine(file, limits, named=False)


def _leads_into(folder: Path, file: Path) -> bool:
    try:
        return file.resolve().is_relative_to(folder)
    except (OSError, RuntimeError):  # a loop of links
        return False


def _inside(folder: Path, components: tuple[str, ...]) -> Path | None:
    """The file with these names, in whatever case the medium shows them."""
    place = folder
    for name in components:
        exact = place / name
        if not exact.exists():
            if not place.is_dir():
                return None
            same = (each for each in place.iterdir() if each.name.lower() == name.lower())
            found = next(same, None)
            if found is None:
                return None
            exact = found
        place = exact
    return place


def _open(path: Path) -> Reader:
    return path.open("rb", buffering=0)
