"""DICOMDIR: which files a medium's directory names (PS3.3 F, PS3.10 8)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from dicomweb_server.errors import InvalidRequest
from dicomweb_server.model.limits import MIB

MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
_RECORDS = 0x00041220
_LARGEST = 64 * MIB
_COMPONENTS = 16


def referenced_files(path: Path) -> Iterator[tuple[str, ...]]:
    """Referenced File IDs of a DICOMDIR, in the order of its records.

    Args:
        path: The DICOMDIR.

    Yields:
        Components of each file's name below the folder of the DICOMDIR; never empty, never a
        component that leads elsewhere.

    Raises:
        InvalidRequest: It cannot be read, or a name leads out of its folder.
    """
    if path.stat().st_size > _LARGEST:
        raise InvalidRequest(f"the DICOMDIR {path} is larger than {_LARGEST // MIB} MiB")
    try:
        directory = dcmread(path, specific_tags=[_RECORDS])
        records = directory.get("DirectoryRecordSequence") or []
        names = [record.get("ReferencedFileID") for record in records]
    except (
        InvalidDicomError,
        ArithmeticError,
        LookupError,
        ValueError,
        RuntimeError,
        OSError,
        EOFError,
    ):
        raise InvalidRequest(
            f"the DICOMDIR {path} cannot be read", "import its folder instead"
        ) from None
    for name in names:
        if name:
            yield _checked([name] if isinstance(name, str) else list(name), path)


def _checked(components: list[str], path: Path) -> tuple[str, ...]:
    bad = any(
        part in {"", ".", ".."} or "/" in part or "\\" in part or "\0" in part or ":" in part
        for part in components
    )
    if bad or len(components) > _COMPONENTS:
        raise InvalidRequest(
            f"the DICOMDIR {path} names a file outside its folder", "import its folder instead"
        )
    return tuple(components)
