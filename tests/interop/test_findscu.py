"""C-FIND asked by DCMTK's findscu and by pynetdicom: the answers are those of QIDO-RS."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.uid import UID
from pynetdicom.ae import ApplicationEntity
from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation

from dicomweb_server.auth.open import OpenAuthorizer
from dicomweb_server.dicom.charset import NAMES as NAMES_END
from dicomweb_server.dicom.charset_out import writer_of
from dicomweb_server.dimse.archive import Archive as Services
from dicomweb_server.dimse.peers import Peers
from dicomweb_server.dimse.server import DimseServer
from dicomweb_server.model.ids import Level, Scope
from dicomweb_server.service.search import Search
from tests.datasets import part10
from tests.dimse.archives import PLAN, Archive, Counting, encoded, keys
from tests.dimse.live import BOUNDS, STRICT, TITLE, Live, serving
from tests.dimse.questions import NAMES, instances, queries, query_of, shown, tag_text
from tests.interop.stored import keep

FINDSCU = shutil.which("findscu")
STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"

pytestmark = pytest.mark.skipif(FINDSCU is None, reason="findscu of dcmtk is not installed")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with serving(tmp_path_factory.mktemp("archive")) as running:
        keep(running, [part10(found) for found in instances()])
        yield running


@pytest.fixture(scope="module")
def archive(live: Live) -> Archive:
    return Archive(live.services.search, live.bridge)


def findscu(
    live: Live, folder: Path, asked: Dataset, *options: str
) -> tuple[list[Dataset], str, list[Path]]:
    """The answers that findscu gets, what it says, and the files that it writes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    request = folder / "request.bin"
    request.write_bytes(encoded(asked))
    command = [str(FINDSCU), "-v", "-aec", TITLE, "-aet", "TESTER", "-X", "-od", str(folder)]
    command += [*(options or ("-S",)), "127.0.0.1", str(live.port), str(request)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    files = sorted(folder.glob("rsp*.dcm"))
    said = (done.stdout + done.stderr).decode("latin_1")
    return [dcmread(each, force=True) for each in files], said, files


@given(query=queries(), options=st.sampled_from([("-S", "-xi"), ("-S", "-xe")]))
@settings(max_examples=25, deadline=None)
def test_answers_are_those_of_qido(
    live: Live,
    archive: Archive,
    tmp_path_factory: pytest.TempPathFactory,
    query: tuple[Level, dict[str, str]],
    options: tuple[str, ...],
) -> None:
    level, values = query
    scope = {"StudyInstanceUID": "1.2.2.1", "SeriesInstanceUID": "1.2.2.1.1"}
    above = dict(list(scope.items())[: level - 1])
    values = {**values, **above}
    asked = query_of(level, values)
    found, said, _ = findscu(live, tmp_path_factory.getbasetemp() / "answers", asked, *options)
    assert "Received Final Find Response (Success)" in said
    own = {name: text.replace("\\", ",") for name, text in values.items() if name not in above}
    combined = {"StudyDate", "StudyTime"} <= own.keys()
    expected = archive.qido(level, Scope(*above.values()), own)
    if combined:  # not negotiated: each for itself
        return
    assert len(found) == len(expected)
    for answer, row in zip(found, expected, strict=True):
        told = answer.to_json_dict()
        for name in own:
            assert shown(told[tag_text(name)]) == shown(row.get(tag_text(name), {"vr": "UN"}))


@pytest.mark.parametrize(
    ("person", "terms"),
    [
        (1, "\\ISO 2022 IR 87"),
        (1, "ISO 2022 IR 13\\ISO 2022 IR 87"),
        (1, "ISO_IR 192"),
        (2, "\\ISO 2022 IR 149"),
        (3, "GB18030"),
        (3, "\\ISO 2022 IR 58"),
        (4, "ISO_IR 126"),
        (5, "ISO_IR 144"),
        (6, "ISO_IR 100"),
        (7, ""),
    ],
)
def test_names_are_found_and_read_in_every_script(
    live: Live, tmp_path: Path, person: int, terms: str
) -> None:
    """The name is asked for in the reader's set; another reads the answer by that set."""
    name = NAMES[person - 1][1]
    raw = writer_of(tuple(terms.split("\\"))).encode(name, NAMES_END)
    assert raw is not None
    asked = keys("STUDY", PatientID="")
    if terms:
        asked.SpecificCharacterSet = terms.split("\\")
    asked.add_new(0x00100010, "UN", raw + b" " * (len(raw) % 2))
    found, said, files = findscu(live, tmp_path / "answers", asked)
    assert "Received Final Find Response (Success)" in said
    assert [answer.PatientID for answer in found] == [f"P{person}"] * 2
    if "ISO 2022 IR 87" in terms:  # which the C library that DCMTK converts with does not know
        assert [str(answer.PatientName) for answer in found] == [name] * 2
        return
    for file in files:
        command = ["dcmdump", "+U8", "+P", "0010,0010", str(file)]
        dumped = subprocess.run(command, capture_output=True, timeout=60, check=True).stdout
        assert f"[{name}]" in dumped.decode()


def test_patients_in_the_patient_root(live: Live, tmp_path: Path) -> None:
    asked = keys("PATIENT", PatientID="P?", NumberOfPatientRelatedStudies="")
    for model in ("-P", "-O"):
        found, said, _ = findscu(live, tmp_path / "answers", asked, model)
        assert "Received Final Find Response (Success)" in said
        assert [(a.PatientID, a.NumberOfPatientRelatedStudies) for a in found] == [
            (f"P{number}", 2) for number in range(1, 8)
        ]


@pytest.mark.parametrize(
    ("asked", "options", "status", "comment"),
    [
        (keys("SERIES"), ("-S",), "0xa900", "StudyInstanceUID: needs a single value"),
        (keys("PATIENT"), ("-S",), "0xa900", "QueryRetrieveLevel: must be one of STUDY"),
        (keys("SERIES", PatientID="P1"), ("-O",), "0xa900", "QueryRetrieveLevel"),
        (keys("STUDY", StudyDate="yesterday"), ("-S",), "0xa900", "StudyDate: is malformed"),
    ],
)
def test_what_is_wrong_is_told(
    live: Live, tmp_path: Path, asked: Dataset, options: tuple[str, ...], status: str, comment: str
) -> None:
    _, said, _ = findscu(live, tmp_path / "answers", asked, "-d", *options)
    assert status in said.lower()
    assert comment in said
    assert "yesterday" not in said.partition("Received Final Find Response")[2]


def test_keys_that_are_not_supported_are_told(live: Live, tmp_path: Path) -> None:
    asked = keys("STUDY", PatientID="P1", SeriesNumber="1")
    found, said, _ = findscu(live, tmp_path / "answers", asked, "-d", "-S")
    assert len(found) == 2
    assert "0xff01" in said.lower()
    assert "SeriesNumber" not in found[0]


def ask(live: Live, asked: Dataset, sop_class: str, information: bytes) -> tuple[bytes, list[int]]:
    """What a negotiation gives, and the statuses of the responses."""
    entity = ApplicationEntity("TESTER")
    entity.add_requested_context(sop_class)
    item = SOPClassExtendedNegotiation()
    item.sop_class_uid, item.service_class_application_information = sop_class, information
    association = entity.associate("127.0.0.1", live.port, ae_title=TITLE, ext_neg=[item])
    assert association.is_established
    accepted = association.acceptor.sop_class_extended.get(UID(sop_class), b"")
    responses = association.send_c_find(asked, sop_class)
    statuses = [int(status.Status) for status, _ in responses]
    association.release()
    return accepted, statuses


def test_a_query_is_cancelled(live: Live) -> None:
    """The peer cancels behind the first of 100,000 answers."""
    services = live.services
    archive = Services(
        authenticator=services.authenticator,
        ingest=services.ingest,
        search=Search(Counting(100_000), OpenAuthorizer(), 5.0),
        retrieve=services.retrieve,
        plan=PLAN,
        title=TITLE,
        peers=Peers(()),
    )
    server = DimseServer(archive, live.bridge, BOUNDS, STRICT)
    listening = socket.create_server(("127.0.0.1", 0))
    server.listen(listening)
    entity = ApplicationEntity("TESTER")
    entity.add_requested_context(STUDY_ROOT_FIND)
    association = entity.associate("127.0.0.1", listening.getsockname()[1], ae_title=TITLE)
    statuses: list[int] = []
    for status, _ in association.send_c_find(keys("STUDY", PatientID=""), STUDY_ROOT_FIND, 7):
        if not statuses:
            association.send_c_cancel(7, None, STUDY_ROOT_FIND)
        statuses.append(int(status.Status))
    assert set(statuses[:-1]) == {0xFF00}
    assert statuses[-1] == 0xFE00
    assert len(statuses) < 100_000
    assert association.is_established
    association.release()
    server.close(5.0)


def test_relational_queries_are_negotiated(live: Live) -> None:
    asked = keys("IMAGE", SOPInstanceUID="1.2.2.1.1.1")
    assert ask(live, asked, STUDY_ROOT_FIND, b"\1\1\1\1\1") == (b"\1\1\1\0\0", [0xFF00, 0])
    assert ask(live, asked, STUDY_ROOT_FIND, b"\0") == (b"\0", [0xA900])
