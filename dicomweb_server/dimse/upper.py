"""The upper layer of one association (PS3.8): waits for events and bounds what it reads.

pynetdicom's own looks a thousand times a second whether there is anything to do, and reads
whatever length a PDU declares.
"""

from __future__ import annotations

import logging
import os
import queue
import select
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from struct import unpack
from typing import Protocol

from pynetdicom.association import Association
from pynetdicom.dul import DULServiceProvider
from pynetdicom.pdu import A_ABORT_RQ
from pynetdicom.pdu_primitives import A_ABORT, A_ASSOCIATE, A_P_ABORT, A_RELEASE, P_DATA
from pynetdicom.transport import T_CONNECT

from dicomweb_server.dimse.connection import Connection
from dicomweb_server.dimse.guard import KINDS, P_DATA_TF, Bounds
from dicomweb_server.dimse.queues import Outgoing, Telling

_HEADER = 6
_LONGEST_WAIT = 0.5
_LINGER_SECONDS = 2.0
"""Time in which a peer may close the connection after it was told that this is the end."""
_OUTGOING = 16
"""PDUs that may wait to be sent."""
_ESTABLISHED = frozenset({"Sta6", "Sta7"})

_Primitive = A_ASSOCIATE | A_RELEASE | A_ABORT | A_P_ABORT | P_DATA | T_CONNECT

_log = logging.getLogger(__name__)


class Fragments(Protocol):
    """Who takes the data of P-DATA-TF PDUs."""

    @property
    def is_full(self) -> bool:
        """Whether nothing more is to be read now."""
        ...

    def take(self, context_id: int, control: int, data: memoryview) -> None:
        """Take one fragment.

        Raises:
            ValueError: It breaks the protocol.
        """
        ...

    def broken(self) -> None:
        """Nothing will come any more."""
        ...


