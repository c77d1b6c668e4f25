"""No more connections than places; the others are told, and places are given again (F16)."""

from __future__ import annotations

import asyncio
import json
import resource
import socket

import pytest

from dicomweb_server.cli.acceptor import Acceptor, most_connections


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"served")
    await writer.drain()
    await reader.read()
    writer.close()


async def _first(address: tuple[str, int]) -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    try:
        return await reader.readexactly(6)
    finally:
        writer.close()
        await writer.wait_closed()


def test_who_finds_no_place_is_told_and_places_are_given_again() -> None:
    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            acceptor = Acceptor(listening, _serve, None, 1.0, most=2)
            acceptor.start(100)
            address = listening.getsockname()[:2]
            held = [await asyncio.open_connection(*address) for _ in range(2)]
            assert [await reader.readexactly(6) for reader, _ in held] == [b"served"] * 2
            reader, writer = await asyncio.open_connection(*address)
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 503 ")
            assert f"Content-Length: {len(body)}".encode() in head
            assert json.loads(body)["status"] == 503
            for _, other in [*held, (reader, writer)]:
                other.close()
                await other.wait_closed()
            while await _first(address) != b"served":
                pass  # the server has not heard of the others' leaving
            await acceptor.close()

    asyncio.run(run())


def test_connections_leave_descriptors_for_files(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit, most in ((20, 16), (256, 106), (resource.RLIM_INFINITY, 1 << 20)):
        limits = (limit, limit)
        monkeypatch.setattr(resource, "getrlimit", lambda _kind, limits=limits: limits)
        assert most_connections() == most
