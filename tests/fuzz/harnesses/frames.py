"""Lists of frame numbers in paths."""

from __future__ import annotations

from collections.abc import Iterable

from dicomweb_server.errors import InvalidParameter
from dicomweb_server.wire import frames
from tests.fuzz.harness import Harness

_MOST = 50


def _run(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    members = text.split(",")
    try:
        found = frames.parse(text, _MOST)
    except InvalidParameter:
        plain = [member.strip(" ") for member in members]
        assert len(members) > _MOST or not all(
            member.isascii() and member.isdigit() and len(member) <= 18 and int(member) > 0
            for member in plain
        )
        return
    assert len(found) == len(members) <= _MOST
    assert frames.parse(",".join(map(str, found)), _MOST) == found
    assert min(found) >= 1


def _seeds() -> Iterable[bytes]:
    yield from (b"1", b"1,2,3", b" 2 , 1", b"0", b"1,", b"-1", b"999999999999999999")


HARNESS = Harness(
    promise="a list of frame numbers is read as written, or refused",
    run=_run,
    seeds=_seeds,
    words=(b",", b"1", b" ", "\u0661".encode()),
    longest=512,
)
