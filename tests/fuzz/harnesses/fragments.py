"""Encapsulated pixel data: items, Basic and Extended Offset Tables."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from dicomweb_server.dicom.fragments import OffsetTables, basic_table, frames, walk
from dicomweb_server.dicom.window import Window
from dicomweb_server.errors import InstanceRejected
from dicomweb_server.model.source import MemorySource
from tests.fuzz.dice import Dice
from tests.fuzz.harness import Harness, require_told

_MOST = 64
_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0" + bytes(4)


def _run(data: bytes) -> None:
    dice = Dice(data)
    count = 1 + dice.number(20)
    extended = _words(dice, dice.number(8))
    lengths = _words(dice, dice.number(8))
    body = dice.rest()
    window = Window(MemorySource(body))
    try:
        found = walk(window, 0, len(body), _MOST)
        tables = OffsetTables(basic_table(window, found, _MOST), extended, lengths)
        told: list[str] = []
        table = frames(window, found, tables, count, told.append)
    except InstanceRejected as refusal:
        require_told(refusal)
        return
    assert len(found.ranges) < _MOST
    items = {part.start: part.length for part in found.ranges}
    assert found.end <= len(body)
    seen = -1
    for parts in table or ():
        assert len(table or ()) <= count
        for part in parts:
            assert part.length <= items[part.start], "a frame is made of fragments"
            if not (extended and lengths):  # an extended table may name them in any order
                assert part.start > seen
            seen = part.start


def _words(dice: Dice, count: int) -> tuple[int, ...]:
    """Offsets: small ones, and one byte in 16 of any size."""
    found = []
    for _ in range(count):
        low = dice.number(256)
        found.append(int.from_bytes(dice.take(8), "little") if low >= 240 else low * 2)
    return tuple(found)


def _item(data: bytes) -> bytes:
    return _ITEM + struct.pack("<I", len(data)) + data


def _seeds() -> Iterable[bytes]:
    image = b"\xff\xd8\xff\xd9"
    yield b"\0\0\0" + _item(b"") + _item(image) + _END
    yield b"\1\0\0" + _item(struct.pack("<2I", 0, 12)) + _item(image) * 2 + _END
    yield b"\1\0\0" + _item(b"") + (_item(image) + _item(b"ab")) * 2 + _END
    yield b"\1\2\0\6\2\4\4" + _item(b"") + _item(image) * 2 + _END
    yield b"\2\0\0" + _item(b"") + _item(b"") * 3 + _item(image)


HARNESS = Harness(
    promise="frames are made of fragments that lie in the file, whatever the offset tables say",
    run=_run,
    seeds=_seeds,
    words=(_ITEM, _END, b"\xff\xff\xff\xff", b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\x04\0\0\0"),
    longest=768,
)
