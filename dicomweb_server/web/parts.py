"""A multipart body as a sequence of instances."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator

from dicomweb_server.errors import InstanceRejected, InvalidRequest
from dicomweb_server.model import media
from dicomweb_server.model.outcome import FailureReason
from dicomweb_server.service.ingest import Part
from dicomweb_server.wire import contenttype
from dicomweb_server.wire.multipart import (
    Event,
    MultipartReader,
    PartBegin,
    PartData,
    PartEnd,
)

_ACCEPTED = frozenset({media.APPLICATION_DICOM, media.OCTET_STREAM})


class Events:
    """Events of a multipart body, pulled from the network as they are needed."""

    def __init__(self, body: AsyncIterator[bytes], reader: MultipartReader) -> None:
        self._body = body
        self._reader = reader
        self._waiting: deque[Event] = deque()
        self._ended = False

    async def next(self) -> Event | None:
        """The next event, None behind the last one."""
        while not self._waiting and not self._ended:
            chunk = await anext(self._body, None)
            if chunk is None:
                self._ended = True
                self._waiting.extend(self._reader.finish())
            else:
                self._waiting.extend(self._reader.feed(chunk))
        return self._waiting.popleft() if self._waiting else None


async def instance_parts(
    body: AsyncIterator[bytes], reader: MultipartReader
) -> AsyncGenerator[Part]:
    """The parts of a multipart/related body as instances.

    Args:
        body: The request body.
        reader: A fresh reader for its boundary.

    Raises:
        InvalidMultipart: The framing is broken.
    """
    events = Events(body, reader)
    while (event := await events.next()) is not None:
        if isinstance(event, PartBegin):
            yield Part(part_data(events), _refusal(event))


async def part_data(events: Events) -> AsyncIterator[bytes | memoryview]:
    """The bytes of the part that has begun, up to its end."""
    while (event := await events.next()) is not None and not isinstance(event, PartEnd):
        if isinstance(event, PartData):
            yield event.data


def _refusal(begin: PartBegin) -> InstanceRejected | None:
    """Why a part is no instance by what its header says; None where nothing speaks against it."""
    declared = dict(begin.headers).get("content-type")
    if not declared:
        return None
    try:
        kind = contenttype.parse(declared).media_type
    except InvalidRequest:
        return None
    if kind in _ACCEPTED:
        return None
    return InstanceRejected(
        FailureReason.CANNOT_UNDERSTAND, f"the part is {kind[:60]}, not application/dicom"
    )
