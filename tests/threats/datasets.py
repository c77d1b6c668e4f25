"""Part 10 files that lie about what is in them (T8), and deflated ones that unfold (T10)."""

from __future__ import annotations

import zlib
from struct import pack

from tests.datasets import dataset, part10

_ITEM = b"\xfe\xff\x00\xe0"
_END_ITEM = b"\xfe\xff\x0d\xe0\0\0\0\0"
_END = b"\xfe\xff\xdd\xe0\0\0\0\0"
_OPEN = b"\xff\xff\xff\xff"
_SEQUENCE = b"\x08\0\x15\x11SQ\0\0"
_PIXELS = b"\xe0\x7f\x10\0"


def sound(number: int, **attributes: object) -> bytes:
    """A file of its own SOP Instance UID."""
    return part10(dataset(SOPInstanceUID=f"1.2.3.4.{number}", **attributes))


def _behind(data: bytes, tail: bytes) -> bytes:
    """A file without its pixel data, and something else there."""
    return data[: data.index(_PIXELS + b"OW")] + tail


def _element(tag: tuple[int, int], vr: bytes, length: int, value: bytes = b"") -> bytes:
    head = pack("<HH", *tag) + vr
    return (
        head
        + (
            pack("<H", length)
            if vr[:1] in b"CDILPSTU" and vr not in (b"UN", b"SQ", b"UT", b"UC", b"UR")
            else b"\0\0" + pack("<I", length)
        )
        + value
    )


def _replaced(data: bytes, tag: bytes, element: bytes, size: int) -> bytes:
    place = data.index(tag, 132)
    return data[:place] + element + data[place + size :]


def _meta(data: bytes, old: bytes, new: bytes) -> bytes:
    place = data.index(old, 132)
    return data[:place] + new + data[place + len(old) :]


def _compressed(data: bytes) -> bytes:
    return data.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0")


def harmful() -> dict[str, bytes]:
    """Files that cannot be an instance, by what is wrong with them."""
    base = sound(1)
    nested = b"".join((_SEQUENCE, _OPEN, _ITEM, _OPEN))
    rows = base.index(b"\x28\0\x10\0US", 132)
    syntax = base.index(b"\x02\0\x10\0UI", 132)
    return {
        "sequences without end": _behind(base, nested * 5_000),
        "sequences 33 deep": _behind(base, nested * 33 + (_END_ITEM + _END) * 33),
        "sequences 100,000 deep": _behind(base, nested * 100_000),
        "defined sequences, deep": _behind(
            base,
            b"".join(
                _SEQUENCE + pack("<I", 20 * n + 8) + _ITEM + pack("<I", 20 * n)
                for n in range(500, 0, -1)
            ),
        ),
        "length 0xFFFFFFFE": _behind(base, _element((0x7FE0, 0x10), b"OW", 0xFFFFFFFE, b"x" * 32)),
        "length 0x7FFFFFFF": _behind(base, _element((0x7FE0, 0x10), b"OW", 0x7FFFFFFF, b"x" * 32)),
        "private length 0xFFFFFFF0": _behind(base, _element((0x9, 0x1010), b"OB", 0xFFFFFFF0)),
        "undefined length of a text": _behind(
            base, _element((0x40, 0xA160), b"UT", 0xFFFFFFFF, b"x")
        ),
        "undefined length of native pixels": _behind(base, _PIXELS + b"OW\0\0" + _OPEN + b"x" * 32),
        "item longer than its sequence": _behind(
            base, _SEQUENCE + pack("<I", 16) + _ITEM + pack("<I", 5000) + b"x" * 16
        ),
        "sequence longer than the file": _behind(base, _SEQUENCE + pack("<I", 1 << 30)),
        "item of 0xFFFFFFFE": _behind(base, _SEQUENCE + _OPEN + _ITEM + pack("<I", 0xFFFFFFFE)),
        "no item in a sequence": _behind(
            base, _SEQUENCE + _OPEN + b"\x10\0\x10\0PN\x02\0a " + _END
        ),
        "element cut off": base[:-10],
        "header cut off": _behind(base, b"\xe0\x7f\x10"),
        "too many elements": _behind(base, b"\x09\0\x10\x10UN\0\0\0\0\0\0" * 1_000_001),
        "too many items": _behind(
            base, _SEQUENCE + _OPEN + (_ITEM + b"\0\0\0\0") * 1_000_001 + _END
        ),
        "person name of 5 MiB": _behind(
            base, b"\x40\0\x75\xa0UN\0\0" + pack("<I", 5 << 20) + b"x" * (5 << 20)
        )[:-3],
        "meta: VR that is none": _meta(base, b"\x02\0\x10\0UI", b"\x02\0\x10\0\xff\xfe"),
        "meta: VR of NULs": _meta(base, b"\x02\0\x02\0UI", b"\x02\0\x02\0\0\0"),
        "meta: VR of odd case": _meta(base, b"\x02\0\x03\0UI", b"\x02\0\x03\0uI"),
        "meta: long VR, long length": _meta(base, b"\x02\0\x12\0UI", b"\x02\0\x12\0UN"),
        "meta: length beyond the file": base[: syntax + 6] + b"\xff\xff" + base[syntax + 8 :],
        "meta: OB of 0xFFFFFFFF": base[:syntax] + b"\x02\0\x01\0OB\0\0" + _OPEN + base[syntax:],
        "meta: 2 MiB": base[:syntax]
        + b"\x02\0\x02\x01OB\0\0"
        + pack("<I", 2 << 20)
        + bytes(2 << 20)
        + base[syntax:],
        "meta: no transfer syntax": base[:syntax] + base[syntax + 8 + base[syntax + 6] :],
        "pixels without fragments": _compressed(base),
        "fragment beyond the file": _behind(
            base,
            _PIXELS
            + b"OB\0\0"
            + _OPEN
            + _ITEM
            + b"\0\0\0\0"
            + _ITEM
            + pack("<I", 1 << 31)
            + b"\xff\xd8",
        ).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0"),
        "rows cut in two": base[: rows + 7],
    }


