"""Overlays in unused bits become Overlay Data in files that are transcoded (PS3.5 8.1.2)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicomweb_server.dicom.planes import Cells
from dicomweb_server.dicom.scan import scan
from dicomweb_server.dicom.transcoded import fragment
from dicomweb_server.model.instance import NativeFrames, PixelHeader
from dicomweb_server.model.levels import IndexPlan
from dicomweb_server.model.limits import ScanLimits
from dicomweb_server.model.source import MemorySource
from tests.datasets import dataset, part10
from tests.dicom.test_transcoded import FRAGMENTED, made, read

HTJ2K = "1.2.840.10008.1.2.4.201"
NATIVE = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)


def image(cells: np.ndarray[tuple[int, ...], np.dtype[np.uint16]], stored: int = 12) -> Dataset:
    """Native frames (frames, rows, columns) with their unused bits."""
    count, rows, columns = cells.shape
    source = dataset(
        Rows=rows, Columns=columns, BitsStored=stored, HighBit=stored - 1, NumberOfFrames=count
    )
    source.PixelData = cells.astype("<u2").tobytes()
    return source


def embed(source: Dataset, group: int, position: int) -> None:
    """Attributes of an overlay in a bit."""
    source.add_new((group, 0x0010), "US", source.Rows)
    source.add_new((group, 0x0011), "US", source.Columns)
    source.add_new((group, 0x0040), "CS", "G")
    source.add_new((group, 0x0050), "SS", [1, 1])
    source.add_new((group, 0x0100), "US", 16)
    source.add_new((group, 0x0102), "US", position)
    source.add_new((group, 0x0200), "US", 0x7FE0)


def rewritten(source: Dataset, syntax: str = ExplicitVRLittleEndian) -> Dataset:
    """What it is in a compressed transfer syntax, by pydicom."""
    if syntax == ExplicitVRBigEndian:
        source.PixelData = np.frombuffer(source.PixelData, "<u2").astype(">u2").tobytes()
    data = part10(source, syntax)
    found = scan(MemorySource(data), IndexPlan.of(()), ScanLimits())
    assert found.pixel is not None
    assert isinstance(found.frames, NativeFrames)
    rewriting = replace(FRAGMENTED, pixel=found.pixel, cells=Cells(found.pixel, found.frames))
    return read(made(data, rewriting, [fragment(b"..")] * found.frames.count))


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize(("count", "rows", "columns"), [(1, 4, 4), (3, 5, 7), (2, 300, 257)])
def test_planes_become_overlay_data(syntax: str, count: int, rows: int, columns: int) -> None:
    noise = np.random.default_rng(rows).integers(0, 1 << 16, (count, rows, columns), np.uint16)
    source = image(noise)
    embed(source, 0x6000, 12)
    embed(source, 0x6004, 15)
    found = rewritten(source, syntax)
    for group, position in ((0x6000, 12), (0x6004, 15)):
        wanted = noise >> position & 1
        assert np.array_equal(found.overlay_array(group), wanted if count > 1 else wanted[0])
        assert (found[group, 0x0100].value, found[group, 0x0102].value) == (1, 0)
        assert found[group, 0x3000].VR == "OW"
        assert len(found[group, 0x3000].value) % 2 == 0
        assert (group, 0x0200) not in found
        if count > 1:
            assert (found[group, 0x0015].value, found[group, 0x0051].value) == (count, 1)
    tags = [element.tag for element in found]
    assert tags == sorted(tags)


def test_overlays_with_data_of_their_own_stay() -> None:
    source = image(np.full((1, 4, 4), 0xF000, np.uint16))
    embed(source, 0x6000, 0)
    source[0x6000, 0x0100].value = 1
    source.add_new((0x6000, 0x3000), "OW", b"\1\2")
    found = rewritten(source)
    assert found[0x6000, 0x3000].value == b"\1\2"


@pytest.mark.parametrize("position", [3, 11, 16, 40])
def test_a_plane_that_is_none_is_not_told(position: int) -> None:
    source = image(np.full((1, 4, 4), 0xF000, np.uint16))
    embed(source, 0x6000, position)
    found = rewritten(source)
    assert not [element for element in found if element.tag.group == 0x6000]


def test_planes_of_compressed_pixels_are_not_told() -> None:
    source = image(np.full((1, 4, 4), 0xF000, np.uint16))
    embed(source, 0x6002, 12)
    pixel = PixelHeader(4, 4, 1, 16, 12, 11, 0, 0, "MONOCHROME2", 1, 0x7FE00010)
    rewriting = replace(FRAGMENTED, pixel=pixel, cells=Cells(pixel, None))
    found = read(made(part10(source), rewriting, [fragment(b"..")]))
    assert not [element for element in found if element.tag.group == 0x6002]
