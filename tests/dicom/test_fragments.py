"""Frames of encapsulated pixel data, told apart by tables or without (PS3.5 A.4)."""

from __future__ import annotations

from struct import pack

import pytest

from dicomweb_server.dicom import fragments
from dicomweb_server.dicom.fragments import OffsetTables
from dicomweb_server.dicom.window import Window
from dicomweb_server.errors import InstanceRejected
from dicomweb_server.model.source import MemorySource

_START = b"\xff\xd8\xff\xe0"


def _item(data: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + pack("<I", len(data)) + data


_END = b"\xfe\xff\xdd\xe0\0\0\0\0"


class _Told:
    """Frames of fragments, and the warnings on the way."""

    def __init__(
        self, parts: list[bytes], table: bytes, count: int, tables: OffsetTables | None = None
    ) -> None:
        self.warnings: list[str] = []
        data = _item(table) + b"".join(map(_item, parts)) + _END
        window = Window(MemorySource(data))
        found = fragments.walk(window, 0, len(data), 100)
        assert found.closed
        if tables is None:
            tables = OffsetTables(fragments.basic_table(window, found, 100))
        frames = fragments.frames(window, found, tables, count, self.warnings.append)
        self.frames = frames and [
            b"".join(data[part.start : part.start + part.length] for part in frame)
            for frame in frames
        ]


def _basic(*offsets: int) -> bytes:
    return pack(f"<{len(offsets)}I", *offsets)


def test_basic_table_groups_fragments() -> None:
    told = _Told([b"aa", b"bb", b"cccc", b"dd"], _basic(0, 20), 2)
    assert told.frames == [b"aabb", b"ccccdd"]
    assert not told.warnings


def test_empty_table_with_one_fragment_per_frame() -> None:
    assert _Told([b"aa", b"bb"], b"", 2).frames == [b"aa", b"bb"]


def test_a_single_frame_takes_all_fragments() -> None:
    assert _Told([b"aa", b"bb", b"cc"], b"", 1).frames == [b"aabbcc"]
    assert _Told([b"aa", b"bb", b"cc"], _basic(0), 1).frames == [b"aabbcc"]


def test_empty_last_fragment_belongs_to_no_frame() -> None:
    assert _Told([b"aa", b"bb", b""], b"", 2).frames == [b"aa", b"bb"]
    assert _Told([b"aa", b""], b"", 1).frames == [b"aa"]


@pytest.mark.parametrize("start", [_START, b"\xff\x4f\xff\x51", b"\xff\x0a12"])
def test_frames_are_told_by_the_beginnings_of_images(start: bytes) -> None:
    told = _Told([start, b"aa", start + b"bb", b"cc", b"dd"], b"", 2)
    assert told.frames == [start + b"aa", start + b"bbccdd"]
    assert not told.warnings


def test_a_wrong_basic_table_is_not_used() -> None:
    told = _Told([_START, _START + b"bb"], _basic(0, 14), 2)
    assert told.frames == [_START, _START + b"bb"]
    assert told.warnings


@pytest.mark.parametrize("offsets", [(2, 10), (0, 0), (0, 10, 900), (10, 0)])
def test_offsets_that_are_no_starts_of_items_are_not_used(offsets: tuple[int, ...]) -> None:
    told = _Told([b"aa", b"bb"], _basic(*offsets), 2)
    assert told.frames == [b"aa", b"bb"]
    assert told.warnings


def test_fragments_that_cannot_be_told_into_frames_give_none() -> None:
    told = _Told([b"aa", b"bb", b"cc"], b"", 2)
    assert told.frames is None
    assert told.warnings


def test_more_frames_promised_than_fragments_are_there() -> None:
    told = _Told([b"aa", b"bb"], b"", 1_000_000)
    assert told.frames == [b"aa", b"bb"]
    assert told.warnings


def test_extended_table_gives_lengths_without_padding() -> None:
    tables = OffsetTables(extended=(0, 12), lengths=(3, 2))
    told = _Told([b"aaa\0", b"bb"], b"", 2, tables)
    assert told.frames == [b"aaa", b"bb"]
    assert not told.warnings


def test_a_wrong_extended_table_is_not_used() -> None:
    told = _Told([b"aa", b"bb"], b"", 2, OffsetTables(extended=(0, 11), lengths=(2, 2)))
    assert told.frames == [b"aa", b"bb"]
    assert told.warnings


def test_a_missing_delimiter_at_the_end_is_noticed() -> None:
    data = _item(b"") + _item(b"aa")
    assert not fragments.walk(Window(MemorySource(data)), 0, len(data), 9).closed


@pytest.mark.parametrize("cut", [1, 2, 3, 9])
def test_a_fragment_cut_off_is_refused(cut: int) -> None:
    data = (_item(b"") + _item(b"aa"))[:-cut]
    with pytest.raises(InstanceRejected, match="cut off"):
        fragments.walk(Window(MemorySource(data)), 0, len(data), 9)


def test_something_else_than_items_is_refused() -> None:
    data = _item(b"") + b"\x08\x00\x18\x00\2\0\0\0ab"
    with pytest.raises(InstanceRejected, match="fragments"):
        fragments.walk(Window(MemorySource(data)), 0, len(data), 9)


def test_more_fragments_than_the_limit_are_refused() -> None:
    data = _item(b"") + _item(b"aa") * 10 + _END
    with pytest.raises(InstanceRejected, match="more than 9"):
        fragments.walk(Window(MemorySource(data)), 0, len(data), 9)
