"""Every real file: rendered, or refused with a reason; never an error of the server."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from pydicom import Dataset, dcmread

from tests.data import broken_files, valid_files
from tests.site import Site, open_site

UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
pytestmark = pytest.mark.filterwarnings("ignore")  # of pydicom, about what files hold
ANYTHING = "image/png, */*;q=0.5"


def described(data: bytes) -> Dataset | None:
    try:
        found = dcmread(BytesIO(data), stop_before_pixels=True, force=True)
        return found if all(found.get(name) for name in UIDS) else None
    except Exception:  # noqa: BLE001 - what pydicom does with broken files is not the question
        return None


def path_of(made: Dataset) -> str:
    return "/studies/{}/series/{}/instances/{}".format(*(made.get(name) for name in UIDS))


def looked_at(site: Site, file: Path) -> list[str]:
    """What is wrong with the pictures of a file."""
    data = file.read_bytes()
    made = described(data)
    if made is None or site.store([data]).status_code not in (200, 202):
        return []
    path = path_of(made)
    wrong = []
    for name in ("rendered", "thumbnail"):
        response = site.get(f"{path}/{name}", ANYTHING)
        kind = response.headers["content-type"]
        if response.status_code >= 500 or (response.is_error and not response.json()["detail"]):
            wrong.append(f"{file.name} {name}: {response.status_code}")
        elif response.is_success and kind == "image/png":
            wrong += [f"{file.name} {name}: {why}" for why in faults(response.content, made, name)]
    assert site.request("DELETE", path).status_code == 204
    return wrong


def faults(content: bytes, made: Dataset, name: str) -> list[str]:
    picture = Image.open(BytesIO(content))
    picture.load()
    if name == "thumbnail":
        return [] if max(picture.size) <= 256 else [f"{picture.size} is no thumbnail"]
    if "Rows" not in made:
        return []
    width, height = picture.size
    # Pixels that are no squares make one side longer.
    sides = width == made.Columns and height >= made.Rows
    sides |= height == made.Rows and width >= made.Columns
    return [] if sides else [f"{picture.size} of {made.Columns} x {made.Rows}"]


def test_every_valid_file(tmp_path: Path, data_folder: Path) -> None:
    with open_site(tmp_path) as site:
        assert [wrong for file in valid_files() for wrong in looked_at(site, file)] == []


def test_every_broken_file(tmp_path: Path, data_folder: Path) -> None:
    with open_site(tmp_path) as site:
        assert [wrong for file in broken_files() for wrong in looked_at(site, file)] == []


VIDEOS = {
    "ts/h264-102/mpeg4_h264_24f.dcm": "video/mp4",
    "ts/mpeg2-100/mpeg2_mp_24f.dcm": "video/mpeg",
}


def test_videos_are_played_as_they_are_stored(tmp_path: Path, data_folder: Path) -> None:
    with open_site(tmp_path) as site:
        for name, kind in VIDEOS.items():
            data = (data_folder / "valid" / name).read_bytes()
            made = described(data)
            assert made is not None
            assert site.store([data]).status_code == 200
            path = f"{path_of(made)}/rendered"
            whole = site.get(path, "*/*")
            assert (whole.status_code, whole.headers["content-type"]) == (200, kind)
            assert whole.headers["accept-ranges"] == "bytes"
            assert whole.content in data
            part = site.get(path, "*/*", Range="bytes=10-29")
            assert (part.status_code, part.content) == (206, whole.content[10:30])
            assert site.get(path, "*/*", Range="bytes=99999999-").status_code == 416
            assert site.get(path, "image/jpeg").json()["offered"][0] == kind
