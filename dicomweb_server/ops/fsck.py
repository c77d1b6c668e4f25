"""Comparing the index with the store, and on request every byte with its hash."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from dicomweb_server.errors import BlobDamaged
from dicomweb_server.index.port import Index
from dicomweb_server.model.instance import Blob, InstanceRecord
from dicomweb_server.ops.batches import Progress, rows, silent, walked
from dicomweb_server.ops.findings import Findings
from dicomweb_server.store.port import BlobStore
from dicomweb_server.store.wrappers import verified


@dataclass(frozen=True, slots=True)
class FsckReport:
    """What a check found.

    Args:
        rows: Rows looked at.
        blobs: Blobs looked at.
        missing: Rows whose blob is not there.
        wrong_size: Rows whose blob has another size.
        orphans: Blobs without a row; `gc` removes them once they are old enough.
        damaged: Blobs whose bytes differ from their hash; looked for only on request.
    """

    rows: int
    blobs: int
    missing: Findings
    wrong_size: Findings
    orphans: Findings
    damaged: Findings

    @property
    def healthy(self) -> bool:
        """Whether every row has its bytes; orphans harm nobody."""
        return not (self.missing.count or self.wrong_size.count or self.damaged.count)


async def check(
    store: BlobStore, index: Index, *, hashes: bool = False, progress: Progress = silent
) -> FsckReport:
    """Compare every row with its blob and every blob with its row.

    Next to a running server, what is being stored or deleted meanwhile may be reported as an
    orphan; a row whose blob is missing is looked at twice.

    Args:
        store: The blobs.
        index: Their rows.
        hashes: Also read every blob and compare it with its hash.
        progress: Told of each batch, rows and blobs together.
    """
    missing, wrong_size, orphans, damaged = Findings(), Findings(), Findings(), Findings()
    seen_rows = seen_blobs = 0
    async for batch in rows(index):
        await _check_rows(store, index, batch, missing, wrong_size)
        seen_rows += len(batch)
        progress(seen_rows, None)
    async for found in walked(store):
        referenced = await index.referenced([blob.blob.digest for blob in found])
        for blob in found:
            if blob.blob.digest not in referenced:
                orphans.add(blob.blob.digest)
            if hashes and not await _is_whole(store, blob.blob):
                damaged.add(blob.blob.digest)
        seen_blobs += len(found)
        progress(seen_rows + seen_blobs, None)
    return FsckReport(seen_rows, seen_blobs, missing, wrong_size, orphans, damaged)


async def _check_rows(
    store: BlobStore,
    index: Index,
    batch: Sequence[InstanceRecord],
    missing: Findings,
    wrong_size: Findings,
) -> None:
    sizes = await asyncio.gather(*(store.size(record.blob.digest) for record in batch))
    for record, size in zip(batch, sizes, strict=True):
        if size == record.blob.size:
            continue
        now = await index.get(record.key)
        if now is None or now.blob != record.blob:
            continue
        (missing if size is None else wrong_size).add(record.blob.digest)


async def _is_whole(store: BlobStore, blob: Blob) -> bool:
    try:
        async for _ in store.transform(blob, lambda source: verified(source, blob.digest)):
            pass
    except BlobDamaged:
        return False
    return True
