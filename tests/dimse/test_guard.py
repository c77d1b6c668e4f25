"""What peers may not take, by a peer of raw bytes (T26, T27)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from struct import pack

import pytest

from tests.dimse import raw
from tests.dimse.live import BOUNDS, Live, serving
from tests.dimse.raw import ABORT, ASSOCIATE_RJ, GONE, P_DATA, RELEASE_RP, Context, Peer

BOMB = pack(">BBL", P_DATA, 0, 0xFFFFFFF0)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with serving(tmp_path_factory.mktemp("archive")) as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_stays(live: Live) -> Iterator[None]:
    """Whatever a peer did: associations end, and a good peer is served."""
    yield
    with Peer.associate(live.port) as good:
        assert good.echo() == 0
        assert good.release() == RELEASE_RP
    await_none(live)


def descriptors_open() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def await_none(live: Live) -> None:
    deadline = time.monotonic() + 20
    while live.server.associations and time.monotonic() < deadline:
        time.sleep(0.01)
    assert live.server.associations == 0


def test_length_bomb_before_an_association_is_refused_unread(live: Live) -> None:
    with Peer.connect(live.port) as peer:
        peer.send(pack(">BBL", raw.ASSOCIATE_RQ, 0, 0xFFFFFFF0))
        assert peer.receive()[0] == ABORT
        assert peer.receive() == GONE


def test_length_bomb_within_an_association_is_refused_unread(live: Live) -> None:
    with Peer.associate(live.port) as peer:
        peer.send(BOMB)
        assert peer.receive()[0] == ABORT


def test_association_request_above_64_kib_is_refused(live: Live) -> None:
    with Peer.connect(live.port) as peer:
        peer.send(pack(">BBL", raw.ASSOCIATE_RQ, 0, 64 * 1024 + 1))
        assert peer.receive()[0] == ABORT


def test_pdu_of_a_mebibyte_is_read_although_less_was_asked_for(live: Live) -> None:
    with Peer.associate(live.port) as peer:
        command = raw.value(1, raw.COMMAND | raw.LAST, raw.echo_command(1))
        data = bytes(1024 * 1024 - len(command) - 6)
        find = raw.value(1, 0, data)
        peer.send(raw.pdu(P_DATA, command + find))
        assert peer.receive()[0] == ABORT  # read, and then it is data without a command


def test_http_on_the_port_is_answered_with_an_abort(live: Live) -> None:
    with Peer.connect(live.port) as peer:
        peer.send(b"GET /dicom-web/studies HTTP/1.1\r\nHost: here\r\n\r\n")
        assert peer.receive()[0] == ABORT
        assert peer.receive() == GONE


@pytest.mark.parametrize("sent", [1, 5, 6, 7, 60, 150])
def test_part_of_a_pdu_and_no_more_ends_with_the_connection(live: Live, sent: int) -> None:
    with Peer.connect(live.port) as peer:
        peer.send(raw.associate_rq()[:sent])
        peer.connection.shutdown(1)
        while peer.receive() != GONE:
            pass


@pytest.mark.parametrize("sent", [1, 5, 8, 30])
def test_half_closed_within_a_message_ends(live: Live, sent: int) -> None:
    with Peer.associate(live.port) as peer:
        peer.send(raw.echo_rq()[:sent])
        peer.connection.shutdown(1)
        while peer.receive() != GONE:
            pass


def test_thousand_presentation_contexts_are_rejected(live: Live) -> None:
    contexts = [Context(n % 128 * 2 + 1, raw.VERIFICATION, (raw.IMPLICIT,)) for n in range(1000)]
    with Peer.connect(live.port) as peer:
        peer.send(raw.associate_rq(contexts=contexts))
        assert peer.receive()[0] in (ASSOCIATE_RJ, ABORT)


def test_all_128_presentation_contexts_are_answered(live: Live) -> None:
    contexts = [Context(2 * n + 1, f"1.2.3.{n}", (raw.IMPLICIT,)) for n in range(128)]
    with Peer.associate(live.port, contexts) as peer:
        assert peer.release() == RELEASE_RP


@pytest.mark.parametrize("number", [0, 2, 254])
def test_even_presentation_context_id_ends_the_association(live: Live, number: int) -> None:
    with Peer.connect(live.port) as peer:
        peer.send(raw.associate_rq(contexts=[Context(number, raw.VERIFICATION)]))
        assert peer.receive()[0] in (ASSOCIATE_RJ, ABORT, 0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0\0\0",
        raw.value(1, 3, b"")[:4] + b"\0\0",
        pack(">LBB", 0, 1, 3),
        pack(">LBB", 0x7FFFFFFF, 1, 3) + b"xxxx",
        raw.value(1, 3, b"\x08\x00\x00\x00\xff\xff\xff\xff"),
        raw.value(1, 0, b"data without a command"),
        raw.value(1, 3, raw.command({0x0100: 0x7777, 0x0800: 0x0101})),
        raw.value(1, 3, raw.store_command("1.2", "1.2.3")[:-3]),
        raw.value(99, 3, raw.echo_command(1)),
    ],
)
def test_data_that_breaks_the_protocol_ends_the_association(live: Live, body: bytes) -> None:
    with Peer.associate(live.port) as peer:
        peer.send(raw.pdu(P_DATA, body))
        assert peer.receive()[0] == ABORT


def test_command_in_endless_fragments_is_cut(live: Live) -> None:
    with Peer.associate(live.port) as peer:
        peer.send(raw.pdu(P_DATA, raw.value(1, raw.COMMAND, bytes(40_000))) * 2)
        assert peer.receive()[0] == ABORT


def test_requests_by_the_thousand_without_waiting_are_cut(live: Live) -> None:
    one = raw.value(1, raw.COMMAND | raw.LAST, raw.echo_command(1))
    with Peer.associate(live.port) as peer:
        peer.send(raw.pdu(P_DATA, one * 1000))
        kinds = {peer.receive()[0] for _ in range(40)}
        assert ABORT in kinds


def test_some_requests_without_waiting_are_answered_in_order(live: Live) -> None:
    with Peer.associate(live.port) as peer:
        for message in range(1, 9):
            peer.send(raw.echo_rq(message))
        assert [peer.status()[0] for _ in range(8)] == [0] * 8


def test_too_many_of_one_address_are_told_to_come_again(live: Live) -> None:
    peers = [Peer.associate(live.port) for _ in range(BOUNDS.per_address)]
    try:
        with Peer.connect(live.port) as refused:
            refused.send(raw.associate_rq())
            kind, body = refused.receive()
            assert (kind, tuple(body[1:])) == (ASSOCIATE_RJ, (2, 3, 2))
        assert peers[0].echo() == 0
    finally:
        for peer in peers:
            peer.connection.close()
    await_none(live)


def test_rounds_of_connect_and_abort_leave_no_thread_and_no_descriptor(live: Live) -> None:
    def rounds(number: int) -> None:
        for turn in range(number):
            with Peer.connect(live.port) as peer:
                if turn % 3:
                    peer.send(raw.associate_rq())
                    peer.receive()
                if turn % 3 == 2:
                    peer.send(raw.pdu(ABORT, bytes(4)))
            if turn % 5 == 4:
                await_none(live)
        await_none(live)

    rounds(6)
    threads, descriptors = threading.active_count(), descriptors_open()
    rounds(60)
    assert threading.active_count() <= threads
    assert descriptors_open() <= descriptors


def test_who_says_nothing_is_let_go(tmp_path: Path) -> None:
    bounds = replace(BOUNDS, artim_seconds=0.2, idle_seconds=0.4)
    with serving(tmp_path, bounds=bounds) as quick:
        with Peer.connect(quick.port) as silent:
            assert silent.receive() == GONE
        with Peer.connect(quick.port) as trickling:
            trickling.send(raw.associate_rq()[:20])
            assert trickling.receive() == GONE
        with Peer.associate(quick.port) as idle:
            assert idle.receive()[0] == ABORT
        with Peer.associate(quick.port) as stalled:
            stalled.send(raw.echo_rq()[:20])
            assert stalled.receive() == GONE
        await_none(quick)
