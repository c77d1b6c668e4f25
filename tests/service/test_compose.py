"""Bounds of what a request of metadata may become."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest

from dicomweb_server.codec.pictures import PillowPictures
from dicomweb_server.errors import InvalidRequest, PayloadTooLarge
from dicomweb_server.model.limits import ScanLimits, StoreLimits
from dicomweb_server.model.media import DICOM_JSON
from dicomweb_server.service.compose import (
    BulkDataPart,
    Compose,
    ComposeLimits,
    Incoming,
    MetadataPart,
)
from dicomweb_server.service.ingest import Part
from dicomweb_server.store.memory import MemoryStore
from tests.dicom.metadata import UIDS, Json


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _parts(
    metadata: list[Json], bulk: bytes = b"", limits: ComposeLimits | None = None
) -> list[tuple[Part, int]]:
    """What becomes of a request: each part with its number of bytes."""
    bounds = limits or ComposeLimits(ScanLimits(), StoreLimits())

    async def incoming() -> AsyncIterator[Incoming]:
        if metadata:
            yield MetadataPart(DICOM_JSON, _once(orjson.dumps(metadata)))
        yield BulkDataPart("bulk", "", "application/octet-stream", None, _once(bulk))

    async def run() -> list[tuple[Part, int]]:
        compose = Compose(MemoryStore().stage, PillowPictures(), bounds)
        found = []
        async for part in compose.parts("http://here/studies", incoming()):
            size = 0
            async for chunk in part.body:
                size += len(chunk)
            found.append((part, size))
        return found

    return asyncio.run(run())


def _sharing(count: int) -> list[Json]:
    shared: Json = {**UIDS, "54001010": {"vr": "OW", "BulkDataURI": "bulk"}}
    return [shared] * count


def test_one_part_serves_many_instances() -> None:
    sizes = [size for _, size in _parts(_sharing(5), bytes(3_000_000))]
    assert len(sizes) == 5
    assert min(sizes) > 3_000_000


def test_a_small_request_does_not_fill_the_disk() -> None:
    limits = ComposeLimits(ScanLimits(), StoreLimits(request=12_000))
    found = _parts(_sharing(5), bytes(3_000), limits)
    assert [part.refusal is None for part, _ in found] == [True, True, True, False, False]
    assert found[-1][0].refusal is not None
    assert found[-1][0].refusal.instance == "1.2.3.4.5"


def test_metadata_are_bounded_while_they_come() -> None:
    with pytest.raises(PayloadTooLarge):
        _parts([UIDS], b"", ComposeLimits(ScanLimits(document=50), StoreLimits()))


def test_bulk_data_alone_are_no_request() -> None:
    with pytest.raises(InvalidRequest, match="no metadata"):
        _parts([])
