"""Comparing the index with the store in both directions."""

from __future__ import annotations

from dataclasses import dataclass

from dicomweb_server.index.port import Index
from dicomweb_server.ops.batches import Progress, silent, walked
from dicomweb_server.ops.findings import Findings
from dicomweb_server.ops.verify import Level, Verification
from dicomweb_server.service.damage import DamageRegister
from dicomweb_server.store.layout import Layout
from dicomweb_server.store.port import BlobStore


@dataclass(frozen=True, slots=True)
class FsckReport:
    """What a check found.

    Args:
        rows: Rows looked at.
        blobs: Blobs looked at.
        missing: Rows whose blob is not there.
        wrong_size: Rows whose blob has another size.
        damaged: Rows whose blob has other bytes; looked for only on request.
        unreadable: Rows whose blob the disk does not give.
        orphans: Blobs without a row; `gc` removes them once they are old enough.
        skipped: Rows whose blob could not be looked at for want of resources.
    """

    rows: int
    blobs: int
    missing: Findings
    wrong_size: Findings
    damaged: Findings
    unreadable: Findings
    orphans: Findings
    skipped: int

    @property
    def healthy(self) -> bool:
        """Whether every row has its bytes; orphans harm nobody."""
        found = (self.missing, self.wrong_size, self.damaged, self.unreadable)
        return not any(one.count for one in found)


async def check(
    store: BlobStore,
    layout: Layout,
    index: Index,
    register: DamageRegister,
    *,
    hashes: bool = False,
    progress: Progress = silent,
) -> FsckReport:
    """Compare every row with its blob, as `verify` does, and every blob with its row.

    Next to a running server, what is being stored or deleted meanwhile may be reported as an
    orphan.

    Args:
        store: The blobs.
        layout: Where they lie.
        index: Their rows.
        register: Where damage is marked.
        hashes: Also read every blob that has a row and compare it with its hash.
        progress: Told of the blobs, once the rows are done.
    """
    level = Level.HASH if hashes else Level.SIZE
    found = await Verification(layout, index, register, level, progress=progress).run()
    orphans, blobs = Findings(), 0
    async for batch in walked(store):
        referenced = await index.referenced([one.blob.digest for one in batch])
        for one in batch:
            if one.blob.digest not in referenced:
                orphans.add(one.blob.digest)
        blobs += len(batch)
    return FsckReport(
        found.instances,
        blobs,
        found.missing,
        found.wrong_size,
        found.damaged,
        found.unreadable,
        orphans,
        found.skipped,
    )
