"""Scanning in tests, and reading what came out."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

from dicomweb_server.dicom.inflate import inflate
from dicomweb_server.dicom.rewrite import swap
from dicomweb_server.dicom.scan import scan
from dicomweb_server.model.instance import (
    BulkRef,
    FragmentedFrames,
    NativeFrames,
    ScannedInstance,
)
from dicomweb_server.model.levels import IndexPlan
from dicomweb_server.model.limits import ScanLimits
from dicomweb_server.model.media import DEFLATED_LITTLE
from dicomweb_server.model.source import MemorySource
from tests.data import data_folder

PLAN = IndexPlan.of()
LIMITS = ScanLimits()
BASE = b"http://here/dicom-web"


def scanned(data: bytes, limits: ScanLimits = LIMITS) -> ScannedInstance:
    """The outcome of a scan of bytes in memory."""
    return scan(MemorySource(data), PLAN, limits)


def document(instance: ScannedInstance) -> dict[str, dict[str, Any]]:
    """The DICOM JSON, parsed."""
    parsed: dict[str, dict[str, Any]] = json.loads(instance.document.text(BASE))
    return parsed


def inflated(data: bytes) -> bytes:
    """What offsets of a deflated file refer to."""
    target = BytesIO()
    inflate(MemorySource(data), target.write, LIMITS)
    return target.getvalue()


def plain(data: bytes, instance: ScannedInstance) -> bytes:
    """The bytes that offsets refer to."""
    return inflated(data) if instance.transfer_syntax == DEFLATED_LITTLE else data


def bulk_value(data: bytes, bulk: BulkRef) -> bytes:
    """A bulk value in little endian; `data` is what `plain` gives."""
    raw = b"".join(data[part.start : part.start + part.length] for part in bulk.ranges)
    return swap(raw, bulk.word)


def frame(data: bytes, instance: ScannedInstance, number: int) -> bytes:
    """One frame in little endian, from 1 on; bit-packed ones come out from their first bit on."""
    table = instance.frames
    assert table is not None
    if isinstance(table, FragmentedFrames):
        parts = table.frames[number - 1]
        return b"".join(data[part.start : part.start + part.length] for part in parts)
    if isinstance(table, NativeFrames):
        start = table.start + (number - 1) * table.length
        return swap(data[start : start + table.length], table.word)
    first = (number - 1) * table.bit_length
    end = first + table.bit_length
    raw = data[table.start : table.start + (table.bit_length * table.count + 7) // 8 + 8]
    bits = int.from_bytes(swap(raw, table.word), "little")
    value = bits >> first & (1 << (end - first)) - 1
    return value.to_bytes((table.bit_length + 7) // 8, "little")


def folder() -> Path | None:
    """The folder of real files, None without it; for tests that cannot take the fixture."""
    return data_folder()
