"""Values of real files compared with pydicom, where pydicom follows Annex F."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_charset_files
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from dicomweb_server.dicom import numbers
from dicomweb_server.dicom.charset import CharacterSets
from dicomweb_server.dicom.values import MULTI_TEXT, SINGLE_TEXT, attribute
from tests.data import valid_files

_MAX_FILE = 8 * 1024 * 1024
_FILES = [path for path in valid_files() if path.stat().st_size <= _MAX_FILE]
_BUNDLED = [Path(name) for name in get_charset_files("*.dcm")]
_TEXT_DEFAULT = MULTI_TEXT - {"LO", "SH", "UC"}
"""VRs that pydicom reads as Latin-1 whatever the set; ours are read by the set."""

_COMPARED = MULTI_TEXT | SINGLE_TEXT | numbers.BINARY | {"AT", "DS", "IS", "PN"}

Found = tuple[str, bytes, CharacterSets, bool, object]


@pytest.mark.parametrize("path", _BUNDLED, ids=lambda path: path.name)
def test_bundled_files_read_as_pydicom_does(path: Path) -> None:
    assert _compare(path) > 3


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.name)
def test_real_files_read_as_pydicom_does(path: Path) -> None:
    _compare(path)


def _compare(path: Path) -> int:
    count = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom tells of deviations in the files
        for vr, raw, sets, big_endian, expected in _elements(pydicom.dcmread(path), None):
            read = json.loads(attribute(vr, raw, sets, big_endian))
            assert _plain(read) == _plain(expected), (path.name, vr, raw[:64])
            count += 1
    return count


def _elements(data: Dataset, inherited: CharacterSets | None) -> Iterator[Found]:
    sets = _sets(data, inherited)
    for tag in list(data.keys()):
        raw: object = data.get_item(tag)
        element = data[tag]
        if element.VR == "SQ":
            for item in element.value:
                yield from _elements(item, sets)
        elif isinstance(raw, RawDataElement) and element.VR in _COMPARED:
            value = raw.value or b""
            if element.VR in _TEXT_DEFAULT and not value.isascii():
                continue
            expected = element.to_json_dict(None, 1024)
            yield element.VR, value, sets, not raw.is_little_endian, expected


def _sets(data: Dataset, inherited: CharacterSets | None) -> CharacterSets:
    if 0x00080005 not in data:
        return inherited or CharacterSets.default()
    declared = data[0x00080005].value or ""
    return CharacterSets.of([declared] if isinstance(declared, str) else list(declared))


def _plain(found: object) -> object:
    """What is the same value by rules where pydicom differs: J4, J5, J12 and padding."""
    if isinstance(found, dict):
        members = {key: _plain(value) for key, value in found.items()}
        return {key: value for key, value in members.items() if value not in ("", [], [None])}
    if isinstance(found, list):
        return [None if _plain(value) == "" else _plain(value) for value in found]
    if isinstance(found, str):
        return found.strip(" \0")
    if isinstance(found, int) and abs(found) > 2**53:
        return str(found)
    return found
