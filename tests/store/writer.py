"""A process that stores bytes, for tests that trace it, refuse its writes, or kill it.

    python -m tests.store.writer FOLDER COUNT SIZE [same]

Prints `ack DIGEST` for each blob once it is acknowledged, `no ERROR` for each that is refused, and
at the end `check ok` or `check ERROR`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from dicomweb_server.errors import ArchiveError
from dicomweb_server.store.filesystem import FilesystemStore
from dicomweb_server.testing.store_contract import put, sample


def say(text: str) -> None:
    """One line, at once."""
    os.writev(1, [text.encode() + b"\n"])  # no write(2): those are refused in some tests


async def main(folder: Path, count: int, size: int, *, same: bool) -> None:
    """Store `count` blobs of `size` bytes, one after the other; all the same or all different."""
    store = FilesystemStore.open(folder, threads=1, reserve=0, probe_interval=0)
    for number in range(count):
        try:
            committed = await put(store, sample(size, 0 if same else number))
        except ArchiveError as error:
            say(f"no {type(error).__name__}")
        else:
            say(f"ack {committed.blob.digest}")
    try:
        await store.check()
    except ArchiveError as error:
        say(f"check {type(error).__name__}")
    else:
        say("check ok")
    await store.close()


if __name__ == "__main__":
    asyncio.run(
        main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), same="same" in sys.argv[4:])
    )
