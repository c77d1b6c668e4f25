"""Reading a blob from the disk to see whether it is whole."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable

from dicomweb_server.errors import BlobDamaged
from dicomweb_server.model.damage import Damage, Harm
from dicomweb_server.model.instance import Blob
from dicomweb_server.model.limits import MIB
from dicomweb_server.store.files import OpenFile, unreadable, version_of
from dicomweb_server.store.layout import Layout

_CHUNK = MIB

Pace = Callable[[int], None]
"""Told of the bytes that were read; may wait, or raise to end the reading."""


def look(layout: Layout, blob: Blob) -> Damage | None:
    """What a look at its file tells to be wrong with a blob; blocking.

    Args:
        layout: Where it lies.
        blob: What should lie there.

    Raises:
        TooBusy, Unavailable: The system does not tell.
    """
    try:
        found = layout.blob(blob.digest).stat()
    except (FileNotFoundError, NotADirectoryError):
        return Damage(blob.digest, Harm.MISSING)
    except OSError as error:
        return _unreadable(blob, error)
    if found.st_size != blob.size:
        return Damage(blob.digest, Harm.SIZE, version_of(found))
    return None


def examine(layout: Layout, blob: Blob, pace: Pace) -> Damage | None:
    """What reading all of a blob tells to be wrong with it; blocking.

    What the system holds of it in memory is given up in front, so that the disk is asked, and
    again behind, so that reading everything does not push out what is in use.

    Args:
        layout: Where it lies.
        blob: What should lie there.
        pace: Told of each piece.

    Raises:
        TooBusy, Unavailable: The system does not tell.
    """
    seen = look(layout, blob)
    if seen is not None:
        return seen
    try:
        descriptor = os.open(layout.blob(blob.digest), os.O_RDONLY)
    except FileNotFoundError:
        return Damage(blob.digest, Harm.MISSING)
    except OSError as error:
        return _unreadable(blob, error)
    try:
        return _compare(OpenFile.of(descriptor, blob.size), blob, descriptor, pace)
    finally:
        _forget(descriptor)
        os.close(descriptor)


def _compare(opened: OpenFile, blob: Blob, descriptor: int, pace: Pace) -> Damage | None:
    version, engine = opened.version, hashlib.sha256()
    _forget(descriptor)
    try:
        for place in range(0, blob.size, _CHUNK):
            data = opened.read_at(place, _CHUNK)
            engine.update(data)
            pace(len(data))
    except BlobDamaged:
        return Damage(blob.digest, Harm.UNREADABLE, version)
    if engine.hexdigest() != blob.digest:
        return Damage(blob.digest, Harm.CONTENT, version)
    return None


def _forget(descriptor: int) -> None:
    """Let the system give up what it holds of a file in memory; changes nothing on the disk."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def _unreadable(blob: Blob, error: OSError) -> Damage:
    meaning = unreadable(error)
    if isinstance(meaning, BlobDamaged):
        return Damage(blob.digest, Harm.UNREADABLE)
    raise meaning from error
