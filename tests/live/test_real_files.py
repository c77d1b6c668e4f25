"""Every valid file of the data folder goes in and comes out: hash by hash, frame by frame."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLossless,
    JPEGLosslessSV1,
)

from tests.live.archive import Archive, RealFile, filled, real_files
from tests.live.instances import store
from tests.live.oracle import (
    differences,
    encapsulated_frames,
    is_encapsulated,
    little,
    native_frames,
    pixels_of,
    raw_values,
    syntax_of,
)
from tests.live.parts import parts_of
from tests.live.server import KINDS, running

NEVER_SENT = {ImplicitVRLittleEndian, ExplicitVRBigEndian}
STORED_FORM = 'multipart/related; type="application/dicom"; transfer-syntax=*'
STORED_PIXELS = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
JsonObject = dict[str, dict[str, object]]

# pydicom warns of values and character sets that are unusual; the files are valid.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

each_file = pytest.mark.parametrize("file", real_files(), ids=lambda file: file.name)


@pytest.fixture(scope="module", params=KINDS)
def archive(request: pytest.FixtureRequest, data_folder: Path) -> Iterator[Archive]:
    """Every valid file in a live server."""
    with filled(str(request.param)) as full:
        yield full


@each_file
def test_it_is_stored(archive: Archive, file: RealFile) -> None:
    answer = archive.answers[file.name]
    assert answer.status_code == 200, answer.text
    item = answer.json()["00081199"]["Value"][0]
    assert item["00081190"]["Value"][0].endswith(file.instance)
    assert "00081196" not in item


@each_file
def test_it_comes_back_as_it_was(archive: Archive, file: RealFile) -> None:
    answer = archive.client(file).get(file.instance, headers={"Accept": STORED_FORM})
    assert answer.status_code == 200, answer.text
    (part,) = parts_of(answer)
    original = file.read()
    if syntax_of(original) in NEVER_SENT:
        assert part.transfer_syntax == ExplicitVRLittleEndian
        sent = pydicom.dcmread(io.BytesIO(part.body))
        assert differences(sent, original) == []
        assert sent.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    else:
        assert part.transfer_syntax in _told_syntaxes(original)
        assert hashlib.sha256(part.body).digest() == hashlib.sha256(_bytes(file)).digest()


@each_file
def test_its_frames_are_those_that_pydicom_finds(archive: Archive, file: RealFile) -> None:
    dataset = file.read()
    if not pixels_of(dataset):
        answer = archive.client(file).get(f"{file.instance}/frames/1")
        assert answer.status_code == 404, answer.text
        return
    native = not is_encapsulated(dataset)
    expected = native_frames(dataset) if native else encapsulated_frames(dataset)
    numbers = ",".join(str(number) for number in range(1, len(expected) + 1))
    answer = archive.client(file).get(
        f"{file.instance}/frames/{numbers}", headers={"Accept": STORED_PIXELS}
    )
    assert answer.status_code == 200, answer.text
    parts = parts_of(answer)
    assert [part.body for part in parts] == expected
    told = {ExplicitVRLittleEndian} if native else _told_syntaxes(dataset)
    assert {part.transfer_syntax for part in parts} <= told


@each_file
def test_it_has_no_more_frames_than_that(archive: Archive, file: RealFile) -> None:
    dataset = file.read()
    beyond = int(dataset.get("NumberOfFrames") or 1) + 1
    answer = archive.client(file).get(
        f"{file.instance}/frames/{beyond}", headers={"Accept": STORED_PIXELS}
    )
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@each_file
def test_its_metadata_has_what_pydicom_reads(archive: Archive, file: RealFile) -> None:
    metadata = _metadata(archive, file)
    _check_order(metadata)
    dataset = file.read()
    expected = {value.path: value.vr for value in raw_values(dataset) if _in_metadata(value.path)}
    found = {path: str(entry["vr"]) for path, entry in _entries(metadata, ()) if _in_metadata(path)}
    assert set(found) == set(expected)
    wrong = {
        path: (vr, expected[path])
        for path, vr in found.items()
        if not _same_vr(vr, expected[path], path)
    }
    assert wrong == {}


@each_file
def test_its_bulk_data_are_the_exact_bytes(archive: Archive, file: RealFile) -> None:
    client, dataset = archive.client(file), file.read()
    values = {value.path: value for value in raw_values(dataset)}
    for path, entry in _entries(_metadata(archive, file), ()):
        if "BulkDataURI" not in entry:
            continue
        answer = client.get(str(entry["BulkDataURI"]), headers={"Accept": STORED_PIXELS})
        assert answer.status_code == 200, (path, answer.text)
        sent = [part.body for part in parts_of(answer)]
        if path == ("7FE00010",) and is_encapsulated(dataset):
            assert sent == encapsulated_frames(dataset)
        else:
            value = values[path]
            pixels = path == ("7FE00010",)
            expected = little(value.data, value.vr, dataset, pixels=pixels)
            assert b"".join(sent) == expected, path


@each_file
def test_it_is_found_at_each_level(archive: Archive, file: RealFile) -> None:
    client, study, series, instance = archive.client(file), file.study, file.series, file.uid
    searches = [
        (f"/studies?StudyInstanceUID={study}", "0020000D", study),
        (f"/studies/{study}/series?SeriesInstanceUID={series}", "0020000E", series),
        (f"/studies/{study}/series/{series}/instances", "00080018", instance),
        (f"/studies/{study}/instances?SOPInstanceUID={instance}", "00080018", instance),
        (f"/series?SeriesInstanceUID={series}", "0020000E", series),
        (f"/instances?00080018={instance}", "00080018", instance),
    ]
    for path, tag, expected in searches:
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        assert expected in [item[tag]["Value"][0] for item in answer.json()], path


@each_file
def test_a_search_tells_the_values_of_the_file(archive: Archive, file: RealFile) -> None:
    metadata = _metadata(archive, file)
    answer = archive.client(file).get(f"/instances?SOPInstanceUID={file.uid}")
    found = [item for item in answer.json() if _path_of(item) == file.instance]
    assert len(found) == 1
    for tag in ("00080016", "00080018", "00200013", "00280010", "00280011", "00280100"):
        if tag in metadata and "Value" in metadata[tag]:
            assert found[0][tag] == metadata[tag], tag


@pytest.mark.parametrize("kind", KINDS)
def test_of_files_with_the_same_uids_the_first_one_stays(kind: str, data_folder: Path) -> None:
    with running(kind) as live, httpx.Client(base_url=live.root, timeout=60) as client:
        first: dict[str, bytes] = {}
        for file in real_files():
            answer = store(client, [_bytes(file)])
            if file.instance not in first:
                first[file.instance] = _bytes(file)
                assert answer.status_code == 200, file.name
                continue
            kept = _bytes(file) != first[file.instance]
            assert answer.status_code == (202 if kept else 200), file.name
            item = answer.json()["00081199"]["Value"][0]
            assert ("00081196" in item) == kept
        assert int(client.get("/instances?limit=1").headers["x-total-count"]) == len(first)


def _bytes(file: RealFile) -> bytes:
    return file.path.read_bytes()


def _metadata(archive: Archive, file: RealFile) -> JsonObject:
    answer = archive.client(file).get(f"{file.instance}/metadata")
    assert answer.status_code == 200, answer.text
    (metadata,) = json.loads(answer.content, parse_constant=_no_constant)
    assert isinstance(metadata, dict)
    return metadata


def _no_constant(name: str) -> object:
    raise AssertionError(f"{name} is not JSON")


def _path_of(item: JsonObject) -> str:
    study, series, instance = (_first(item, tag) for tag in ("0020000D", "0020000E", "00080018"))
    return f"/studies/{study}/series/{series}/instances/{instance}"


def _first(item: JsonObject, tag: str) -> object:
    value = item[tag]["Value"]
    assert isinstance(value, list)
    return value[0]


def _in_metadata(path: tuple[str | int, ...]) -> bool:
    """No group lengths (PS3.18 F.2.2), no padding, and whatever the character set was before."""
    left_out = ("0000", "FFFCFFFC", "00080005")
    return not any(isinstance(tag, str) and tag.endswith(left_out) for tag in path)


def _told_syntaxes(dataset: Dataset) -> set[str]:
    """What a part that holds the stored form may name as its transfer syntax."""
    named = syntax_of(dataset)
    if named == ExplicitVRLittleEndian and is_encapsulated(dataset):
        return {JPEGLosslessSV1, JPEGLossless}
    return {named}


def _entries(
    item: JsonObject, prefix: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], dict[str, object]]]:
    for tag, entry in item.items():
        path = (*prefix, tag)
        yield path, entry
        items = entry.get("Value", []) if entry["vr"] == "SQ" else []
        assert isinstance(items, list)
        for place, nested in enumerate(items):
            yield from _entries(nested, (*path, place))


def _check_order(item: JsonObject) -> None:
    """Sorted, upper case, at most one kind of value, and none that is empty (PS3.18 F.2)."""
    assert list(item) == sorted(item)
    for path, entry in _entries(item, ()):
        tag = path[-1]
        assert isinstance(tag, str)
        assert tag == tag.upper()
        assert len(tag) == 8
        assert len(entry.keys() & {"Value", "BulkDataURI", "InlineBinary"}) <= 1, path
        assert entry.get("Value") != [], path
        assert entry.get("InlineBinary") != "", path


def _same_vr(ours: str, theirs: str, path: tuple[str | int, ...]) -> bool:
    """Same VR, where pydicom does not only guess at it.

    For private attributes pydicom has tables of makers, and where a VR depends on other
    attributes it names all that are possible.
    """
    tag = path[-1]
    private = isinstance(tag, str) and int(tag[:4], 16) % 2 == 1
    return ours == theirs or ours in theirs.split(" or ") or (private and "UN" in (ours, theirs))
