"""Metadata and bulk data of every real file, stored again, give the same data set (T4, T5, T8).

What may differ, because the forms themselves do not tell it: Specific Character Set (JSON and XML
are UTF-8), group lengths and trailing padding, padding of texts, offset tables and the number of
fragments of a frame; a DS beyond its 16 characters is rounded; a CS beyond
ASCII is read by its character set here and by none in pydicom. XML tells neither the blocks of
private creators (PS3.19 A.1) nor empty components at the end of a name.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import orjson
import pydicom
import pytest
from pydicom.dataelem import DataElement
from pydicom.encaps import generate_fragments

from dicomweb_server.model.media import TRANSFER_SYNTAXES
from dicomweb_server.model.outcome import DuplicatePolicy
from dicomweb_server.settings import StoreSettings
from tests.bulk import bulk_of, metadata_of, store_json, store_xml
from tests.data import valid_files
from tests.site import ROOT, Site, open_site, parts_of

_FILES = valid_files()
_LEFT_OUT = {0x00080005, 0x00080001, 0xFFFCFFFC}
_NEW = "2.25.4711"

Plain = dict[object, object]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("round-trip")
    with open_site(folder, store=StoreSettings(duplicates=DuplicatePolicy.REPLACE)) as site:
        yield site


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.name)
@pytest.mark.parametrize("store", [store_json, store_xml], ids=["json", "xml"])
def test_a_real_file_comes_back(site: Site, path: Path, store: object) -> None:
    xml = store is store_xml
    place = _place(site.store([path.read_bytes()]).content)
    metadata = metadata_of(site, place)
    syntax, wanted = _read(site, place, xml)
    metadata["00080018"] = {"vr": "UI", "Value": [_NEW]}
    send = store_xml if xml else store_json
    response = send(site, [metadata], bulk_of(site, metadata))
    assert response.status_code == 200, response.headers.get("warning")
    stored_syntax, stored = _read(site, _place(response.content), xml)
    assert stored_syntax == syntax
    assert stored.pop(0x00080018) == [_NEW]
    wanted.pop(0x00080018)
    assert stored.keys() == wanted.keys()
    for tag, value in wanted.items():
        assert _same(stored[tag], value), tag


def _place(module: bytes) -> str:
    """Path of the only instance that a response module tells."""
    (item,) = orjson.loads(module)["00081199"]["Value"]
    url: str = item["00081190"]["Value"][0]
    return url.partition(ROOT)[2]


def _read(site: Site, place: str, xml: bool) -> tuple[str, Plain]:
    """Transfer syntax and data set of an instance: as stored, or rewritten where it is native."""
    syntax, stored = _file(site, place, "*")
    if TRANSFER_SYNTAXES[syntax].is_native:
        syntax, stored = _file(site, place, "1.2.840.10008.1.2.1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return syntax, _plain(stored, xml)


def _file(site: Site, place: str, syntax: str) -> tuple[str, pydicom.FileDataset]:
    accept = f'multipart/related; type="application/dicom"; transfer-syntax={syntax}'
    ((headers, data),) = parts_of(site.get(place, accept))
    _, _, told = headers["Content-Type"].partition("transfer-syntax=")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return told.strip('"'), pydicom.dcmread(BytesIO(data))


def _plain(data: pydicom.Dataset, xml: bool) -> Plain:
    found: Plain = {}
    for tag in sorted(data.keys()):
        if tag & 0xFFFF == 0 or tag in _LEFT_OUT:
            continue
        element = data[tag]
        if xml and tag.is_private:
            if tag.is_private_creator:
                continue
            creator = data.get((tag.group, tag.element >> 8))
            name = str(creator.value).strip() if creator is not None else None
            found[(tag.group, name, tag.element & 0xFF if name else tag.element)] = _value(
                element, xml
            )
        else:
            found[int(tag)] = _value(element, xml)
    return found


def _value(element: DataElement, xml: bool) -> object:
    value = element.value
    if element.VR == "SQ":
        return [_plain(item, xml) for item in value]
    if isinstance(value, bytes):
        if element.is_undefined_length:
            return b"".join(list(generate_fragments(value))[1:]).rstrip(b"\0")
        return value.rstrip(b"\0")
    if value is None or value == "":
        return []
    members = list(value) if isinstance(value, (list, pydicom.multival.MultiValue)) else [value]
    plain = [_member(element.VR, member, xml) for member in members]
    return [] if plain == [""] else plain


def _member(vr: str, member: object, xml: bool) -> object:
    if vr == "PN" and xml:
        return "=".join(group.rstrip("^ ") for group in str(member).split("=")).rstrip("=")
    if vr in ("DS", "FL", "FD", "IS"):
        try:
            return float(str(member))
        except ValueError:
            return str(member).strip()
    if vr == "CS" and not str(member).isascii():
        return "not a code"
    return member.strip(" \0") if isinstance(member, str) else str(member)


def _same(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9) or (math.isnan(one) and math.isnan(other))
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return one == other
