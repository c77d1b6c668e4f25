"""Every valid file of the collection is understood, and as pydicom understands it."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import DataElement, Dataset, dcmread
from pydicom.encaps import generate_frames
from pydicom.pixels.utils import get_expected_length, pixel_array

from dicomweb_server.dicom.frames import PIXEL_TAGS
from dicomweb_server.dicom.rewrite import explicit
from dicomweb_server.model.instance import FragmentedFrames, NativeFrames, ScannedInstance
from dicomweb_server.model.media import TRANSFER_SYNTAXES, Encoding
from dicomweb_server.model.source import MemorySource
from tests.data import files_below, valid_files
from tests.dicom import scans

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

_DROPPED = frozenset((0x00080001, 0x00080005, 0xFFFCFFFC))


def _files() -> list[Any]:
    return [pytest.param(path, id="/".join(path.parts[-2:])) for path in valid_files()] or [
        pytest.param(None, marks=pytest.mark.skip("the folder of real files is not here"))
    ]


each_file = pytest.mark.parametrize("path", _files())


@each_file
def test_key_and_syntax_are_those_of_the_file(path: Path) -> None:
    found = scans.scanned(path.read_bytes())
    read = dcmread(path)
    lone = found.key.instance if "non-patient" in path.parts else ""
    assert found.key.study == read.get("StudyInstanceUID", lone)
    assert found.key.series == read.get("SeriesInstanceUID", lone)
    assert found.key.instance == read.SOPInstanceUID
    assert found.sop_class == read.SOPClassUID
    if not any("length of the File Meta" in text for text in found.warnings):
        assert found.transfer_syntax == read.file_meta.TransferSyntaxUID


@each_file
def test_the_document_has_the_structure_of_the_data_set(path: Path) -> None:
    found = scans.scanned(path.read_bytes())
    _same_structure(scans.document(found), dcmread(path), "")


def _same_structure(document: dict[str, dict[str, Any]], read: Dataset, where: str) -> None:
    assert list(document) == sorted(document)
    wanted = {
        f"{element.tag:08X}": element
        for element in read
        if element.tag.element and element.tag not in _DROPPED
    }
    assert set(document) - {"00080005"} == set(wanted), where
    for tag, element in wanted.items():
        attribute = document[tag]
        assert len(attribute) <= 2, where
        if attribute["vr"] != "UN" and " or " not in element.VR:
            assert attribute["vr"] == element.VR, where + tag
        if attribute["vr"] == "SQ":
            _same_items(attribute, element, where + tag)


def _same_items(attribute: dict[str, Any], element: DataElement, where: str) -> None:
    items = attribute.get("Value", [])
    assert len(items) == len(element.value), where
    for number, (item, read) in enumerate(zip(items, element.value, strict=True), 1):
        _same_structure(item, read, f"{where}.{number}.")


@each_file
def test_bulk_values_are_those_of_the_data_set(path: Path) -> None:
    data = path.read_bytes()
    found = scans.scanned(data)
    plain = scans.plain(data, found)
    read = dcmread(BytesIO(plain))
    text = found.document.text(scans.BASE).decode()
    assert text.count('"BulkDataURI"') == len(found.bulk)
    for bulk in found.bulk:
        root = f"/studies/{found.key.study}/series/{found.key.series}/instances/"
        uri = f"{scans.BASE.decode()}{root}{found.key.instance}/bulkdata/{bulk.path}"
        assert f'{{"vr":"{bulk.vr}","BulkDataURI":"{uri}"}}' in text
        if int(bulk.path[-8:], 16) in PIXEL_TAGS or bulk.word > 1 or bulk.vr not in ("OB", "OW"):
            continue
        assert scans.bulk_value(plain, bulk) == _element(read, bulk.path).value


def _element(read: Dataset, path: str) -> DataElement:
    *steps, last = path.split(".")
    for tag, number in zip(steps[::2], steps[1::2], strict=True):
        read = read[int(tag, 16)].value[int(number) - 1]
    return read[int(last, 16)]


@each_file
def test_frames_are_those_of_pydicom(path: Path) -> None:
    data = path.read_bytes()
    found = scans.scanned(data)
    if found.pixel is None:
        assert found.frames is None
        return
    assert found.frames is not None
    plain = scans.plain(data, found)
    read = dcmread(BytesIO(plain))
    if isinstance(found.frames, FragmentedFrames):
        _same_fragments(plain, found, read)
    else:
        _same_samples(plain, found, read)


def _same_fragments(data: bytes, found: ScannedInstance, read: Dataset) -> None:
    assert found.frames is not None
    video = TRANSFER_SYNTAXES[found.transfer_syntax].encoding is Encoding.VIDEO
    count = 1 if video else int(read.get("NumberOfFrames") or 1)
    assert found.frames.count == count
    table = None
    if "ExtendedOffsetTable" in read:
        table = read.ExtendedOffsetTable, read.ExtendedOffsetTableLengths
    wanted = generate_frames(read.PixelData, number_of_frames=count, extended_offsets=table)
    for number, frame in enumerate(wanted, 1):
        assert scans.frame(data, found, number) == frame


def _same_samples(data: bytes, found: ScannedInstance, read: Dataset) -> None:
    pixel, frames = found.pixel, found.frames
    assert pixel is not None
    assert frames is not None
    assert frames.count == int(read.get("NumberOfFrames") or 1)
    if pixel.bits_allocated == 12:  # pydicom has no array for packed pixel cells
        return
    if pixel.photometric_interpretation != "YBR_FULL_422" and isinstance(frames, NativeFrames):
        assert frames.length * frames.count == get_expected_length(read)
    array = pixel_array(read, raw=True).reshape(frames.count, -1)
    for number in range(1, frames.count + 1):
        raw = scans.frame(data, found, number)
        if pixel.bits_allocated == 1:
            bits = np.unpackbits(np.frombuffer(raw, "u1"), bitorder="little")
            assert (bits[: array.shape[1]] == array[number - 1]).all()
        elif pixel.photometric_interpretation == "YBR_FULL_422":
            assert len(raw) * 3 == array.shape[1] * 2
        else:
            samples = np.frombuffer(raw, array.dtype.newbyteorder("<"))
            if pixel.planar_configuration and pixel.samples_per_pixel > 1:
                samples = samples.reshape(pixel.samples_per_pixel, -1).T.reshape(-1)
            if pixel.bits_stored < pixel.bits_allocated and array.dtype.kind == "u":
                samples = samples & ((1 << pixel.bits_stored) - 1)  # overlays lie above
            assert np.array_equal(samples, array[number - 1], equal_nan=array.dtype.kind == "f")


@each_file
def test_rewritten_files_are_the_same_data_set_in_the_promised_size(path: Path) -> None:
    data = path.read_bytes()
    found = scans.scanned(data)
    if found.explicit_size is None:
        return
    plain = scans.plain(data, found)
    made = b"".join(explicit(MemorySource(plain), scans.LIMITS))
    assert len(made) == found.explicit_size
    again = scans.scanned(made)
    assert again.transfer_syntax == "1.2.840.10008.1.2.1"
    assert again.explicit_size is None
    assert again.document.text(b"") == found.document.text(b"")
    assert again.values == found.values
    assert len(again.bulk) == len(found.bulk)
    for new, old in zip(again.bulk, found.bulk, strict=True):
        assert scans.bulk_value(made, new) == scans.bulk_value(plain, old)


@pytest.mark.parametrize("name", ["valid"])
def test_level_attributes_are_sorted_objects_without_references(
    name: str, data_folder: Path
) -> None:
    assert data_folder
    for path in files_below(name)[::7]:
        attributes = scans.scanned(path.read_bytes()).attributes
        for text in (attributes.study, attributes.series, attributes.instance):
            parsed = json.loads(text)
            assert list(parsed) == sorted(parsed)
            assert b"BulkDataURI" not in text
