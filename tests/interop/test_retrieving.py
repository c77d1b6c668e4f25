"""C-GET and C-MOVE asked by DCMTK: what arrives equals what was stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

from dicomweb_server.dicom.implicit import data_set
from dicomweb_server.dimse.peers import Peer
from tests.datasets import part10
from tests.dimse.archives import keys
from tests.dimse.live import Live, serving
from tests.dimse.questions import instances
from tests.interop.retrievals import (
    EVERYTHING,
    GETSCU,
    MOVESCU,
    STORESCP,
    asked,
    data_sets,
    free_port,
    receiving,
)
from tests.interop.stored import keep

IMPLICIT = "1.2.840.10008.1.2"

pytestmark = pytest.mark.skipif(
    not (GETSCU and MOVESCU and STORESCP), reason="getscu, movescu or storescp is not installed"
)


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[Live]:
    peers = [
        Peer("TESTER", "127.0.0.1", 0, tls=False, allow=EVERYTHING),
        Peer("RECEIVER", "127.0.0.1", port, tls=False, allow=EVERYTHING),
        Peer("DOWN", "127.0.0.1", free_port(), tls=False, allow=EVERYTHING),
    ]
    with serving(tmp_path_factory.mktemp("archive"), peers) as running:
        keep(running, [part10(found) for found in instances()])
        yield running


def own(**wanted: str) -> dict[str, bytes]:
    """The encoded data sets of the instances that have some values."""
    chosen = [each for each in instances() if all(each[k].value == v for k, v in wanted.items())]
    return {str(each.SOPInstanceUID): b"".join(data_set([part10(each)])) for each in chosen}


WANTED = [
    (("-P",), keys("PATIENT", PatientID="P2"), {"PatientID": "P2"}),
    (("-S",), keys("STUDY", StudyInstanceUID="1.2.2.1"), {"StudyInstanceUID": "1.2.2.1"}),
    (
        ("-S",),
        keys("SERIES", StudyInstanceUID="1.2.2.1", SeriesInstanceUID="1.2.2.1.1"),
        {"SeriesInstanceUID": "1.2.2.1.1"},
    ),
    (
        ("-P",),
        keys(
            "IMAGE",
            PatientID="P2",
            StudyInstanceUID="1.2.2.1",
            SeriesInstanceUID="1.2.2.1.1",
            SOPInstanceUID=["1.2.2.1.1.2", "1.2.99"],
        ),
        {"SOPInstanceUID": "1.2.2.1.1.2"},
    ),
    (("-S",), keys("STUDY", StudyInstanceUID="1.2.99"), {"StudyInstanceUID": "1.2.99"}),
]


@pytest.mark.parametrize(("options", "wanted", "values"), WANTED)
def test_getscu_gets_what_was_stored(
    live: Live, tmp_path: Path, options: tuple[str, ...], wanted: Dataset, values: dict[str, str]
) -> None:
    folder = tmp_path / "got"
    folder.mkdir()
    said = asked(live, tmp_path, GETSCU, wanted, *options, "-od", str(folder))
    assert data_sets(folder) == own(**values)
    assert "0x0000: Success" in said


@pytest.mark.parametrize(("options", "wanted", "values"), WANTED)
def test_movescu_moves_what_was_stored(
    live: Live,
    tmp_path: Path,
    port: int,
    options: tuple[str, ...],
    wanted: Dataset,
    values: dict[str, str],
) -> None:
    with receiving(tmp_path / "moved", port) as folder:
        said = asked(live, tmp_path, MOVESCU, wanted, *options, "-aem", "RECEIVER")
        assert data_sets(folder) == own(**values)
    assert "0x0000: Success" in said


def test_a_receiver_of_implicit_vr_alone(live: Live, tmp_path: Path, port: int) -> None:
    wanted = keys("STUDY", StudyInstanceUID="1.2.2.1")
    with receiving(tmp_path / "moved", port, "+xi") as folder:
        said = asked(live, tmp_path, MOVESCU, wanted, "-S", "-aem", "RECEIVER")
        found = {path: dcmread(path) for path in folder.iterdir()}
    assert "0x0000: Success" in said
    assert len(found) == len(own(StudyInstanceUID="1.2.2.1"))
    sent = {str(each.SOPInstanceUID): each for each in instances()}
    for each in found.values():
        assert each.file_meta.TransferSyntaxUID == IMPLICIT
        assert each.PixelData == sent[str(each.SOPInstanceUID)].PixelData
        assert each.PatientName == sent[str(each.SOPInstanceUID)].PatientName


def test_a_destination_that_is_not_listed(live: Live, tmp_path: Path) -> None:
    wanted = keys("STUDY", StudyInstanceUID="1.2.2.1")
    assert "0xa801" in asked(live, tmp_path, MOVESCU, wanted, "-S", "-aem", "NOBODY").lower()


def test_a_destination_that_is_down(live: Live, tmp_path: Path) -> None:
    wanted = keys("STUDY", StudyInstanceUID="1.2.2.1")
    said = asked(live, tmp_path, MOVESCU, wanted, "-S", "-aem", "DOWN")
    assert "0xa702" in said.lower()
    assert f"Failed Suboperations          : {len(own(StudyInstanceUID='1.2.2.1'))}" in said


def test_a_receiver_that_ends_in_the_middle(live: Live, tmp_path: Path, port: int) -> None:
    wanted = keys("STUDY", StudyInstanceUID="1.2.2.1")
    with receiving(tmp_path / "moved", port, "--abort-during"):
        said = asked(live, tmp_path, MOVESCU, wanted, "-S", "-aem", "RECEIVER")
    assert "0xa702" in said.lower()


@pytest.mark.parametrize(
    "wanted",
    [
        keys("STUDY"),
        keys("STUDY", StudyInstanceUID="1.2.*"),
        keys("SERIES", SeriesInstanceUID="1.2.2.1.1"),
        keys("FRAME", StudyInstanceUID="1.2"),
    ],
)
def test_what_is_wrong_is_told(live: Live, tmp_path: Path, wanted: Dataset) -> None:
    for program, options in ((GETSCU, ()), (MOVESCU, ("-aem", "RECEIVER"))):
        assert "0xa900" in asked(live, tmp_path, program, wanted, "-S", *options).lower()
