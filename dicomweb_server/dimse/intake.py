"""One C-STORE's data set on its way from the network into the archive."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator

from dicomweb_server.dimse.bridge import Bridge
from dicomweb_server.errors import InvalidRequest
from dicomweb_server.model.limits import MIB
from dicomweb_server.model.outcome import StoreReport
from dicomweb_server.service.context import Context
from dicomweb_server.service.expected import Expected
from dicomweb_server.service.ingest import Ingest, Part

_BATCH = MIB
"""Bytes that come together before the loop is woken for them."""
_LOOK_SECONDS = 0.25


class Intake:
    """Takes fragments on the thread that reads them, and stores them on the loop.

    Nothing is stored unless `end` was called: the request fails with whatever breaks it off.

    Args:
        bridge: To the loop.
        ingest: Stores the instance.
        context: Who sends it.
        head: Preamble and File Meta Information.
        expected: What the request says that it is.
        most: Bytes that may wait to be taken; who pushes more waits.
    """

    def __init__(
        self,
        bridge: Bridge,
        ingest: Ingest,
        context: Context,
        head: bytes,
        expected: Expected,
        most: int,
    ) -> None:
        self._loop_side = threading.Condition()
        self._pieces: deque[bytes | memoryview] = deque((head,))
        self._waiting = len(head)
        self._most = most
        self._ended = False
        self._broken = False
        self._bridge = bridge
        self._expected = expected
        self._wakener: asyncio.Event | None = None
        self._future = bridge.begin(self._store(ingest, context))
        self._future.add_done_callback(self._done)

    def push(self, data: bytes | memoryview) -> None:
        """Take a fragment; waits while too much of the data set waits to be stored."""
        with self._loop_side:
            if self._future.done():
                return  # refused already: the rest is read and dropped
            self._pieces.append(data)
            self._waiting += len(data)
            if self._waiting < _BATCH:
                return
        self._wake()
        with self._loop_side:
            while self._waiting > self._most and not self._future.done():
                self._loop_side.wait(_LOOK_SECONDS)

    def end(self) -> None:
        """The data set is complete."""
        self._ended = True
        self._wake()

    def fail(self) -> None:
        """The data set will not be complete; without effect behind `end`."""
        if not self._ended:
            self._broken = self._ended = True
            self._wake()

    def outcome(self, seconds: float | None = None) -> StoreReport:
        """What became of it.

        Raises:
            ArchiveError: It could not be stored.
        """
        return self._bridge.result(self._future, seconds)

    def _done(self, _: object) -> None:
        with self._loop_side:
            self._pieces.clear()
            self._waiting = 0
            self._loop_side.notify_all()

    def _wake(self) -> None:
        wakener = self._wakener
        if wakener is not None:
            self._bridge.soon(wakener.set)

    async def _store(self, ingest: Ingest, context: Context) -> StoreReport:
        self._wakener = asyncio.Event()
        return await ingest.store(context, None, self._parts())

    async def _parts(self) -> AsyncIterator[Part]:
        yield Part(self._body(), expected=self._expected)

    async def _body(self) -> AsyncIterator[bytes | memoryview]:
        wakener = self._wakener
        if wakener is None:
            return
        while True:
            wakener.clear()
            ended = self._ended  # looked at before the pieces: behind the end none comes
            for piece in self._take():
                yield piece
            if ended:
                break
            if not (self._ended or self._waiting >= _BATCH):
                await wakener.wait()
        if self._broken:
            raise InvalidRequest("the association ended within the data set")

    def _take(self) -> tuple[bytes | memoryview, ...]:
        with self._loop_side:
            pieces = tuple(self._pieces)
            self._pieces.clear()
            self._waiting = 0
            self._loop_side.notify_all()
        return pieces
