"""Instances as a ZIP archive (extension)."""

from __future__ import annotations

import re
import subprocess
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRBigEndian

from tests.datasets import SERIES, STUDY, dataset, instance, part10
from tests.programs import require
from tests.site import Site, open_site

SERIES_PATH = f"/studies/{STUDY}/series/{SERIES}"
EXPLICIT = "1.2.840.10008.1.2.1"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path / "data") as site:
        yield site


def compressed() -> bytes:
    made = dataset(PixelData=encapsulate([b"\xff\xd8\xff\xd9"]))
    made["PixelData"].VR = "OB"
    return part10(made, JPEG_LOSSLESS)


@pytest.mark.parametrize("path", [f"/studies/{STUDY}", SERIES_PATH])
def test_the_archive_holds_the_stored_files_under_their_uids(
    site: Site, path: str, tmp_path: Path
) -> None:
    files = [instance(1), instance(2), compressed()]
    site.store(files)
    response = site.get(path, "application/zip")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/zip"
    assert int(response.headers["content-length"]) == len(response.content)
    name = path.rpartition("/")[2]
    assert response.headers["content-disposition"] == f'attachment; filename="{name}.zip"'
    with zipfile.ZipFile(BytesIO(response.content)) as archive:
        assert archive.testzip() is None
        assert [archive.read(each) for each in archive.namelist()] == files
        assert archive.namelist()[0] == f"{STUDY}/{SERIES}/1.2.3.4.1.dcm"
        for each in archive.namelist():
            assert re.fullmatch(r"[0-9.]+/[0-9.]+/[0-9.]+\.dcm", each)
    target = tmp_path / "study.zip"
    target.write_bytes(response.content)
    subprocess.run([require("unzip"), "-tqq", target], check=True, timeout=60)


def test_an_instance_is_an_archive_of_one(site: Site) -> None:
    site.store([instance(1)])
    response = site.get(f"{SERIES_PATH}/instances/1.2.3.4.1", "application/zip")
    with zipfile.ZipFile(BytesIO(response.content)) as archive:
        assert archive.read(archive.namelist()[0]) == instance(1)


def test_the_transfer_syntax_is_honoured(site: Site) -> None:
    site.store([part10(dataset(SOPInstanceUID="1.2.3.4.9"), ExplicitVRBigEndian), compressed()])
    path = f"/studies/{STUDY}"
    as_stored = site.get(path, "application/zip")
    with zipfile.ZipFile(BytesIO(as_stored.content)) as archive:
        first = pydicom.dcmread(BytesIO(archive.read(archive.namelist()[0])))
        assert first.file_meta.TransferSyntaxUID == EXPLICIT
    asked = site.get(path, f"application/zip; transfer-syntax={EXPLICIT}")
    assert asked.status_code == 206
    assert "instances/1.2.3.4.5" in asked.headers["warning"]
    assert len(zipfile.ZipFile(BytesIO(asked.content)).namelist()) == 1
    site.request("DELETE", f"{SERIES_PATH}/instances/1.2.3.4.9")
    refused = site.get(path, f"application/zip; transfer-syntax={EXPLICIT}")
    assert refused.status_code == 406
    assert JPEG_LOSSLESS in refused.text


def test_the_archive_has_a_tag_that_changes_with_the_study(site: Site) -> None:
    site.store([instance(1)])
    first = site.get(f"/studies/{STUDY}", "application/zip")
    tag = first.headers["etag"]
    again = site.get(f"/studies/{STUDY}", "application/zip", If_None_Match=tag)
    assert again.status_code == 304
    assert site.get(f"/studies/{STUDY}").headers["etag"] != tag
    site.store([instance(2)])
    assert site.get(f"/studies/{STUDY}", "application/zip").headers["etag"] != tag
