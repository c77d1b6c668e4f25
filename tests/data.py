"""Where tests find real DICOM files: they are not part of the repository."""

from __future__ import annotations

import os
from pathlib import Path


def data_folder() -> Path | None:
    """The folder of real files, None on a machine without it."""
    named = os.environ.get("DICOMWEB_TEST_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    return folder if (folder / "valid").is_dir() else None


def valid_files() -> list[Path]:
    """Every valid file; empty on a machine without the folder."""
    return files_below("valid")


def broken_files() -> list[Path]:
    """Every broken file; empty on a machine without the folder."""
    return files_below("broken")


def files_below(name: str) -> list[Path]:
    """All files below one part of the folder, sorted."""
    folder = data_folder()
    if folder is None:
        return []
    return sorted(path for path in (folder / name).rglob("*") if path.is_file())
