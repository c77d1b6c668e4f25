"""Part 10 files in Explicit VR Little Endian, made from the other native encodings.

WADO-RS never delivers Implicit VR Little Endian or Explicit VR Big Endian (PS3.18 8.7.3).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from struct import pack

from dicomweb_server.dicom import meta as file_meta
from dicomweb_server.dicom import reader, refusal, vrs
from dicomweb_server.dicom.meta import FileMeta
from dicomweb_server.dicom.reader import Event, Walker
from dicomweb_server.dicom.scope import Scope
from dicomweb_server.dicom.window import Window
from dicomweb_server.model.limits import MIB, ScanLimits
from dicomweb_server.model.media import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
)
from dicomweb_server.model.source import ByteSource

_CODES = {2: "H", 4: "I", 8: "Q"}
_CHUNK = MIB
_GATHERED = 64 * 1024
"""Bytes of small elements that go out together."""
_UNDEFINED = b"\xff\xff\xff\xff"
_SEQUENCE_HEAD = b"SQ\0\0" + _UNDEFINED
_ITEM = b"\xfe\xff\x00\xe0" + _UNDEFINED
_ITEM_END = b"\xfe\xff\x0d\xe0\0\0\0\0"
SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"


def swap(data: bytes, word: int) -> bytes:
    """Reverse the bytes of each word; bytes behind the last whole word stay as they are.

    Args:
        data: Any number of bytes.
        word: Bytes of one word: 1 (nothing to do), 2, 4 or 8.
    """
    if word == 1:
        return data
    whole = len(data) - len(data) % word
    words = array(_CODES[word])
    words.frombytes(data[:whole] if whole < len(data) else data)
    words.byteswap()
    return words.tobytes() + data[whole:]


def explicit(source: ByteSource, limits: ScanLimits) -> Iterator[bytes]:
    """A native Part 10 file in Explicit VR Little Endian, in chunks of at most about 1 MiB.

    Sequences and items get undefined lengths, group lengths of the data set fall away, values
    that are too long for the length field of their VR become UN (PS3.18 8.7.3.4). A file in
    Explicit VR Little Endian comes out as it is.

    Args:
        source: Part 10 file in Implicit VR Little Endian, Explicit VR Big Endian or Explicit VR
            Little Endian; a deflated one goes through `inflate.inflate` first.
        limits: Bounds, those of the scan.

    Raises:
        InstanceRejected: It is in another transfer syntax or damaged; the scan would have
            refused a damaged one.
    """
    window = Window(source)
    meta = file_meta.read_meta(window, _ignore)
    if meta.transfer_syntax == EXPLICIT_LITTLE and not _is_implicit(window, meta, limits):
        yield from _as_it_is(source)
    elif meta.transfer_syntax in (IMPLICIT_LITTLE, EXPLICIT_BIG, EXPLICIT_LITTLE):
        yield file_meta.rewritten(window, meta, EXPLICIT_LITTLE)
        yield from gathered(_data_set(window, meta, limits))
    else:
        raise refusal.syntax_not_supported(
            f"transfer syntax {meta.transfer_syntax} is not rewritten here"
        )


def _ignore(_detail: str) -> None:
    """Deviations were told when the file was scanned."""


def _as_it_is(source: ByteSource) -> Iterator[bytes]:
    for start in range(0, source.size, _CHUNK):
        yield source.read_at(start, min(_CHUNK, source.size - start))


def scope_of(window: Window, meta: FileMeta) -> Scope:
    """The data set of a file, in the encoding that its transfer syntax says."""
    syntax = meta.transfer_syntax
    return Scope(
        None, window.size, syntax == IMPLICIT_LITTLE, syntax == EXPLICIT_BIG, definite=True
    )


def _is_implicit(window: Window, meta: FileMeta, limits: ScanLimits) -> bool:
    """Whether the data set is in implicit VR although its transfer syntax says otherwise."""
    scope = scope_of(window, meta)
    for _ in Walker(window, limits, _ignore).walk(meta.end, scope):
        break
    return scope.implicit


def _data_set(window: Window, meta: FileMeta, limits: ScanLimits) -> Iterator[bytes]:
    walker = Walker(window, limits, _ignore)
    for event in walker.walk(meta.end, scope_of(window, meta)):
        yield from written(walker, event)


def gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same with small pieces put together; an empty piece stays where it is."""
    held = bytearray()
    for piece in pieces:
        small = 0 < len(piece) <= _GATHERED
        if small:
            held += piece
        if held and (not small or len(held) > _GATHERED):
            yield bytes(held)
            held.clear()
        if not small:
            yield piece
    if held:
        yield bytes(held)


def written(walker: Walker, event: Event) -> Iterator[bytes]:
    """What a walk has found, in Explicit VR Little Endian; group lengths fall away.

    Args:
        walker: It has just yielded the event.
        event: An element, or begin or end of a sequence or item.
    """
    kind, tag, vr, offset, length = event
    if kind == reader.ELEMENT:
        if tag & 0xFFFF:
            yield header(tag, vr, length)
            yield from _value(walker, offset, length, walker.scope.word(tag, vr))
    elif kind == reader.FRAGMENTS:
        yield fragments_head(tag, vr)
        yield from _value(walker, offset, length, 1)
        if walker.fragments is not None and not walker.fragments.closed:
            yield SEQUENCE_END
    elif kind == reader.SEQUENCE:
        yield _tag(tag) + _SEQUENCE_HEAD
    else:
        yield _MARKS[kind]


def _value(walker: Walker, offset: int, length: int, word: int) -> Iterator[bytes]:
    for start, size in walker.window.chunks(offset, length, _CHUNK):
        yield swap(walker.window.read(start, size), word)


def fragments_head(tag: int, vr: str) -> bytes:
    """What stands in front of the items of encapsulated pixel data (PS3.5 A.4)."""
    return _tag(tag) + vr.encode() + b"\0\0" + _UNDEFINED


_MARKS = {
    reader.ITEM: _ITEM,
    reader.ITEM_END: _ITEM_END,
    reader.SEQUENCE_END: SEQUENCE_END,
}


def _tag(tag: int) -> bytes:
    return pack("<HH", tag >> 16, tag & 0xFFFF)


def header(tag: int, vr: str, length: int) -> bytes:
    """Tag, VR and length of an element; UN where the length does not fit the VR (N12)."""
    group, element = tag >> 16, tag & 0xFFFF
    if vrs.explicit_header_size(vr, length) == 8:
        return pack("<HH2sH", group, element, vr.encode(), length)
    code = b"UN" if vr in vrs.SHORT_NAMES else vr.encode()
    return pack("<HH2sHI", group, element, code, 0, length)
