"""A file system of its own, small enough to fill and free to be broken; needs root."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

_MIB = 1024 * 1024
_PATIENCE = 10.0


class Volume:
    """An ext4 in a file; a context in which it is mounted.

    Args:
        place: The folder that it is mounted on, made here; its file lies beside it.
        size: MiB of it.
        options: Further options of the mount.
        block: Bytes of its blocks, 1024 to 4096.
    """

    def __init__(self, place: Path, size: int, options: str = "", block: int = 4096) -> None:
        self.path = place
        self._image = place.with_name(place.name + ".img")
        self._size = size
        self._block = block
        self._options = ",".join(filter(None, ("loop", options)))

    def __enter__(self) -> Volume:
        self.path.mkdir()
        with self._image.open("wb") as file:
            file.truncate(self._size * _MIB)
        block = str(self._block)
        _run("mkfs.ext4", "-q", "-F", "-m", "0", "-b", block, str(self._image))
        _run("mount", "-o", self._options, str(self._image), str(self.path))
        return self

    def __exit__(self, *exc_info: object) -> None:
        _run("umount", "-l", str(self.path))
        self._image.unlink()

    def mount_again(self, mode: str) -> None:
        """Make it read-only (`ro`) or writable (`rw`); nothing may be open for writing."""
        _run("mount", "-o", f"remount,{mode}", str(self.path))

    def break_it(self) -> None:
        """Let the file system find an error in itself.

        Raises:
            TimeoutError: It did not turn read-only.
        """
        device = Path(_run("findmnt", "-n", "-o", "SOURCE", str(self.path)).strip()).name
        Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("a proof of reliability")
        end = time.monotonic() + _PATIENCE
        while self._is_writable():
            if time.monotonic() > end:
                raise TimeoutError("the volume is still writable")
            time.sleep(0.02)

    def _is_writable(self) -> bool:
        try:
            (self.path / "probe").write_bytes(b"")
        except OSError:
            return False
        return True

    def check(self) -> str:
        """What a check of the file system finds wrong; only when it is not mounted."""
        done = subprocess.run(["e2fsck", "-fn", str(self._image)], capture_output=True, text=True)
        return "" if done.returncode == 0 else done.stdout


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
