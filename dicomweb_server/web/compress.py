"""Answers of JSON and XML with gzip where the client takes it; DICOM and pixels never.

zstd is not offered: the standard library of the Python versions that are supported has none.
"""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator

from dicomweb_server.web.responses import BytesResponse, StreamResponse
from dicomweb_server.wire.encoding import GZIP, IDENTITY

VARY = "Accept, Accept-Encoding"
"""What answers of JSON and XML depend on."""

_WORTH = 1024
_SHORT = 32 * 1024
_LEVEL = 3


async def whole(body: bytes, media_type: str, encoding: str, status: int = 200) -> BytesResponse:
    """A response whose body is in hand.

    Args:
        body: The plain body; below 1 KiB it stays so.
        media_type: Content-Type.
        encoding: What the client takes, from `wire.encoding`.
        status: HTTP status.
    """
    if encoding == IDENTITY or len(body) < _WORTH:
        return BytesResponse(body, media_type, status)
    if len(body) <= _SHORT:
        zipped = gzip.compress(body, _LEVEL, mtime=0)
    else:
        zipped = await asyncio.to_thread(gzip.compress, body, _LEVEL, mtime=0)
    return BytesResponse(zipped, media_type, status, {"Content-Encoding": GZIP})


def stream(
    chunks: AsyncIterator[bytes], media_type: str, status: int, encoding: str
) -> StreamResponse:
    """A response that is made while it is sent.

    Args:
        chunks: The plain body.
        media_type: Content-Type.
        status: HTTP status.
        encoding: What the client takes, from `wire.encoding`.
    """
    if encoding == IDENTITY:
        return StreamResponse(chunks, media_type, status)
    response = StreamResponse(_zipped(chunks), media_type, status)
    response.add("Content-Encoding", GZIP)
    return response


async def _zipped(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    engine = zlib.compressobj(_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    async for chunk in chunks:
        ready = engine.compress(chunk)
        if len(chunk) > _SHORT:
            await asyncio.sleep(0)
        if ready:
            yield ready
    yield engine.flush()
