"""Cancellation and receivers that refuse, played by pynetdicom."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event
from pynetdicom.presentation import build_role

from dicomweb_server.dimse.peers import Peer
from tests.datasets import dataset, part10
from tests.dimse.archives import keys
from tests.dimse.live import TITLE, Live, serving
from tests.interop.retrievals import EVERYTHING, free_port
from tests.interop.stored import keep

CT, CAPTURE = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.7"
MOVE, GET = "1.2.840.10008.5.1.4.1.2.2.2", "1.2.840.10008.5.1.4.1.2.2.3"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY = keys("STUDY", StudyInstanceUID="1.2.3")
COUNT = 30


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[Live]:
    peers = [
        Peer("TESTER", "127.0.0.1", 0, tls=False, allow=EVERYTHING),
        Peer("RECEIVER", "127.0.0.1", port, tls=False, allow=EVERYTHING),
    ]
    files = [
        part10(dataset(SOPClassUID=CT if n % 3 == 0 else CAPTURE, SOPInstanceUID=f"1.2.3.4.{n}"))
        for n in range(COUNT)
    ]
    with serving(tmp_path_factory.mktemp("archive"), peers) as running:
        keep(running, files)
        yield running


def moved(
    live: Live, port: int, classes: list[str], status: int = 0
) -> tuple[Dataset, Dataset | None, list[tuple[str, int]]]:
    """The last response to a C-MOVE, and what the receiver was told of its origin."""
    origins = []

    def store(event: Event) -> int:
        assert isinstance(event.request, C_STORE)
        origin = str(event.request.MoveOriginatorApplicationEntityTitle)
        origins.append((origin, event.assoc.native_id or 0))
        return status

    receiver = ApplicationEntity("RECEIVER")
    for uid in classes:
        receiver.add_supported_context(uid, ExplicitVRLittleEndian)
    handlers = [(evt.EVT_C_STORE, store)]
    receiver.start_server(("127.0.0.1", port), block=False, evt_handlers=list(handlers))
    entity = ApplicationEntity("TESTER")
    entity.add_requested_context(MOVE)
    try:
        association = entity.associate("127.0.0.1", live.port, ae_title=TITLE)
        responses = list(association.send_c_move(STUDY, "RECEIVER", MOVE, msg_id=5))
        association.release()
    finally:
        receiver.shutdown()
    status_set, identifier = responses[-1]
    return status_set, identifier, origins


def test_a_class_that_is_refused_costs_its_own_instances(live: Live, port: int) -> None:
    status, identifier, origins = moved(live, port, [CAPTURE])
    assert status.Status == 0xB000
    assert status.NumberOfCompletedSuboperations == 20
    assert status.NumberOfFailedSuboperations == 10
    assert identifier is not None
    assert set(identifier.FailedSOPInstanceUIDList) == {f"1.2.3.4.{n}" for n in range(0, COUNT, 3)}
    assert {title for title, _ in origins} == {"TESTER"}
    assert len({thread for _, thread in origins}) == 1  # one association for all of them


@pytest.mark.parametrize(
    ("answer", "status", "name"),
    [
        (0xA700, 0xA702, "NumberOfFailedSuboperations"),
        (0xB007, 0x0000, "NumberOfWarningSuboperations"),
    ],
)
def test_what_the_receiver_says_is_counted(
    live: Live, port: int, answer: int, status: int, name: str
) -> None:
    told, _, _ = moved(live, port, [CT, CAPTURE], answer)
    assert told.Status == status
    assert told[name].value == COUNT


def test_a_get_is_cancelled(live: Live) -> None:
    """The peer cancels within the first sub-operation: not all of them follow."""
    received = []

    def store(event: Event) -> int:
        received.append(event.event)
        if len(received) == 1:
            event.assoc.send_c_cancel(9, None, GET)
        return 0

    entity = ApplicationEntity("TESTER")
    entity.add_requested_context(GET)
    roles = []
    for uid in (CT, CAPTURE):
        entity.add_requested_context(uid, ExplicitVRLittleEndian)
        roles.append(build_role(uid, scp_role=True))
    association = entity.associate(
        "127.0.0.1",
        live.port,
        ae_title=TITLE,
        ext_neg=list(roles),
        evt_handlers=[(evt.EVT_C_STORE, store)],
    )
    responses = list(association.send_c_get(STUDY, GET, msg_id=9))
    status, _ = responses[-1]
    assert status.Status == 0xFE00
    assert 0 < len(received) < COUNT
    assert status.NumberOfRemainingSuboperations == COUNT - len(received)
    assert status.NumberOfCompletedSuboperations == len(received)
    assert association.is_established
    association.release()


def test_nothing_stays_behind_when_the_peer_aborts(live: Live, tmp_path: Path) -> None:
    entity = ApplicationEntity("TESTER")
    entity.add_requested_context(FIND)
    association = entity.associate("127.0.0.1", live.port, ae_title=TITLE)
    responses = association.send_c_find(keys("STUDY", StudyInstanceUID=""), FIND)
    next(responses)
    association.abort()
    other = entity.associate("127.0.0.1", live.port, ae_title=TITLE)
    assert other.is_established
    other.release()
