"""Who may call, from where, over what, for which verb (T25)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dicomweb_server.dimse.peers import Peer, Peers
from dicomweb_server.dimse.server import Rules
from dicomweb_server.dimse.verb import Permission
from tests.dimse import raw
from tests.dimse.live import Live, serving

ECHO_STORE = frozenset((Permission.ECHO, Permission.STORE))
ALL = frozenset(Permission)
LISTED = (
    Peer("CT1", "127.0.0.1", 104, tls=False, allow=ECHO_STORE),
    Peer("MR1", "10.0.0.6", 104, tls=False, allow=ALL),
    Peer("NET", "10.1.0.0/16", 0, tls=False, allow=ALL),
    Peer("ANY", "", 0, tls=False, allow=frozenset((Permission.FIND,))),
    Peer("SAFE", "127.0.0.1", 2762, tls=True, allow=ALL),
    Peer("TWICE", "10.0.0.7", 0, tls=False, allow=frozenset((Permission.ECHO,))),
    Peer("TWICE", "10.0.0.8", 0, tls=False, allow=frozenset((Permission.FIND,))),
    Peer("NAMED", "localhost", 0, tls=False, allow=ALL),
    Peer("V6", "fd00::1", 0, tls=False, allow=ALL),
    Peer("NONAME", "no-such-host.invalid", 0, tls=False, allow=ALL),
)


@pytest.mark.parametrize(
    ("title", "address", "secured"),
    [
        ("CT1", "127.0.0.2", False),
        ("CT1", "10.0.0.6", False),
        ("CT1", "::1", False),
        ("MR1", "127.0.0.1", False),
        ("MR1", "10.0.0.60", False),
        ("MR1", "10.0.0.5", True),
        ("NET", "10.2.0.1", False),
        ("NET", "10.0.255.255", False),
        ("NET", "fd00::1", False),
        ("SAFE", "127.0.0.1", False),
        ("SAFE", "10.0.0.6", True),
        ("TWICE", "10.0.0.9", False),
        ("V6", "fd00::2", False),
        ("V6", "10.0.0.1", False),
        ("NONAME", "127.0.0.1", False),
        ("ct1", "127.0.0.1", False),
        ("CT", "127.0.0.1", False),
        ("CT11", "127.0.0.1", False),
        ("", "127.0.0.1", False),
        ("OTHER", "127.0.0.1", True),
        ("NAMED", "10.0.0.1", False),
    ],
)
def test_wrong_pair_may_nothing(title: str, address: str, *, secured: bool) -> None:
    assert Peers(LISTED).allowed(title, address, secured=secured) == frozenset()


@pytest.mark.parametrize(
    ("title", "address", "secured", "allowed"),
    [
        ("CT1", "127.0.0.1", False, ECHO_STORE),
        ("CT1", "::ffff:127.0.0.1", False, ECHO_STORE),
        ("CT1", "127.0.0.1", True, ECHO_STORE),
        ("NET", "10.1.200.3", False, ALL),
        ("ANY", "192.0.2.7", False, frozenset((Permission.FIND,))),
        ("SAFE", "127.0.0.1", True, ALL),
        ("TWICE", "10.0.0.8", False, frozenset((Permission.FIND,))),
        ("NAMED", "127.0.0.1", False, ALL),
        ("V6", "fd00::1%eth0", False, ALL),
    ],
)
def test_listed_pair_may_what_is_listed(
    title: str, address: str, allowed: frozenset[Permission], *, secured: bool
) -> None:
    assert Peers(LISTED).allowed(title, address, secured=secured) == allowed


def test_destination_is_one_that_can_be_called() -> None:
    peers = Peers(LISTED)
    assert peers.destination("CT1 ") == LISTED[0]
    assert peers.destination("ANY") is None
    assert peers.destination("OTHER") is None


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with serving(tmp_path_factory.mktemp("archive"), LISTED) as running:
        yield running


def _answer(port: int, called: str, calling: str) -> tuple[int, tuple[int, ...]]:
    with raw.Peer.connect(port) as peer:
        peer.send(raw.associate_rq(called, calling))
        kind, body = peer.receive()
        return kind, tuple(body[1:4]) if kind == raw.ASSOCIATE_RJ else ()


def test_unknown_caller_is_rejected(live: Live) -> None:
    assert _answer(live.port, "ARCHIVE", "OTHER") == (raw.ASSOCIATE_RJ, (1, 1, 3))


def test_caller_from_another_address_is_rejected(live: Live) -> None:
    assert _answer(live.port, "ARCHIVE", "MR1") == (raw.ASSOCIATE_RJ, (1, 1, 3))


def test_caller_without_tls_is_rejected_where_it_is_listed_with_tls(live: Live) -> None:
    assert _answer(live.port, "ARCHIVE", "SAFE") == (raw.ASSOCIATE_RJ, (1, 1, 3))


def test_another_called_title_is_rejected(live: Live) -> None:
    assert _answer(live.port, "OTHER", "CT1") == (raw.ASSOCIATE_RJ, (1, 1, 7))


def test_listed_caller_is_accepted(live: Live) -> None:
    assert _answer(live.port, "ARCHIVE", "CT1")[0] == raw.ASSOCIATE_AC


def test_verb_that_is_not_allowed_is_not_negotiated(live: Live) -> None:
    with raw.Peer.connect(live.port) as peer:
        find = raw.Context(5, "1.2.840.10008.5.1.4.1.2.2.1")
        peer.send(raw.associate_rq("ARCHIVE", "CT1", (raw.ECHO, raw.STORE, find)))
        kind, body = peer.receive()
        assert kind == raw.ASSOCIATE_AC
        assert raw.results(body) == {1: 0, 3: 0, 5: 3}


def test_lax_rules_let_everyone_in(tmp_path: Path) -> None:
    with serving(tmp_path, LISTED, Rules(strict=False, any_class=True)) as lax:
        assert _answer(lax.port, "WHATEVER", "OTHER")[0] == raw.ASSOCIATE_AC
