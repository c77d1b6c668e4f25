"""C-STORE by a peer of raw bytes: statuses, what is kept, and what is not (F23)."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from pydicom import Dataset, dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from dicomweb_server.auth.open import ANYONE
from dicomweb_server.dimse.peers import Peer
from dicomweb_server.dimse.verb import Permission
from dicomweb_server.model.ids import Level, Scope
from dicomweb_server.model.levels import IndexPlan
from dicomweb_server.model.limits import QueryLimits
from dicomweb_server.model.outcome import DuplicatePolicy
from dicomweb_server.service.context import Context
from dicomweb_server.wire import qido
from tests.datasets import dataset
from tests.dimse import raw
from tests.dimse.live import Live, serving
from tests.dimse.test_guard import await_none

CONTEXT = Context(ANYONE, "test")
CT = "1.2.840.10008.5.1.4.1.1.2"


def fresh() -> str:
    """A UID that nobody else has."""
    return f"2.25.{uuid4().int}"


def encoded(source: Dataset) -> bytes:
    """A data set in Explicit VR Little Endian."""
    target = DicomBytesIO()
    target.is_little_endian, target.is_implicit_VR = True, False
    write_dataset(target, source)
    return target.getvalue()


def found(live: Live) -> list[str]:
    """SOP Instance UIDs of all instances that a search finds."""
    parsed = qido.parse(Level.INSTANCE, Scope(), (), IndexPlan.of(), QueryLimits())
    page = live.run(live.services.search.search(CONTEXT, parsed.query, ""))
    return [json.loads(row)["00080018"]["Value"][0] for row in page.rows]


def blobs(folder: Path) -> list[Path]:
    """Files of stored instances."""
    return [path for path in (folder / "blobs").rglob("*") if path.is_file()]


def staged(folder: Path) -> list[Path]:
    """Files on their way in."""
    found = (folder / "staging").rglob("*")
    return [path for path in found if path.is_file() and path.name != "lock"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("archive")


@pytest.fixture(scope="module")
def live(folder: Path) -> Iterator[Live]:
    with serving(folder) as running:
        yield running


def store(peer: raw.Peer, source: Dataset, **named: str) -> tuple[int, str]:
    """Status and comment of a C-STORE of a data set, possibly under other names than its own."""
    sop_class = named.get("sop_class", source.SOPClassUID)
    instance = named.get("instance", source.SOPInstanceUID)
    peer.send(raw.store_rq(encoded(source), sop_class, instance))
    return peer.status()


def test_stored_bytes_are_the_file_meta_and_the_data_set_as_it_came(tmp_path: Path) -> None:
    source = dataset(SOPInstanceUID=fresh())
    with serving(tmp_path) as running:
        with raw.Peer.associate(running.port) as peer:
            assert store(peer, source) == (0, "")
            assert found(running) == [source.SOPInstanceUID]
        (blob,) = blobs(tmp_path)
        assert blob.read_bytes().endswith(encoded(source))
        meta = dcmread(blob).file_meta
        assert meta.MediaStorageSOPClassUID == source.SOPClassUID
        assert meta.MediaStorageSOPInstanceUID == source.SOPInstanceUID
        assert meta.TransferSyntaxUID == raw.EXPLICIT
        assert meta.SourceApplicationEntityTitle == "PEER"
        assert len(blob.read_bytes()) == 144 + meta.FileMetaInformationGroupLength + len(
            encoded(source)
        )


def test_same_instance_again_is_a_success(live: Live) -> None:
    source = dataset(SOPInstanceUID=fresh())
    with raw.Peer.associate(live.port) as peer:
        assert [store(peer, source)[0] for _ in range(3)] == [0, 0, 0]


def test_other_bytes_under_the_same_uid_are_a_warning(live: Live) -> None:
    uid = fresh()
    with raw.Peer.associate(live.port) as peer:
        assert store(peer, dataset(SOPInstanceUID=uid))[0] == 0
        status, comment = store(peer, dataset(SOPInstanceUID=uid, PatientName="Roe^Jane"))
    assert status == 0xB00E
    assert comment.startswith("other bytes are stored")


def test_other_bytes_are_refused_where_the_settings_say_so(tmp_path: Path) -> None:
    uid = fresh()
    with (
        serving(tmp_path, duplicates=DuplicatePolicy.REJECT) as strict,
        raw.Peer.associate(strict.port) as peer,
    ):
        assert store(peer, dataset(SOPInstanceUID=uid))[0] == 0
        assert store(peer, dataset(SOPInstanceUID=uid, PatientID="P2"))[0] == 0xC111


def test_instance_above_the_limit_is_out_of_resources(tmp_path: Path) -> None:
    large = dataset(SOPInstanceUID=fresh(), EncapsulatedDocument=bytes(9_000_000))
    with (
        serving(tmp_path, most=100_000) as small,
        raw.Peer.associate(small.port) as peer,
    ):
        status, comment = store(peer, large)
        assert (status, comment) == (0xA700, "an instance may have 100000 bytes at most")
        assert store(peer, dataset())[0] == 0  # the association goes on
        assert found(small) == ["1.2.3.4.5"]
    assert not staged(tmp_path)


@pytest.mark.parametrize("named", [{"sop_class": CT}, {"instance": "1.2.3.4.5.6"}])
def test_data_set_of_another_class_or_instance_is_a_mismatch(
    live: Live, named: dict[str, str]
) -> None:
    source = dataset(SOPInstanceUID=fresh())
    contexts = (raw.ECHO, raw.Context(3, named.get("sop_class", raw.SECONDARY_CAPTURE)))
    with raw.Peer.associate(live.port, contexts) as peer:
        assert store(peer, source, **named)[0] == 0xA900
    assert source.SOPInstanceUID not in found(live)


def test_class_of_another_presentation_context_is_not_supported(live: Live) -> None:
    with raw.Peer.associate(live.port) as peer:
        assert store(peer, dataset(SOPInstanceUID=fresh()), sop_class=CT)[0] == 0x0122


@pytest.mark.parametrize(
    "data", [b"", b"\x08", b"no data set at all" * 50, bytes(range(256)) * 1000]
)
def test_what_is_no_data_set_is_not_understood(live: Live, data: bytes) -> None:
    with raw.Peer.associate(live.port) as peer:
        peer.send(raw.store_rq(data, raw.SECONDARY_CAPTURE, fresh()))
        assert peer.status()[0] & 0xF000 == 0xC000
        assert peer.echo() == 0


def test_request_without_instance_uid_is_not_understood(live: Live) -> None:
    elements: dict[int, int | str] = {
        0x0002: raw.SECONDARY_CAPTURE,
        0x0100: 1,
        0x0110: 1,
        0x0800: 1,
    }
    with raw.Peer.associate(live.port) as peer:
        peer.send(raw.pdu(raw.P_DATA, raw.value(3, 3, raw.command(elements))))
        peer.send(raw.pdu(raw.P_DATA, raw.value(3, raw.LAST, encoded(dataset()))))
        assert peer.status()[0] == 0xC000


@pytest.mark.parametrize(
    "sop_class",
    [
        "1.2.840.10008.5.1.1.29",  # Hardcopy Grayscale Image Storage (Retired)
        "1.2.840.10008.5.1.4.1.1.5",  # Nuclear Medicine Image Storage (Retired)
        "1.3.12.2.1107.5.9.1",  # of one manufacturer
        "1.2.840.10008.5.1.4.1.1.9999",  # of a later edition
    ],
)
def test_retired_private_and_future_classes_are_stored(live: Live, sop_class: str) -> None:
    source = dataset(SOPInstanceUID=fresh(), SOPClassUID=sop_class)
    with raw.Peer.associate(live.port, (raw.ECHO, raw.Context(3, sop_class))) as peer:
        assert store(peer, source) == (0, "")


def test_who_may_not_store_negotiates_no_storage(tmp_path: Path) -> None:
    listed = (Peer("PEER", "127.0.0.1", 0, tls=False, allow=frozenset((Permission.ECHO,))),)
    with serving(tmp_path, listed) as running, raw.Peer.connect(running.port) as peer:
        peer.send(raw.associate_rq())
        assert raw.results(peer.receive()[1]) == {1: 0, 3: 3}


def test_large_data_set_in_tiny_fragments_arrives_whole(live: Live) -> None:
    source = dataset(SOPInstanceUID=fresh(), EncapsulatedDocument=bytes(300_000))
    data = encoded(source)
    one = b"".join(
        raw.value(3, raw.LAST if start + 100 >= len(data) else 0, data[start : start + 100])
        for start in range(0, len(data), 100)
    )
    with raw.Peer.associate(live.port) as peer:
        told = raw.store_command(source.SOPClassUID, source.SOPInstanceUID)
        peer.send(raw.pdu(raw.P_DATA, raw.value(3, 3, told) + one))
        assert peer.status() == (0, "")


def test_broken_off_anywhere_nothing_stays(tmp_path: Path) -> None:
    chance = random.Random(20)
    source = dataset(SOPInstanceUID=fresh(), EncapsulatedDocument=bytes(3_000_000))
    request = raw.store_rq(encoded(source), source.SOPClassUID, source.SOPInstanceUID, piece=16_000)
    with serving(tmp_path) as running:
        for turn in range(24):
            with raw.Peer.associate(running.port) as peer:
                peer.send(request[: chance.randrange(1, len(request) - 1)])
                _break_off(peer, turn % 4)
            if turn % 4 == 3:
                await_none(running)
        await_none(running)
        assert found(running) == []
        assert blobs(tmp_path) == []
        assert staged(tmp_path) == []
        with raw.Peer.associate(running.port) as peer:
            assert store(peer, source)[0] == 0


def _break_off(peer: raw.Peer, how: int) -> None:
    if how == 0:
        peer.send(raw.pdu(raw.ABORT, bytes(4)))
    elif how == 1:  # reset
        peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif how == 2:
        peer.connection.shutdown(socket.SHUT_WR)
    else:
        peer.send(raw.pdu(raw.RELEASE_RQ, bytes(4)))


def test_stopping_finishes_the_message_under_way_and_aborts_the_rest(tmp_path: Path) -> None:
    source = dataset(SOPInstanceUID=fresh())
    request = raw.store_rq(encoded(source), source.SOPClassUID, source.SOPInstanceUID, piece=300)
    with serving(tmp_path) as running:
        with raw.Peer.associate(running.port) as busy, raw.Peer.associate(running.port) as idle:
            busy.send(request[:-200])
            idle.echo()
            closing = running.bridge.begin(_close(running))
            assert idle.receive()[0] == raw.ABORT
            busy.send(request[-200:])
            assert busy.status() == (0, "")
            assert busy.receive()[0] == raw.ABORT
            closing.result(20)
        with pytest.raises(OSError, match="refused"):
            raw.Peer.connect(running.port)
        assert found(running) == [source.SOPInstanceUID]


async def _close(live: Live) -> None:
    await asyncio.to_thread(live.server.close, 10.0)
