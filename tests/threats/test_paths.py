"""UIDs and names that mean to lead elsewhere: refused, and no file outside is touched (T3, T5)."""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from pydicom import Dataset, config

from dicomweb_server.errors import InvalidRequest
from dicomweb_server.ops.candidates import Candidate
from dicomweb_server.ops.discovery import discover
from dicomweb_server.testing.datasets import demo_study
from dicomweb_server.web.archive import member_name
from dicomweb_server.web.routes import ROUTES
from tests.datasets import INSTANCE, SERIES, STUDY, dataset, part10
from tests.live.server import Server
from tests.servers import plain_environment
from tests.site import Site, open_site
from tests.threats.names import ELSEWHERE, FILE_NAMES, HOSTILE
from tests.threats.raw import Line
from tests.threats.tracing import is_our_own, traced

SOUND = {"study": STUDY, "series": SERIES, "instance": INSTANCE, "frames": "1", "path": "7FE00010"}
PLACES = sorted(
    {
        (row.template, name)
        for row in ROUTES
        for name in re.findall(r"{(\w+)}", row.template)
        if name != "root" and row.method == "GET"
    }
)
QUERIES = (
    "/studies?StudyInstanceUID={}",
    "/series?SeriesInstanceUID={}",
    "/instances?SOPInstanceUID={}",
    "/instances?0020000D={}",
    "/instances?StudyInstanceUID=1.2%5C{}",
    "/wado?requestType=WADO&studyUID={}&seriesUID=1.2&objectUID=1.3",
    "/wado?requestType=WADO&studyUID=1.2&seriesUID={}&objectUID=1.3",
    "/wado?requestType=WADO&studyUID=1.2&seriesUID=1.2&objectUID={}",
)
HARMLESS = ("1.2.3%20", "%201.2.3", "=&id")
"""Blanks are padding; an empty value matches all."""


@pytest.fixture(scope="module")
def stored(server: Server) -> Server:
    kind = {"Content-Type": "application/dicom"}
    with httpx.Client(base_url=server.root) as client:
        done = client.post("/studies", content=part10(dataset()), headers=kind)
        assert done.status_code == 200
    return server


def targets() -> Iterator[str]:
    for template, name in PLACES:
        for text in HOSTILE:
            values = {"root": "/dicom-web", **SOUND} | {name: text}
            target = template
            for key, value in values.items():
                target = target.replace(f"{{{key}}}", value)
            yield target


def test_there_are_enough_of_them() -> None:
    assert len(set(HOSTILE)) >= 60
    assert {name for _, name in PLACES} == set(SOUND)


def test_no_route_is_led_astray_and_no_file_outside_is_touched(
    stored: Server, tmp_path: Path
) -> None:
    asked = 0
    odd: list[str] = []
    with traced([stored.process.pid], tmp_path / "trace") as trace, Line(stored) as line:
        for target in targets():
            asked += 1
            answer = line.get(target)
            if answer.status not in (400, 404):
                odd.append(f"{answer.status} {target[:200]}")
        for target in (query.format(text) for query in QUERIES for text in HOSTILE):
            asked += 1
            answer = line.get("/dicom-web" + target.replace(" ", "%20"))
            found = STUDY.encode() in answer.body and not target.endswith(HARMLESS)
            if answer.status not in (200, 400, 404) or found:
                odd.append(f"{answer.status} {target[:200]}")
    assert not odd, (len(odd), odd[:20])
    assert asked >= 60 * (len(PLACES) + len(QUERIES))
    assert not [path for _, path, _ in trace.calls() if ELSEWHERE in path]
    outside = {path for _, path, _ in trace.calls() if not is_our_own(path, stored.data)}
    assert not outside
    changed = {path for name, path, changes in trace.calls() if changes and path.startswith("/")}
    assert all(path.startswith((str(stored.data), "/dev/")) for path in changed), changed


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path / "data") as site:
        yield site


def with_uid(data: bytes, tag: bytes, value: bytes) -> bytes:
    """A file in which a UID is another text."""
    value += b"\0" * (len(value) % 2)
    place = data.index(tag + b"UI", 132 + 100)
    (length,) = struct.unpack_from("<H", data, place + 6)
    end = place + 8 + length
    return data[:place] + tag + b"UI" + struct.pack("<H", len(value)) + value + data[end:]


TAGS = {"study": b"\x20\0\x0d\0", "series": b"\x20\0\x0e\0", "instance": b"\x08\0\x18\0"}
UNESCAPED = [
    text.replace("%00", "\0").replace("%2f", "/").replace("%5c", "\\").encode()
    for text in HOSTILE
    if text != "1.2.3%00"  # a UID that is padded, as it should be
]


@pytest.mark.parametrize("tag", TAGS.values(), ids=TAGS)
def test_instances_with_such_uids_are_refused_alone(site: Site, tag: bytes, tmp_path: Path) -> None:
    good = part10(dataset())
    bad = [with_uid(good, tag, text) for text in UNESCAPED]
    response = site.store([*bad, good])
    assert response.status_code == 202
    found = response.json()
    failed = found.get("00081198", {}).get("Value", []) + found.get("0008119A", {}).get("Value", [])
    assert len(failed) == len(bad)
    assert len(found["00081199"]["Value"]) == 1
    assert len(site.search("/instances")) == 1
    everything = {str(path) for path in tmp_path.rglob("*")}
    assert not [path for path in everything if ELSEWHERE in path]


