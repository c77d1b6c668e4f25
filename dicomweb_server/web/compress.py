"""Answers of JSON and XML with gzip or zstd where the client takes it; DICOM and pixels never."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from typing import Protocol

import zstandard

from dicomweb_server.web.responses import BytesResponse, StreamResponse
from dicomweb_server.wire.encoding import IDENTITY, ZSTD

VARY = "Accept, Accept-Encoding"
"""What answers of JSON and XML depend on."""

_WORTH = 1024
_SHORT = 32 * 1024
_LEVEL = 3


class _Engine(Protocol):
    """Compresses piece by piece."""

    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


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
        packed = _packed(body, encoding)
    else:
        packed = await asyncio.to_thread(_packed, body, encoding)
    return BytesResponse(packed, media_type, status, {"Content-Encoding": encoding})


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
    response = StreamResponse(_compressed(chunks, encoding), media_type, status)
    response.add("Content-Encoding", encoding)
    return response


def _packed(body: bytes, encoding: str) -> bytes:
    if encoding == ZSTD:
        return zstandard.ZstdCompressor(_LEVEL).compress(body)
    return gzip.compress(body, _LEVEL, mtime=0)


async def _compressed(chunks: AsyncIterator[bytes], encoding: str) -> AsyncIterator[bytes]:
    engine: _Engine
    if encoding == ZSTD:
        engine = zstandard.ZstdCompressor(_LEVEL).compressobj()
    else:
        engine = zlib.compressobj(_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    async for chunk in chunks:
        ready = engine.compress(chunk)
        if len(chunk) > _SHORT:
            await asyncio.sleep(0)
        if ready:
            yield ready
    yield engine.flush()
