"""Instances as the index keeps them, for tests of what they look like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydicom import Dataset

from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.appearance.frame import appearance, bulk_needed
from dicomweb_server.errors import InstanceRejected
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.rendering import Appearance
from tests import datasets
from tests.dicom import scans

GREY = PixelHeader(4, 5, 1, 16, 12, 11, 0, 0, "MONOCHROME2", 1, 0x7FE00010)
BASE = b"http://here/dicom-web"


@dataclass(frozen=True)
class Kept:
    """What the index keeps of an instance with pixels."""

    document: Attributes
    pixel: PixelHeader
    bulk: Mapping[str, bytes]

    def appearance(self, frame: int = 1) -> Appearance:
        """Of one frame, with those bulk values alone that are said to be needed."""
        needed = bulk_needed(self.document, frame, self.pixel)
        read = {path: self.bulk[path] for path in needed}
        return appearance(self.document, frame, read, self.pixel)


def kept(data: bytes) -> Kept | None:
    """Scan a file in memory; None where it has no pixels."""
    try:
        found = scans.scanned(data)
    except InstanceRejected:
        return None
    if found.pixel is None:
        return None
    plain = scans.plain(data, found)
    bulk = {
        each.path: scans.bulk_value(plain, each)
        for each in found.bulk
        if not each.path.startswith("7FE0")
    }
    return Kept(Attributes.parse(found.document.text(BASE)), found.pixel, bulk)


@cache
def kept_file(path: Path) -> Kept | None:
    """Scan a file; None where it has no pixels."""
    return kept(path.read_bytes())


def of(dataset: Dataset) -> Kept:
    """Store a data set and see what is kept."""
    found = kept(datasets.part10(dataset))
    assert found is not None
    return found
