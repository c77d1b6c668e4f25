"""Where the store keeps what: the folders, their names and the version of that arrangement."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from dicomweb_server.errors import BlobDamaged, ConfigurationError, StoreFull
from dicomweb_server.model.disk import READ_ONLY, refusal
from dicomweb_server.store.durable import (
    locked,
    make_durable_folder,
    sync_folder,
    write_file,
)

VERSION = 1
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_FAN_OUT = re.compile(r"[0-9a-f]{2}", re.ASCII)


def _is_readable(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)


def is_digest(text: str) -> bool:
    """Whether a text is a SHA-256 in lower-case hex."""
    return _DIGEST.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of a store.

    ::

        FOLDER/format.json        version of this layout
        FOLDER/store.lock         shared by commits, held alone by removals
        FOLDER/blobs/ab/<62 hex>  bytes by their SHA-256; the file's mtime is when they came
        FOLDER/staging/<process>/ bytes on their way in

    Args:
        folder: The top of it.
    """

    folder: Path

    @property
    def blobs(self) -> Path:
        """The folder of all blobs."""
        return self.folder / "blobs"

    @property
    def staging(self) -> Path:
        """The folder of bytes on their way in; on the same volume as the blobs."""
        return self.folder / "staging"

    @property
    def format(self) -> Path:
        """The file that tells the version."""
        return self.folder / "format.json"

    @property
    def lock(self) -> Path:
        """The lock between commits and removals."""
        return self.folder / "store.lock"

    def blob(self, digest: str) -> Path:
        """The file of a blob.

        Raises:
            BlobDamaged: That is no digest, so nothing can be stored under it.
        """
        return Path(self.place(digest))

    def place(self, digest: str) -> str:
        """The same as text, for what is done in every request: a Path costs more than a look.

        Raises:
            BlobDamaged: As for `blob`.
        """
        if not is_digest(digest):
            raise BlobDamaged("a blob is named by the SHA-256 of its bytes in lower-case hex")
        return f"{self.folder}/blobs/{digest[:2]}/{digest[2:]}"

    def fan_out(self, after: str = "") -> list[str]:
        """Names of the folders of blobs that exist, sorted, from that of `after` on."""
        names = sorted(path.name for path in self.blobs.iterdir())
        return [name for name in names if _FAN_OUT.fullmatch(name) and name >= after[:2]]

    def prepare(self) -> None:
        """Make what is missing and check the version.

        Raises:
            ConfigurationError: The folder cannot be used, or a newer release made it.
        """
        try:
            make_durable_folder(self.folder)
            with locked(self.lock, exclusive=True):
                self._check_version()
                self.blobs.mkdir(mode=0o700, exist_ok=True)
                self.staging.mkdir(mode=0o700, exist_ok=True)
                if not self.format.exists():
                    for number in range(256):
                        (self.blobs / f"{number:02x}").mkdir(mode=0o700, exist_ok=True)
                    sync_folder(self.folder)
                    write_file(self.format, json.dumps({"store": VERSION}).encode() + b"\n")
        except OSError as error:
            if (error.errno in READ_ONLY or isinstance(refusal(error), StoreFull)) and _is_readable(
                self.blobs
            ):
                self._check_version()
                return
            raise ConfigurationError(
                f"the store's folder {self.folder} cannot be used: {os.strerror(error.errno or 0)}",
                "give a folder on a local disk that the server may write",
            ) from error

    def settle(self) -> set[Path]:
        """Make the folders of blobs that exist durable, all at once; return them.

        Empty where the disk refuses: each is then made durable when it is first used.
        """
        found = {self.blobs / name for name in self.fan_out()}
        try:
            sync_folder(self.blobs)
        except OSError:
            return set()
        return found

    def _check_version(self) -> None:
        try:
            document = json.loads(self.format.read_bytes())
        except FileNotFoundError:
            return
        except ValueError as error:
            raise ConfigurationError(f"{self.format} is damaged: it is not JSON") from error
        version = document.get("store") if isinstance(document, dict) else None
        if not isinstance(version, int) or version < 1:
            raise ConfigurationError(f"{self.format} does not tell the store's version")
        if version > VERSION:
            raise ConfigurationError(
                f"{self.folder} has version {version}, this release knows versions up to {VERSION}",
                "use the release that made it, or a newer one",
            )
