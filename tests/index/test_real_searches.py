"""Searches over real files: what pydicom reads in a file is what finds it."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pydicom
import pytest

from dicomweb_server.dicom.scan import scan
from dicomweb_server.index.memory import MemoryIndex
from dicomweb_server.model.ids import Level, Scope
from dicomweb_server.model.instance import Blob, NewInstance, ScannedInstance
from dicomweb_server.model.levels import COMPUTED, IndexPlan
from dicomweb_server.model.limits import QueryLimits, ScanLimits
from dicomweb_server.model.outcome import DuplicatePolicy
from dicomweb_server.model.query import Path as TagPath
from dicomweb_server.model.source import MemorySource
from dicomweb_server.model.tags import hex_of
from dicomweb_server.wire import qido, querystring
from tests import data

PLAN = IndexPlan.of()
LIMITS = QueryLimits()
LARGEST = 600_000
MALFORMED = frozenset({"0Y"})
"""Values of real files that their representation does not allow: refused as match values."""


def scanned(path: Path) -> ScannedInstance:
    """One file as the archive would take it in."""
    return scan(MemorySource(path.read_bytes()), PLAN, ScanLimits())


def told(path: Path) -> Iterator[tuple[TagPath, str]]:
    """First values of attributes at the root, as pydicom reads them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # real files deviate; that is not what is tested
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        for tags in sorted(PLAN.paths):
            element = dataset.get(tags[0])
            if len(tags) > 1 or element is None or tags[0] in COMPUTED or not PLAN.matches(tags):
                continue
            value = element.value[0] if element.VM > 1 else element.value
            text = str(value) if element.VM else ""
            if text.isascii() or element.VR != "CS":  # codes have no character set (PS3.5 6.2)
                yield tags, text


async def finds(instance: ScannedInstance, tags: TagPath, value: str) -> bool:
    """Whether a search for a value finds an instance, from the URL to the answer."""
    index = MemoryIndex()
    await index.put([NewInstance(instance, Blob("00", 1), 1)], DuplicatePolicy.KEEP)
    raw = f"{hex_of(tags[0])}={quote(value, safe='')}".encode("ascii")
    parameters = querystring.parse(raw, LIMITS)
    parsed = qido.parse(Level.INSTANCE, Scope(), parameters, PLAN, LIMITS)
    assert parsed.warnings == ()
    result = await index.search(parsed.query, 60)
    return len(result.matches) == 1


@pytest.mark.usefixtures("data_folder")
def test_every_value_of_a_file_finds_it() -> None:
    async def run() -> None:
        for path in data.valid_files():
            if path.stat().st_size > LARGEST:
                continue
            instance = scanned(path)
            for tags, value in told(path):
                if not value or value in MALFORMED:
                    continue
                assert await finds(instance, tags, value), (path.name, hex_of(tags[0]))

    asyncio.run(run())
