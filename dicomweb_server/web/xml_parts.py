"""XML answers: one part for each data set (PS3.18 8.7.3.5, 10.6.4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

from dicomweb_server.model import media
from dicomweb_server.web.compress import stream
from dicomweb_server.web.responses import StreamResponse
from dicomweb_server.wire import multipart
from dicomweb_server.wire.encoding import IDENTITY


def multipart_xml(
    documents: Iterable[bytes], status: int = 200, encoding: str = IDENTITY
) -> StreamResponse:
    """A multipart answer of XML documents; with none of them only the closing delimiter.

    Args:
        documents: The documents, made while they are asked for.
        status: HTTP status.
        encoding: Content coding of the whole answer.
    """
    boundary = multipart.new_boundary()

    async def chunks() -> AsyncIterator[bytes]:
        first = True
        waiting = iter(documents)
        # In a thread: turning a large document into XML takes longer than others should wait.
        while (document := await asyncio.to_thread(next, waiting, None)) is not None:
            headers = [("Content-Type", media.DICOM_XML), ("Content-Length", str(len(document)))]
            yield multipart.part_head(boundary, headers, first=first) + document
            first = False
        yield multipart.closing(boundary, first=first)

    kind = multipart.multipart_type(boundary, media.DICOM_XML)
    return stream(chunks(), kind, status, encoding)
