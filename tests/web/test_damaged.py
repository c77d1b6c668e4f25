"""Instances whose stored bytes are damaged: what is answered, and how they are mended."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicomweb_server.model.outcome import DuplicatePolicy
from dicomweb_server.settings import ScrubSettings, StoreSettings
from tests.datasets import INSTANCE, SERIES, STUDY, dataset, instance, part10
from tests.site import ANY_SYNTAX, Site, open_site, parts_of

_LARGE = 1200  # rows and columns of 16 bits: more than a store looks through for a frame
_FRAMES = 'multipart/related; type="application/octet-stream"'


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path, scrub=ScrubSettings(enabled=False)) as site:
        yield site


def path_of(site: Site, data: bytes) -> Path:
    digest = hashlib.sha256(data).hexdigest()
    return site.settings.data / "blobs" / digest[:2] / digest[2:]


def flip(site: Site, data: bytes) -> None:
    path = path_of(site, data)
    changed = bytearray(path.read_bytes())
    changed[-1] ^= 1
    path.write_bytes(changed)


def damaged(site: Site) -> int:
    return int(site.get("//readyz").json()["damaged"])


@pytest.mark.parametrize("accept", [ANY_SYNTAX, "application/zip"])
@pytest.mark.parametrize("harm", ["flipped", "missing", "empty"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_rest_of_a_study_is_delivered_with_206_and_names(
    site: Site, accept: str, harm: str, place: int
) -> None:
    files = [instance(1), instance(2), instance(3)]
    site.store(files)
    lost = files[place]
    if harm == "flipped":
        flip(site, lost)
        assert site.get(f"{_path(place + 1)}", "application/dicom").status_code == 500
    elif harm == "missing":
        path_of(site, lost).unlink()
    else:
        path_of(site, lost).write_bytes(b"")
    response = site.get(f"/studies/{STUDY}", accept)
    assert response.status_code == 206
    assert _path(place + 1) in response.headers["warning"]
    assert _bodies(response.content, response.headers["content-type"]) == {*files} - {lost}
    assert damaged(site) == 1


def _path(number: int) -> str:
    return f"/studies/{STUDY}/series/{SERIES}/instances/{SERIES}.{number}"


def _bodies(content: bytes, kind: str) -> set[bytes]:
    if kind == "application/zip":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {archive.read(name) for name in archive.namelist()}
    boundary = kind.rpartition("boundary=")[2].strip('"').encode()
    return {
        part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
        for part in content.split(b"--" + boundary)[1:-1]
    }


def test_what_nobody_knew_of_is_left_out_where_it_comes_first(site: Site) -> None:
    files = [instance(number) for number in range(1, 6)]
    site.store(files)
    for lost in files[:3]:
        flip(site, lost)
    response = site.get(f"/studies/{STUDY}", ANY_SYNTAX)
    assert response.status_code == 206
    assert [body for _, body in parts_of(response)] == files[3:]


def test_nothing_left_of_a_study_is_500_with_an_explanation(site: Site) -> None:
    files = [instance(1), instance(2)]
    site.store(files)
    for data in files:
        flip(site, data)
    for _ in range(2):
        response = site.get(f"/studies/{STUDY}", ANY_SYNTAX)
        assert response.status_code == 500
        problem = response.json()
        assert problem["type"].endswith(":blob-damaged")
        assert "verify" in problem["hint"]


def test_metadata_and_searches_go_on(site: Site) -> None:
    data = instance(1)
    site.store([data])
    path_of(site, data).unlink()
    assert site.get(f"{_path(1)}/metadata", "application/dicom+json").status_code == 200
    assert len(site.search("/instances")) == 1


def test_frames_and_pictures_of_a_damaged_instance_are_500(site: Site) -> None:
    data = instance(1)
    site.store([data])
    flip(site, data)
    for ending, accept in ((f"{_path(1)}/frames/1", _FRAMES), (f"{_path(1)}/bulkdata", _FRAMES)):
        response = site.get(ending, accept)
        assert response.status_code == 500, ending
        assert response.json()["type"].endswith(":blob-damaged")


def test_a_frame_of_a_large_instance_is_refused_once_its_damage_is_known(site: Site) -> None:
    pixels = bytes(2 * _LARGE * _LARGE)
    data = part10(dataset(Rows=_LARGE, Columns=_LARGE, PixelData=pixels))
    site.store([data])
    flip(site, data)
    one = f"/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}"
    assert site.get(f"{one}/frames/1", _FRAMES).status_code == 200
    with pytest.raises(Exception, match="could not be completed"):
        site.get(one, "application/dicom")  # it breaks off behind what was sent
    assert site.get(f"{one}/frames/1", _FRAMES).status_code == 500


def test_a_frame_needs_the_size_that_was_stored(site: Site) -> None:
    pixels = bytes(2 * _LARGE * _LARGE)
    data = part10(dataset(Rows=_LARGE, Columns=_LARGE, PixelData=pixels))
    site.store([data])
    path_of(site, data).write_bytes(data + b"more")
    one = f"/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}"
    assert site.get(f"{one}/frames/1", _FRAMES).status_code == 500


@pytest.mark.parametrize("harm", ["flipped", "missing", "empty"])
def test_the_same_bytes_stored_again_mend_it(site: Site, harm: str) -> None:
    data = instance(1)
    site.store([data])
    if harm == "flipped":
        flip(site, data)
    elif harm == "missing":
        path_of(site, data).unlink()
    else:
        path_of(site, data).write_bytes(b"")
    assert site.get(_path(1), "application/dicom").status_code == 500
    assert damaged(site) == 1
    assert site.store([data]).status_code == 200
    response = site.get(_path(1), "application/dicom")
    assert (response.status_code, response.content) == (200, data)
    assert path_of(site, data).read_bytes() == data
    assert damaged(site) == 0


def test_bytes_put_back_by_hand_are_found_whole(site: Site) -> None:
    files = [instance(1), instance(2)]
    site.store(files)
    flip(site, files[0])
    assert site.get(f"/studies/{STUDY}", ANY_SYNTAX).status_code == 206
    path_of(site, files[0]).write_bytes(files[0])
    response = site.get(f"/studies/{STUDY}", ANY_SYNTAX)
    assert (response.status_code, len(parts_of(response))) == (200, 2)
    assert damaged(site) == 0


@pytest.mark.parametrize("policy", [DuplicatePolicy.KEEP, DuplicatePolicy.REJECT])
def test_nobody_is_told_that_a_damaged_instance_stays(
    tmp_path: Path, policy: DuplicatePolicy
) -> None:
    with open_site(tmp_path, store=StoreSettings(duplicates=policy)) as site:
        site.store([instance(1)])
        flip(site, instance(1))
        response = site.store([instance(1, PatientID="other")])
        assert response.status_code == 409
        failed = response.json()["00081198"]["Value"][0]
        assert failed["00081197"]["Value"] == [0x0110]
        assert "damaged" in response.headers["warning"]


def test_other_bytes_take_the_place_of_damaged_ones_under_replace(tmp_path: Path) -> None:
    settings = StoreSettings(duplicates=DuplicatePolicy.REPLACE)
    with open_site(tmp_path, store=settings) as site:
        site.store([instance(1)])
        path_of(site, instance(1)).unlink()
        other = instance(1, PatientID="other")
        assert site.store([other]).status_code == 200
        assert site.get(_path(1), "application/dicom").content == other


def test_what_was_deleted_does_not_count_as_damaged(site: Site) -> None:
    data = instance(1)
    site.store([data])
    path_of(site, data).unlink()
    assert site.get(_path(1), "application/dicom").status_code == 500
    assert site.request("DELETE", f"/studies/{STUDY}").status_code == 204
    assert damaged(site) == 0