@pytest.mark.parametrize("tag", ["0020000D", "0020000E", "00080018", "00080016"])
def test_metadata_with_such_uids_are_refused(site: Site, tag: str) -> None:
    uids = {
        "00080016": "1.2.840.10008.5.1.4.1.1.88.11",
        "00080018": INSTANCE,
        "0020000D": STUDY,
        "0020000E": SERIES,
    }
    data_sets = [
        {key: {"vr": "UI", "Value": [value]} for key, value in {**uids, tag: text}.items()}
        for text in HOSTILE
    ]
    response = site.request(
        "POST",
        "/studies",
        headers={"Content-Type": "application/dicom+json", "Accept": "application/dicom+json"},
        content=json.dumps(data_sets).encode(),
    )
    assert response.status_code == 409, response.text
    assert site.search("/instances") == []


@pytest.mark.parametrize("uid", ["1.2.3.", ".1.2.3", "1.2.3..", "..1"])
def test_names_in_archives_and_dispositions_are_safe_everywhere(site: Site, uid: str) -> None:
    data = with_uid(part10(dataset()), TAGS["study"], uid.encode())
    assert site.store([data]).status_code == 200
    response = site.get(f"/studies/{uid}", "application/zip")
    with zipfile.ZipFile(BytesIO(response.content)) as archive:
        names = archive.namelist()
    told = re.fullmatch(r'attachment; filename="([^"]+)"', response.headers["content-disposition"])
    assert told is not None
    for name in [part for path in names for part in path.split("/")] + [told[1]]:
        assert re.fullmatch(r"[0-9_][0-9._]*(\.dcm|\.zip)?", name)
        assert not name.endswith(".")


def test_names_stay_different_and_in_small_letters() -> None:
    uids = ["1.2", "1.2.", ".1.2", "1.2..", "..1.2"]
    names = {member_name(f"/studies/{u}/series/1.2/instances/1.2") for u in uids}
    assert len({name.lower() for name in names}) == len(uids)


def test_files_of_odd_names_are_imported_as_they_are(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    files = demo_study()
    for number, name in enumerate(FILE_NAMES):
        data = files[number]
        place = os.path.join(os.fsencode(folder), name)  # noqa: PTH118 - names that are no text
        with open(place, "wb") as file:
            file.write(data if number % 2 else data[:2000])
    before = set(tmp_path.iterdir())
    done = subprocess.run(
        [sys.executable, "-m", "dicomweb_server", "import", "--data", "data", str(folder)],
        capture_output=True,
        cwd=tmp_path,
        timeout=60,
        env=plain_environment(),
    )
    assert done.returncode == 3, done.stderr
    assert f"{len(FILE_NAMES)} found, {len(FILE_NAMES) // 2} stored" in done.stdout.decode()
    assert b"Traceback" not in done.stderr
    text = done.stderr.decode()
    assert text.count("failed: ") == text.count("\n") == (len(FILE_NAMES) + 1) // 2
    assert all(line.isprintable() for line in text.splitlines())
    assert set(tmp_path.iterdir()) - before == {tmp_path / "data"}


def test_links_out_of_a_folder_are_not_followed(tmp_path: Path) -> None:
    outside, folder = tmp_path / ELSEWHERE, tmp_path / "files"
    folder.mkdir()
    outside.write_bytes(demo_study()[0])
    (folder / "sound.dcm").write_bytes(demo_study()[1])
    (folder / "out.dcm").symlink_to(outside)
    (folder / "up.dcm").symlink_to(Path("..", ELSEWHERE))
    (folder / "folder").symlink_to(tmp_path)
    (folder / "inside.dcm").symlink_to("sound.dcm")
    (folder / "loop").symlink_to("loop")
    found = [Path(each.name).name for each in discover([folder]) if isinstance(each, Candidate)]
    assert sorted(found) == ["inside.dcm", "sound.dcm"]


def directory_naming(components: list[str]) -> bytes:
    """A DICOMDIR with one reference."""
    before = config.settings.writing_validation_mode
    config.settings.writing_validation_mode = config.IGNORE
    try:
        record = Dataset()
        record.DirectoryRecordType = "IMAGE"
        record.ReferencedFileID = components
        made = dataset(
            SOPClassUID="1.2.840.10008.1.3.10", DirectoryRecordSequence=[record], PixelData=None
        )
        return part10(made)
    finally:
        config.settings.writing_validation_mode = before


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("text", UNESCAPED, ids=lambda text: quote(text)[:40])
def test_references_of_a_dicomdir_stay_in_its_folder(text: bytes, tmp_path: Path) -> None:
    medium = tmp_path / "medium"
    medium.mkdir()
    (tmp_path / ELSEWHERE).write_bytes(demo_study()[0])
    (tmp_path / "1.2.3").write_bytes(demo_study()[0])
    name = text.decode("latin-1")
    for components in ([name], ["A", "..", "..", name]):
        (medium / "DICOMDIR").write_bytes(directory_naming(components))
        try:
            found = list(discover([medium / "DICOMDIR"]))
        except InvalidRequest:
            continue
        assert not [each for each in found if isinstance(each, Candidate)]
