"""What codec processes say is not believed."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.codec.messages import (
    JOB_HEAD,
    NOTES,
    REPLY_HEAD,
    Job,
    Outcome,
    ProtocolError,
    job_head,
    pack_job,
    pack_reply,
    read_notes,
    reply_head,
    text_of,
    texts_of,
    unpack_job,
)
from dicomweb_server.codec.process import CodecProcess, ProcessEnded
from dicomweb_server.codec.window import HALF, Window
from dicomweb_server.model.limits import CodecLimits

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def test_a_job_comes_across() -> None:
    job = Job("render", (1, "two", (3.0, None)), (b"four", b""))
    packed = pack_job(job)
    message = packed.message(in_window=True)
    head = job_head(message[: JOB_HEAD.size])
    assert (head.in_window, head.call, head.pieces) == (True, len(packed.call), 2)
    assert message.endswith(packed.call)
    assert unpack_job(packed.call, packed.data) == job
    assert packed.size == len(packed.call) + 4


def test_a_reply_comes_across() -> None:
    pixel: list[int | str] = [1, "RGB"]
    message = pack_reply(Outcome.DONE, {"pixel": pixel}, 7)
    head = reply_head(message[: REPLY_HEAD.size], 7)
    assert (head.in_window, head.outcome, head.data) == (False, Outcome.DONE, 7)
    assert read_notes(message[REPLY_HEAD.size :]) == {"pixel": [1, "RGB"]}


def test_notes_without_end_are_left_out() -> None:
    message = pack_reply(Outcome.FAILED, {"detail": "x" * NOTES})
    assert reply_head(message[: REPLY_HEAD.size], 0).notes == 2


@given(st.binary(min_size=REPLY_HEAD.size, max_size=REPLY_HEAD.size))
def test_any_head_is_read_or_refused(head: bytes) -> None:
    for magic in (head[:4], b"DWR1"):
        try:
            found = reply_head(magic + head[4:], 1_000)
        except ProtocolError:
            continue
        assert found.notes <= NOTES
        assert found.data <= 1_000


@pytest.mark.parametrize(
    "head",
    [
        REPLY_HEAD.pack(b"DWR1", False, Outcome.DONE, 0, 1_001),
        REPLY_HEAD.pack(b"DWR1", True, Outcome.DONE, 0, 1_001),
        REPLY_HEAD.pack(b"DWR1", False, Outcome.DONE, NOTES + 1, 0),
        REPLY_HEAD.pack(b"DWR1", False, 99, 0, 0),
        REPLY_HEAD.pack(b"DWR2", False, Outcome.DONE, 0, 0),
    ],
)
def test_a_head_that_lies_is_refused(head: bytes) -> None:
    with pytest.raises(ProtocolError):
        reply_head(head, 1_000)


def test_the_window_is_no_larger_than_it_is() -> None:
    with pytest.raises(ProtocolError):
        reply_head(REPLY_HEAD.pack(b"DWR1", True, Outcome.DONE, 0, HALF + 1), 10 * HALF)


@given(st.binary(max_size=200))
def test_any_notes_are_read_or_refused(text: bytes) -> None:
    try:
        notes = read_notes(text)
    except ProtocolError:
        return
    for name in notes:
        assert len(text_of(notes, name)) <= 500
        assert len(texts_of(notes, name)) <= 100


@pytest.mark.parametrize("text", [b"[" * 60_000, b'{"a":' * 10_000, b"[]", b"1", b"", b"\xff"])
def test_notes_that_are_no_object_are_refused(text: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_notes(text)


def test_texts_hold_nothing_that_steers_a_terminal() -> None:
    notes = {"detail": "a\x1b[2Jb\nc" + "x" * 1_000, "asked": ["\x07", 5], "hint": 5}
    assert text_of(notes, "detail").startswith("a [2Jb c")
    assert texts_of(notes, "asked") == (" ", "")
    assert text_of(notes, "hint") == ""


@pytest.mark.skipif(sys.platform != "linux", reason="there is no such memory elsewhere")
def test_the_size_of_the_window_is_sealed() -> None:
    descriptor = Window.create()
    assert descriptor is not None
    with open(descriptor, "r+b") as file:
        for size in (0, 4 * HALF):
            with pytest.raises(PermissionError):
                file.truncate(size)
        ours, theirs = Window(descriptor), Window(descriptor)
        assert ours.put_job((b"one", b"", b"three"))
        assert theirs.job((3, 0, 5)) == (b"one", b"", b"three")
        assert theirs.put_reply(b"four")
        assert ours.reply(4) == b"four"
        assert ours.job((3, 0, 5)) == (b"one", b"", b"three")
        assert not ours.put_job((bytes(HALF), b"x"))
        ours.close()
        theirs.close()


@pytest.fixture
def hijacked() -> Iterator[tuple[subprocess.Popen[bytes], socket.socket, socket.socket]]:
    """A process that does nothing, and both ends of the socket that should be its own."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        yield process, ours, theirs
        process.kill()
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"DWR1" + b"\xff" * 100,
        REPLY_HEAD.pack(b"DWR1", False, Outcome.DONE, 0, 1 << 40),
        REPLY_HEAD.pack(b"DWR1", False, Outcome.DONE, 4, 0) + b"nope",
        REPLY_HEAD.pack(b"DWR1", True, Outcome.DONE, 0, 10),
        pack_reply(Outcome.FAILED, {})[:-2] + b"[]",
    ],
)
async def test_a_process_that_makes_no_sense_is_given_up(
    hijacked: tuple[subprocess.Popen[bytes], socket.socket, socket.socket], answer: bytes
) -> None:
    process, ours, theirs = hijacked
    codec = CodecProcess(process, ours, None, CodecLimits())
    theirs.sendall(answer)
    with pytest.raises(ProcessEnded, match="makes no sense"):
        await codec.exchange(pack_job(Job("transcode", (), (b"data",))))
    await asyncio.wait_for(codec.end(), 30)
    assert process.returncode is not None


async def test_a_process_that_hangs_up_is_given_up(
    hijacked: tuple[subprocess.Popen[bytes], socket.socket, socket.socket],
) -> None:
    process, ours, theirs = hijacked
    codec = CodecProcess(process, ours, None, CodecLimits())
    theirs.close()
    with pytest.raises(ProcessEnded, match="ended"):
        await codec.exchange(pack_job(Job("transcode", (), (b"data",))))
    await codec.end()
