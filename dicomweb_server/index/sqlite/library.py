"""Which SQLite is linked, and what is known to be wrong with it."""

from __future__ import annotations

import sqlite3

_FIRST_FAULTY = (3, 7, 0)
_FIRST_WHOLE = (3, 51, 3)


def version() -> str:
    """Version of the linked library."""
    return sqlite3.sqlite_version


def reservation(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> str | None:
    """What to know about the linked library; None where there is nothing.

    Args:
        version: Of the library; that of the linked one.
    """
    if not _FIRST_FAULTY <= version < _FIRST_WHOLE:
        return None
    return (
        f"SQLite {'.'.join(map(str, version[:3]))} can damage a database when two connections"
        " write or checkpoint at the same moment (the WAL-reset fault of 3.7.0 to 3.51.2, mended in"
        " 3.51.3); this archive is safe all the same: every write and every checkpoint of all of"
        " its processes happens under one lock, index.db.lock. Let no other program write to"
        " index.db or state.db"
    )
