"""Storing the demo study."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from dicomweb_server.app import make_services, open_ports
from dicomweb_server.auth.open import ANYONE
from dicomweb_server.service.context import Context
from dicomweb_server.service.ingest import Part
from dicomweb_server.settings import Settings
from dicomweb_server.testing.datasets import demo_study


def store_demo(settings: Settings) -> int:
    """Store the demo study where the archive is empty.

    Args:
        settings: The settings; the caller holds the data folder.

    Returns:
        Number of instances stored.
    """
    return asyncio.run(_store(settings))


async def _store(settings: Settings) -> int:
    async with open_ports(settings) as ports:
        if (await ports.index.counts()).instances:
            return 0
        ingest = make_services(settings, ports).ingest
        report = await ingest.store(Context(ANYONE, "demo"), None, _parts())
        return len(report.stored)


async def _parts() -> AsyncIterator[Part]:
    for data in demo_study():
        yield Part(_once(data))


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
