"""Fragments of messages put together; the data sets of C-STORE requests pass on as they come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import DIMSEMessage
from pynetdicom.dimse_primitives import C_CANCEL, C_STORE
from pynetdicom.pdu_primitives import P_DATA

from dicomweb_server.dimse.command import StoreCommand, store_command
from dicomweb_server.dimse.guard import Bounds
from dicomweb_server.dimse.queues import Telling
from dicomweb_server.model.limits import KIB

_COMMAND_BYTES = 64 * KIB
_IS_COMMAND = 1
_IS_LAST = 2
_CANCELS = 10
_READ_ON = 2
"""Requests that wait, from which on nothing more is read."""


class Sink(Protocol):
    """Where the data set of one C-STORE request goes."""

    def push(self, data: bytes | memoryview) -> None:
        """Take a fragment; may wait."""
        ...

    def end(self) -> None:
        """It is complete."""
        ...

    def fail(self) -> None:
        """It will not be complete."""
        ...


class Arriving(C_STORE):
    """A C-STORE request whose data set is not in memory.

    Args:
        sink: Where it went; None for a request that cannot be served.
    """

    def __init__(self, sink: Sink | None) -> None:
        super().__init__()
        self.sink = sink


OpenSink = Callable[[int, C_STORE], Sink | None]
"""Presentation context ID and request to where the data set goes; None throws it away."""


class Messages(DIMSEServiceProvider):
    """The messages of one association.

    Args:
        assoc: The association.
        bounds: How much is kept in memory.
        open_sink: Called at the beginning of each C-STORE request's data set.
        tell: Called when a message is there.
    """

    def __init__(
        self,
        assoc: Association,
        bounds: Bounds,
        open_sink: OpenSink,
        tell: Callable[[], None],
    ) -> None:
        super().__init__(assoc)
        self.msg_queue = Telling(tell)
        self._bounds = bounds
        self._open_sink = open_sink
        self._command = bytearray()
        self._context_id = 0
        self._store: Arriving | None = None

    @property
    def is_full(self) -> bool:
        """Whether enough requests wait."""
        return self.msg_queue.qsize() >= _READ_ON

    @property
    def in_progress(self) -> bool:
        """Whether a message has begun that has not ended, or waits to be worked on."""
        within = bool(self._command) or self.message is not None or self._store is not None
        return within or not self.msg_queue.empty()

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take fragments in the library's form."""
        for context_id, data in primitive.presentation_data_value_list:
            self.take(context_id, data[0], memoryview(data)[1:])

    def take(self, context_id: int, control: int, data: memoryview) -> None:
        """Take one fragment (PS3.8 E.2).

        Raises:
            ValueError: It breaks the protocol, or there is too much of it.
        """
        is_last = bool(control & _IS_LAST)
        if control & _IS_COMMAND:
            self._take_command(context_id, data, is_last)
        elif context_id != self._context_id:
            raise ValueError("a data set in another presentation context than its command")
        elif self._store is not None:
            self._take_stored(self._store, data, is_last)
        else:
            self._take_data(data, is_last)

    def broken(self) -> None:
        """Nothing will come any more."""
        store, self._store = self._store, None
        if store is not None and store.sink is not None:
            store.sink.fail()

    def _take_command(self, context_id: int, data: memoryview, is_last: bool) -> None:
        if self.message is not None or self._store is not None:
            raise ValueError("a command before the data set of the last one has ended")
        if self._command and context_id != self._context_id:
            raise ValueError("a command in two presentation contexts")
        if len(self._command) + len(data) > _COMMAND_BYTES:
            raise ValueError("a command is too long")
        if self.msg_queue.qsize() >= self._bounds.waiting:
            raise ValueError("too many requests wait")
        self._context_id = context_id
        self._command += data
        if is_last:
            command, self._command = bytes(self._command), bytearray()
            self._begin(context_id, command)

    def _begin(self, context_id: int, command: bytes) -> None:
        stored = store_command(command)
        if stored is not None:
            self._store = self._arriving(context_id, stored)
            return
        message = DIMSEMessage()
        primitive = P_DATA()
        primitive.presentation_data_value_list.append((context_id, b"\x03" + command))
        if message.decode_msg(primitive, self.assoc):
            self._finish(message, context_id)
        else:
            self.message = message

    def _arriving(self, context_id: int, command: StoreCommand) -> Arriving:
        request = Arriving(None)
        request.MessageID = command.message_id
        request.AffectedSOPClassUID = command.sop_class or None
        request.AffectedSOPInstanceUID = command.instance or None
        request.sink = self._open_sink(context_id, request)
        return request

    def _take_stored(self, store: Arriving, data: memoryview, is_last: bool) -> None:
        if store.sink is not None and data:
            store.sink.push(data)
        if is_last:
            self._store = None
            if store.sink is not None:
                store.sink.end()
            self.msg_queue.put((self._context_id, store))

    def _take_data(self, data: memoryview, is_last: bool) -> None:
        message = self.message
        if message is None or message.data_set is None:
            raise ValueError("a data set without a command")
        if message.data_set.tell() + len(data) > self._bounds.message:
            raise ValueError("a data set is too long")
        message.data_set.write(data)
        if is_last:
            self.message = None
            self._finish(message, self._context_id)

    def _finish(self, message: DIMSEMessage, context_id: int) -> None:
        primitive = message.message_to_primitive()
        if not isinstance(primitive, C_CANCEL):
            self.msg_queue.put((context_id, primitive))
        elif len(self.cancel_req) < _CANCELS and primitive.MessageIDBeingRespondedTo is not None:
            self.cancel_req[primitive.MessageIDBeingRespondedTo] = primitive