class UpperLayer(DULServiceProvider):
    """Reads and sends the PDUs of one association on a thread of its own.

    Args:
        assoc: The association.
        bounds: What is read.
        fragments: Who takes data.
        tell: Called when there is something for the association's thread.
    """

    def __init__(
        self,
        assoc: Association,
        bounds: Bounds,
        fragments: Fragments,
        tell: Callable[[], None],
    ) -> None:
        super().__init__(assoc)
        self.daemon = True
        self._bounds = bounds
        self._fragments = fragments
        self._hear, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._lock = threading.Lock()
        self._ended = False
        self._linger_until = 0.0
        self._discarded = 0
        self.to_user_queue = Telling(tell)
        self._outgoing: Outgoing[_Primitive] = Outgoing(
            _OUTGOING, bounds.idle_seconds, self.wake, lambda: self._ended, self.cut
        )
        self.to_provider_queue = self._outgoing

    def wake(self) -> None:
        """Let it look for something to do, from any thread."""
        with self._lock, suppress(BlockingIOError):  # full, it is awake
            if self._waker >= 0:  # its number may be another file's by now
                os.write(self._waker, b"x")

    def cut(self) -> None:
        """End the connection, from any thread."""
        held = self.socket
        if isinstance(held, Connection):
            held.cut()
        self.wake()

    def kill_dul(self) -> None:
        """End the thread."""
        super().kill_dul()
        self.wake()

    def stop_dul(self) -> bool:
        """End the thread where there is no connection any more."""
        self.wake()
        return super().stop_dul()

    def run_reactor(self) -> None:
        """Serve the connection until it ends."""
        self._idle_timer.start()
        self.assoc._dul_ready.set()
        try:
            while not self._kill_thread:
                self._turn()
        except Exception as error:  # noqa: BLE001 - whatever a peer sends ends its association only
            _log.warning("an association failed", exc_info=error)
            self._abort_at_once()
        finally:
            self._finish()

    def _turn(self) -> None:
        if self.artim_timer.expired:
            self.event_queue.put("Evt18")
        if self.event_queue.empty():
            if self.state_machine.current_state == "Sta13":
                self._outgoing.drop()
            if not self._process_recv_primitive() and self._is_transport_event():
                self._idle_timer.restart()
        try:
            event = self.event_queue.get(block=False)
        except queue.Empty:
            self._await_event()
            return
        self.state_machine.do_action(event)

    def _await_event(self) -> None:
        held = self._connection()
        if held is None or self._kill_thread or not self._outgoing.empty():
            return
        poller = select.poll()
        poller.register(self._hear, select.POLLIN)
        if held.socket is not None and not self._is_full:
            if held.buffered:
                return
            with suppress(OSError, ValueError):
                poller.register(held.socket, select.POLLIN | select.POLLPRI)
        seconds = max(0.0, min(_LONGEST_WAIT, self.artim_timer.remaining))
        for place, _ in poller.poll(seconds * 1000 + 1):
            if place == self._hear:
                os.read(self._hear, 4096)

    @property
    def _is_full(self) -> bool:
        return self.state_machine.current_state == "Sta6" and self._fragments.is_full

    def _connection(self) -> Connection | None:
        held = self.socket
        return held if isinstance(held, Connection) else None

    def _is_transport_event(self) -> bool:
        held = self._connection()
        if held is None:
            return False
        if self.state_machine.current_state == "Sta13":
            return self._linger(held)
        if self._is_full or not held.ready:
            return False
        self._read_pdu_data()
        return True

    def _linger(self, held: Connection) -> bool:
        """Wait for the peer to close: closed first, the last PDU might never reach it."""
        now = time.monotonic()
        if not self._linger_until:
            self._linger_until = now + _LINGER_SECONDS
            held.half_close()
        is_open = held.socket is not None
        if is_open and held.ready:
            is_open = held.discard()
            self._discarded += 1
        if not is_open or now > self._linger_until or self._discarded > _OUTGOING:
            held.close()
            return True
        return False

    def _read_pdu_data(self) -> None:
        """Read one PDU and note its event; what is too long or unknown is not read at all."""
        held = self._connection()
        if held is None:
            return
        try:
            kind, length = unpack(">BxL", held.recv(_HEADER))
            associated = self.state_machine.current_state in _ESTABLISHED
            if kind not in KINDS or length > self._bounds.longest(kind, associated=associated):
                _log.warning("a PDU was refused", extra={"kind": kind, "length": length})
                self.event_queue.put("Evt19")
                return
            body = held.recv(length)
        except OSError:
            self.event_queue.put("Evt17")
            return
        self._take(kind, length, body)

    def _take(self, kind: int, length: int, body: bytearray) -> None:
        try:
            if kind == P_DATA_TF and self.state_machine.current_state == "Sta6":
                self._take_data(memoryview(body))
                return
            header = bytearray((kind, 0)) + length.to_bytes(4, "big")
            pdu, event = self._decode_pdu(header + body)
        except Exception as error:  # noqa: BLE001 - the library raises all kinds for what it cannot read
            _log.warning("a PDU was not understood", extra={"error": type(error).__name__})
            self.event_queue.put("Evt19")
            return
        self.event_queue.put(event)
        self._recv_pdu.put(pdu)

    def _take_data(self, body: memoryview) -> None:
        """Hand the presentation data values of a P-DATA-TF PDU on (PS3.8 9.3.5.1)."""
        place, end = 0, len(body)
        if not end:
            raise ValueError("a P-DATA-TF PDU without a value")
        while place < end:
            if end - place < 6:
                raise ValueError("a presentation data value is cut off")
            length, context_id, control = unpack(">LBB", body[place : place + 6])
            stop = place + 4 + length
            if length < 2 or stop > end:
                raise ValueError("the length of a presentation data value is wrong")
            self._fragments.take(context_id, control, body[place + 6 : stop])
            place = stop

    def _abort_at_once(self) -> None:
        held = self._connection()
        if held is None or held.socket is None:
            return
        pdu = A_ABORT_RQ()
        pdu.source = 0x02
        pdu.reason_diagnostic = 0x00
        held.send(pdu.encode())
        held.half_close()

    def _finish(self) -> None:
        """Nobody waits for this association any more."""
        self._ended = True
        self._fragments.broken()
        held = self._connection()
        if held is not None:
            held._shutdown_socket()
        self.assoc.is_established = False
        # Whoever waits for a primitive or a message must not wait for a time-out.
        ended = A_P_ABORT()
        ended.provider_reason = 0x00
        self.to_user_queue.put(ended)
        self.assoc.dimse.msg_queue.put((None, None))

    def close(self) -> None:
        """Give back what it holds, once its thread has ended or never began."""
        with self._lock:
            if self._waker >= 0:
                os.close(self._hear)
                os.close(self._waker)
            self._hear = self._waker = -1
