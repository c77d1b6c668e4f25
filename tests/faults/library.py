"""A data folder with many rows and no blobs, whose writer is killed.

python -m tests.faults.library FOLDER INSTANCES
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from dicomweb_server.index.sqlite.index import SqliteIndex
from dicomweb_server.model.levels import DEFAULT_EXTRA, IndexPlan
from dicomweb_server.model.outcome import DuplicatePolicy
from dicomweb_server.store.filesystem import FilesystemStore
from dicomweb_server.testing.instances import recipe

_BATCH = 500
_PER_SERIES = 100


async def fill(folder: Path, instances: int) -> None:
    """Make the rows, and be killed."""
    await FilesystemStore.open(folder).close()
    index = SqliteIndex.open(folder / "index.db", IndexPlan.of(DEFAULT_EXTRA))
    for first in range(0, instances, _BATCH):
        made = [
            recipe(1 + n // (2 * _PER_SERIES), 1 + n // _PER_SERIES % 2, n).make()
            for n in range(first, min(instances, first + _BATCH))
        ]
        await index.put(made, DuplicatePolicy.REJECT)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    asyncio.run(fill(Path(sys.argv[1]), int(sys.argv[2])))
