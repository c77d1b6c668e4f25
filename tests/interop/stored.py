"""Files stored in a running archive."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from dicomweb_server.auth.open import ANYONE
from dicomweb_server.model.outcome import StoreReport
from dicomweb_server.service.context import Context
from dicomweb_server.service.ingest import Part
from tests.dimse.live import Live


def keep(live: Live, files: Sequence[bytes]) -> None:
    """Store Part 10 files, all of which have to be taken."""
    assert not live.run(_keep(live, files)).failed


def keep_possible(live: Live, files: Sequence[bytes]) -> int:
    """Store Part 10 files; how many were taken."""
    return len(live.run(_keep(live, files)).stored)


async def _keep(live: Live, files: Sequence[bytes]) -> StoreReport:
    async def body(data: bytes) -> AsyncIterator[bytes]:
        yield data

    async def parts() -> AsyncIterator[Part]:
        for data in files:
            yield Part(body(data))

    return await live.services.ingest.store(Context(ANYONE, "test"), None, parts())
