"""What an import has stored already, so that it can be taken up again where it stopped."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType

from dicomweb_server.errors import ConfigurationError
from dicomweb_server.ops.candidates import Candidate

_KEY_BYTES = 16


class Journal:
    """A set of files that one target has, by name, size and time of change.

    It holds no names, only hashes of them: names of files may tell of patients.

    Args:
        path: Its database.
        again: Remember, but hold nothing for stored yet.

    Raises:
        ConfigurationError: It cannot be written.
    """

    def __init__(self, path: Path, *, again: bool = False) -> None:
        self._again = again
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS stored (file BLOB PRIMARY KEY) STRICT, WITHOUT ROWID"
            )
        except (OSError, sqlite3.Error) as error:
            raise ConfigurationError(
                f"the journal {path} cannot be written: {type(error).__name__}",
                "give a data folder, or XDG_STATE_HOME, that can be written",
            ) from None

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def __contains__(self, candidate: Candidate) -> bool:
        if self._again:
            return False
        found = self._connection.execute(
            "SELECT 1 FROM stored WHERE file = ?", (_key(candidate),)
        ).fetchone()
        return found is not None

    def add(self, candidates: Iterable[Candidate]) -> None:
        """Remember that the target has these."""
        self._connection.executemany(
            "INSERT OR IGNORE INTO stored VALUES (?)", [(_key(each),) for each in candidates]
        )


def journal_of_url(base: str, environ: Mapping[str, str]) -> Path:
    """Where the journal of a server lies: in the user's folder of state."""
    home = environ.get("XDG_STATE_HOME")
    state = Path(home) if home else Path.home() / ".local" / "state"
    name = hashlib.sha256(base.encode()).hexdigest()[:16]
    return state / "dicomweb-server" / "imports" / f"{name}.db"


def journal_of_folder(data: Path) -> Path:
    """Where the journal of a data folder lies: inside it."""
    return data / "imports.db"


def _key(candidate: Candidate) -> bytes:
    name = os.fsencode(Path(candidate.name).absolute())
    text = b"%s\0%d\0%d" % (name, candidate.size, candidate.mark)
    return hashlib.blake2b(text, digest_size=_KEY_BYTES).digest()
