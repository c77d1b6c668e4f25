"""Documents joined into one gzip member without inflating any of them (RFC 1951, RFC 1952).

The pieces of documents are raw deflate data that end on a byte boundary; what belongs between
them (brackets, commas, the base URL) goes in as stored blocks. The CRC-32 of the whole follows
from those of the pieces: n bytes that follow multiply a CRC by x^(8n) modulo the polynomial of
CRC-32. For short pieces zlib does that fastest by running over zeros, for longer ones one
multiplication by a kept operator does.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache
from zlib import crc32

from dicomweb_server.model.document import Document

_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LAST_BLOCK = b"\x01\x00\x00\xff\xff"
_TRAILER = struct.Struct("<II")
_STORED = struct.Struct("<BHH")
_LARGEST_STORED = 0xFFFF
_POLYNOMIAL = 0xEDB88320
_ONE = 0x80000000
_ZEROS = memoryview(bytes(12 * 1024))


def gzip_array(documents: Iterable[Document], base: bytes) -> Iterator[bytes]:
    """The documents as one JSON array in one gzip member, in chunks of one document.

    Args:
        documents: The members of the array.
        base: Absolute URL of the DICOMweb root without a trailing slash.

    Returns:
        Chunks that inflate to what `model.document.json_array` makes of the same documents.
    """
    between = _Text(base)
    lead, comma = _Text(b"["), _Text(b",")
    checksum, size = 0, 0
    begin = _HEADER
    for document in documents:
        chunks = [begin]
        text = lead
        for piece in document.pieces:
            checksum = combine(checksum, text.checksum, text.size)
            checksum = combine(checksum, piece.checksum, piece.size)
            size += text.size + piece.size
            chunks += (text.stored, piece.deflated)
            text = between
        yield b"".join(chunks)
        lead, begin = comma, b""
    end = _Text(b"]" if lead is comma else b"[]")
    checksum = combine(checksum, end.checksum, end.size)
    size = (size + end.size) & 0xFFFFFFFF
    yield begin + end.stored + _LAST_BLOCK + _TRAILER.pack(checksum, size)


class _Text:
    """A text that stands between pieces, as stored blocks."""

    __slots__ = ("checksum", "size", "stored")

    def __init__(self, text: bytes) -> None:
        self.size = len(text)
        self.checksum = crc32(text)
        self.stored = b"".join(
            _stored(text[start : start + _LARGEST_STORED])
            for start in range(0, len(text), _LARGEST_STORED)
        )


def _stored(text: bytes) -> bytes:
    """One block that is not compressed (RFC 1951 3.2.4); a byte boundary stands in front of it."""
    return _STORED.pack(0, len(text), len(text) ^ 0xFFFF) + text


def combine(first: int, second: int, length: int) -> int:
    """The CRC-32 of two texts one behind the other.

    Args:
        first: CRC-32 of the first text.
        second: CRC-32 of the second text.
        length: Bytes of the second text.
    """
    if length <= len(_ZEROS):
        return crc32(_ZEROS[:length], first) ^ _zeros(length) ^ second
    return _product(_operator(length), first) ^ second


@lru_cache(maxsize=4096)
def _zeros(length: int) -> int:
    """CRC-32 of that many zeros."""
    return crc32(_ZEROS[:length])


@lru_cache(maxsize=4096)
def _operator(length: int) -> int:
    """What a CRC-32 is multiplied by when `length` bytes follow: x^(8 length) modulo P."""
    found, place = _ONE, 0
    while length:
        if length & 1:
            found = _product(_power(place), found)
        length >>= 1
        place += 1
    return found


@lru_cache(maxsize=64)
def _power(place: int) -> int:
    """x^(8 * 2^place) modulo P."""
    if place == 0:
        return _ONE >> 8
    below = _power(place - 1)
    return _product(below, below)


def _product(first: int, second: int) -> int:
    """Two polynomials multiplied modulo P; bit 31 is the coefficient of x^0."""
    found = 0
    while first:
        if first & _ONE:
            found ^= second
        first = (first << 1) & 0xFFFFFFFF
        second = (second >> 1) ^ _POLYNOMIAL if second & 1 else second >> 1
    return found
