"""The socket to a codec process: whole messages, bounded, and its end is noticed."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest

from dicomweb_server.codec.channel import Channel

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


Ends = tuple[socket.socket, socket.socket]


async def test_messages_come_whole_however_they_are_cut(ends: Ends) -> None:
    channel = Channel(ends[0])
    reading = asyncio.create_task(channel.exactly(6))
    for piece in (b"ab", b"cd", b"efgh"):
        await asyncio.sleep(0)
        ends[1].sendall(piece)
    assert await reading == b"abcdef"
    assert await channel.exactly(2) == b"gh"
    assert await channel.exactly(0) == b""
    channel.close()


@pytest.mark.parametrize("length", [65_536, 65_537, 5_000_000])
async def test_long_messages_pass_in_both_directions(ends: Ends, length: int) -> None:
    channel = Channel(ends[0])
    sent = bytes(range(251)) * (length // 251 + 1)

    def echo() -> None:
        received = b""
        while len(received) < length:
            received += ends[1].recv(1 << 20)
        ends[1].sendall(received + b"end")

    echoing = threading.Thread(target=echo)
    echoing.start()
    await channel.send(sent[:length])
    assert await channel.exactly(length) == sent[:length]
    assert await channel.exactly(3) == b"end"
    echoing.join()
    channel.close()


@pytest.mark.parametrize("length", [10, 1_000_000])
async def test_an_end_before_all_has_come_is_an_error(ends: Ends, length: int) -> None:
    channel = Channel(ends[0])
    ends[1].sendall(b"abc")
    ends[1].close()
    with pytest.raises(EOFError):
        await channel.exactly(length)
    channel.close()


@pytest.mark.parametrize("before", [True, False])
async def test_who_watches_is_told_of_an_end(ends: Ends, before: bool) -> None:
    channel, told = Channel(ends[0]), asyncio.Event()
    if before:
        ends[1].close()
        with pytest.raises(EOFError):
            await channel.exactly(1)
    channel.watch(told.set)
    ends[1].close()
    await told.wait()
    channel.close()


async def test_who_watches_is_told_of_what_was_sent_unasked(ends: Ends) -> None:
    channel, told = Channel(ends[0]), asyncio.Event()
    ends[1].sendall(b"reply and more")
    assert await channel.exactly(5) == b"reply"
    channel.watch(told.set)
    await told.wait()
    channel.unwatch()
    channel.close()


async def test_little_is_held_of_what_nobody_asks_for(ends: Ends) -> None:
    channel = Channel(ends[0])
    ends[1].setblocking(False)
    sent = 0
    for _ in range(1_000):
        try:
            sent += ends[1].send(bytes(100_000))
        except BlockingIOError:
            break
        await asyncio.sleep(0)
    assert len(channel._held) < 300_000
    assert await channel.exactly(sent) == bytes(sent)
    channel.close()
