"""Patient data in no log, refusal, name of a file or argument, whatever is asked (T28)."""

from __future__ import annotations

import json
import re
import resource
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit

from dicomweb_server.web.routes import ROUTES
from tests.datasets import INSTANCE, SERIES, STUDY, dataset, part10
from tests.live.server import KINDS, Server, eventually, running
from tests.site import multipart

NAME, NUMBER, DATE = "Xylokanarius", "KNR4711815", "18230509"
CANARIES = (NAME, NUMBER, DATE, "1823-05-09", "Kanariengasse")
VALUES = {
    "PatientName": f"{NAME}^Ottokar",
    "PatientID": NUMBER,
    "PatientBirthDate": DATE,
    "AccessionNumber": NUMBER,
    "StudyDescription": f"Knee of {NAME}",
    "StudyID": NUMBER,
    "PatientAddress": "Kanariengasse 7",
    "ReferringPhysicianName": f"{NAME}^Ada",
}
MULTIPART = 'multipart/related; type="application/dicom"; boundary=limit'
ACCEPTS = ("*/*", "application/dicom+json", "application/dicom", "image/jpeg", "text/html", "x/y")


@pytest.fixture(scope="module", params=KINDS)
def talkative(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that logs all that it can."""
    with running(str(request.param), {"DICOMWEB_LOG__LEVEL": "debug"}) as server:
        yield server


def files() -> list[bytes]:
    """Sound and broken instances that all name the patient."""
    sound = part10(dataset(**VALUES))
    other = part10(dataset(**VALUES, SOPInstanceUID=INSTANCE + ".1", Modality="OT"))
    ruined = dataset(**VALUES, SOPInstanceUID=INSTANCE + ".2")
    ruined.PixelData = encapsulate([f"{NAME} is no picture ".encode()])
    ruined["PixelData"].VR = "OB"
    return [
        sound,
        other,
        part10(ruined, JPEGBaseline8Bit),
        part10(dataset(**VALUES, SOPInstanceUID=INSTANCE + ".3", Rows=60_000)),
        sound.replace(b"Doe", b"Roe")[:-10],
        sound.replace(b"\x10\0\x10\0PN", b"\x10\0\x10\0ZZ"),
        sound.replace(b"1.2.3.4\0", NAME[:8].encode()),
        sound.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0"),
        NAME.encode() * 100,
    ]


def queries() -> Iterator[str]:
    """Searches that name the patient, right and wrong."""
    name, number = quote(NAME), NUMBER
    for level in ("studies", "series", "instances", f"studies/{STUDY}/series"):
        yield f"/{level}?PatientName={name}*"
        yield f"/{level}?PatientName={name}&fuzzymatching=true&includefield=all"
        yield f"/{level}?PatientName={name}&fuzzymatching={name}"
        yield f"/{level}?PatientID={number}&limit={name}"
        yield f"/{level}?PatientID={number}&orderby={name}"
        yield f"/{level}?PatientBirthDate={DATE}-{name}"
        yield f"/{level}?StudyDate={name}"
        yield f"/{level}?StudyTime={number}"
        yield f"/{level}?StudyInstanceUID={name}"
        yield f"/{level}?includefield={name}"
        yield f"/{level}?cursor={name}"
        yield f"/{level}?PatientName={'%2A' + name * 40}"
        yield f"/{level}?PatientName={name}%ff"
        yield f"/{level}?PatientName={name}%00"
        yield f"/{level}?AccessionNumber={number}%5C{number}&SeriesNumber={name}"
    base = f"?requestType=WADO&studyUID={STUDY}&seriesUID={SERIES}&objectUID={INSTANCE}"
    for more in ("contentType", "frameNumber", "rows", "windowCenter", "region", "annotation"):
        yield f"/wado{base}&{more}={name}"
    yield f"/wado?requestType=WADO&studyUID={name}&seriesUID={number}&objectUID=1"
    yield f"/wado?requestType={name}"


def paths() -> Iterator[tuple[str, str]]:
    """Every route, for what is there and for what carries a name in its path."""
    for uid in (INSTANCE, INSTANCE + ".2", INSTANCE + ".3", "9.9"):
        there = {
            "study": STUDY,
            "series": SERIES,
            "instance": uid,
            "frames": "1",
            "path": "7FE00010",
        }
        yield from _filled(there)
    yield from _filled(dict.fromkeys(("study", "series", "instance", "frames", "path"), NAME))
    yield from _filled(
        {"study": STUDY, "series": SERIES, "instance": INSTANCE} | {"frames": NAME, "path": NAME}
    )


def _filled(values: dict[str, str]) -> Iterator[tuple[str, str]]:
    for row in ROUTES:
        if row.method == "GET":
            path = row.template
            for name, value in values.items():
                path = path.replace(f"{{{name}}}", value)
            yield row.method, path.replace("{root}", "/dicom-web")


def answers(client: httpx.Client) -> Iterator[httpx.Response]:
    """All answers to a broad walk over the server."""
    kind = {"Content-Type": MULTIPART, "Accept": "application/dicom+json"}
    yield client.post("/dicom-web/studies", content=multipart(files()), headers=kind)
    yield client.post("/dicom-web/studies/9.9", content=multipart(files()[:2]), headers=kind)
    yield client.post("/dicom-web/studies", content=multipart([NAME.encode()])[:-20], headers=kind)
    for wrong in (
        f"text/{NAME}",
        f'multipart/related; type="{NAME}"; boundary=x',
        "application/json",
    ):
        body = json.dumps([{NAME: VALUES}, {"00100010": {"vr": "PN", "Value": [NAME]}}])
        yield client.post("/dicom-web/studies", content=body, headers={"Content-Type": wrong})
    for text in (f'[{{"00100020":{{"vr":"{NAME}"}}}}]', f'["{NAME}', f"<{NAME}>{NAME}</x>"):
        for given in ("application/dicom+json", "application/dicom+xml"):
            yield client.post("/dicom-web/studies", content=text, headers={"Content-Type": given})
    for query in queries():
        yield client.get("/dicom-web" + query)
        yield client.get("/dicom-web" + query, headers={"Accept": "application/dicom+xml"})
    for number, (method, path) in enumerate(paths()):
        yield client.request(method, path, headers={"Accept": ACCEPTS[number % len(ACCEPTS)]})
    for name in (
        "Accept",
        "Range",
        "If-None-Match",
        "Accept-Charset",
        "Forwarded",
        "Host",
        "Origin",
    ):
        headers = {name: f"{NAME}/{NUMBER}"}
        yield client.get(f"/dicom-web/studies/{STUDY}/metadata", headers=headers)
    for odd in ("PUT", "PATCH", "TRACE", "OPTIONS"):
        yield client.request(odd, f"/dicom-web/studies/{NAME}?PatientName={NAME}")
    yield client.get(f"/{NAME}?{NAME}={NAME}")
    yield client.delete(f"/dicom-web/studies/{NAME}")
    yield client.delete(f"/dicom-web/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}.1")


def told_by(text: str) -> list[str]:
    return [
        line[:300]
        for line in text.splitlines()
        if re.search("|".join(CANARIES), line, re.IGNORECASE)
    ]


def test_no_patient_is_named_anywhere(talkative: Server) -> None:
    seen: dict[int, int] = {}
    last = ""
    with httpx.Client(base_url=talkative.url, timeout=60) as client:
        for answer in answers(client):
            seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
            last = answer.headers.get("x-request-id", last)
            if answer.headers.get("content-type", "").startswith("application/problem+json"):
                document = answer.json()
                document.pop("asked", None)  # media types, as the client names them
                if answer.status_code == 415:
                    del document["detail"]
                assert told_by(json.dumps(document)) == [], answer.request.url
            if answer.request.method == "POST":  # others name the parameters that were sent
                assert told_by("\n".join(answer.headers.get_list("warning"))) == []
    log = talkative.data.parent / "log"
    assert eventually(lambda: last in log.read_text())
    assert sum(seen.values()) > 300
    assert {200, 400, 404, 405, 406, 415} <= set(seen), seen
    assert 500 not in seen, seen
    assert told_by(log.read_text()) == []
    assert told_by("\n".join(map(str, talkative.data.rglob("*")))) == []
    for pid in talkative.pids:
        assert told_by(Path(f"/proc/{pid}/cmdline").read_text(errors="replace")) == []
        limit, hard = resource.prlimit(pid, resource.RLIMIT_CORE)
        assert max(limit, hard) <= 1