def harmless() -> dict[str, bytes]:
    """Files whose lies do not hurt: they are stored, and lead to no frame that is not there."""

    def size(vr: bytes, value: bytes) -> bytes:
        data = sound(2)
        place = data.index(b"\x28\0\x10\0US", 132)
        return (
            data[:place]
            + b"\x28\0\x10\0"
            + vr
            + pack("<H", len(value))
            + value
            + data[place + 10 :]
        )

    return {
        "rows as UL": size(b"UL", pack("<I", 0xFFFFFFFF)),
        "rows as SS": size(b"SS", pack("<h", -1)),
        "rows as DS": size(b"DS", b"4 "),
        "rows of nothing": size(b"US", b""),
        "rows twice": size(b"US", pack("<HH", 4, 65535)),
        "rows 65535": size(b"US", pack("<H", 65535)),
        "frames beyond the pixels": sound(2, NumberOfFrames="999999999"),
        "frames below zero": sound(2, NumberOfFrames="-1"),
        "bits allocated 0": sound(2, BitsAllocated=0),
        "bits allocated 65535": sound(2, BitsAllocated=65535),
        "samples 65535": sound(2, SamplesPerPixel=65535),
    }


def _deflated(tail: bytes, repeat: int) -> bytes:
    """A deflated file whose data set ends in a long repetition."""
    plain = sound(3)
    head = plain.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")
    start = plain.index(b"\x08\0\x16\0UI", 132)
    shift = len(head) - len(plain)
    syntax = head.index(b"\x02\0\x10\0UI", 132)
    head = head[: syntax + 6] + b"\x16\0" + head[syntax + 8 :]
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = [packer.compress(plain[start : plain.index(_PIXELS + b"OW")])]
    body.append(
        packer.compress(_PIXELS + b"OW\0\0" + pack("<I", min(len(tail) * repeat, 0xFFFFFFFE)))
    )
    body += [packer.compress(tail) for _ in range(repeat)]
    body.append(packer.flush())
    return head[: start + shift] + b"".join(body)


def deflate_bombs() -> dict[str, bytes]:
    """Ten ways in which a little deflated data becomes much, or never ends."""
    block = bytes(1 << 20)
    whole = _deflated(block, 40)
    start = whole.rindex(b"1.2.840.10008.1.2.1.99") + 22
    return {
        "40 MiB of zeros": whole,
        "200 MiB of zeros": _deflated(block, 200),
        "a pattern": _deflated(b"ab" * (1 << 19), 40),
        "a long pattern": _deflated(bytes(range(256)) * 4096, 40),
        "private elements": _deflated(b"\x09\0\x10\x10UN\0\0\0\0\0\0" * 80_000, 40),
        "items": _deflated(_ITEM + b"\0\0\0\0", 1_200_000),
        "cut off": whole[: len(whole) // 2],
        "behind another stream": whole + whole[start:],
        "with a zlib header": whole[:start] + b"\x78\x9c" + whole[start:],
        "empty blocks": whole[:start] + b"\0\0\0\xff\xff" * 1_000_000,
    }
