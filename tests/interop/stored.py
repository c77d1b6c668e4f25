"""Files stored in a running archive."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from dicomweb_server.auth.open import ANYONE
from dicomweb_server.service.context import Context
from dicomweb_server.service.ingest import Part
from tests.dimse.live import Live


def keep(live: Live, files: Sequence[bytes]) -> None:
    """Store Part 10 files, all of which have to be taken."""
    live.run(_keep(live, files))


async def _keep(live: Live, files: Sequence[bytes]) -> None:
    async def body(data: bytes) -> AsyncIterator[bytes]:
        yield data

    async def parts() -> AsyncIterator[Part]:
        for data in files:
            yield Part(body(data))

    report = await live.services.ingest.store(Context(ANYONE, "test"), None, parts())
    assert not report.failed
