"""ZIP archives as other programs read them."""

from __future__ import annotations

import zipfile as standard
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomweb_server.wire import zipfile
from dicomweb_server.wire.zipfile import ZipWriter


def archive(members: dict[str, bytes]) -> bytes:
    writer = ZipWriter()
    made = []
    for name, data in members.items():
        made += [writer.begin(name, len(data)), writer.data(data[:3]), writer.data(data[3:])]
        made.append(writer.end())
    return b"".join([*made, writer.close()])


@settings(deadline=None)  # a busy machine is no failure
@given(st.dictionaries(st.from_regex(r"[0-9.a-z/]{1,80}", fullmatch=True), st.binary(), max_size=8))
def test_the_standard_library_reads_it_and_its_length_is_foretold(
    members: dict[str, bytes],
) -> None:
    made = archive(members)
    assert len(made) == zipfile.length([(name, len(data)) for name, data in members.items()])
    with standard.ZipFile(BytesIO(made)) as read:
        assert read.testzip() is None
        assert read.namelist() == list(members)
        for entry in read.infolist():
            assert read.read(entry) == members[entry.filename]
            assert entry.compress_type == standard.ZIP_STORED
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)


def test_more_members_than_16_bits_count() -> None:
    made = archive({f"{number}.dcm": b"x" for number in range(70_000)})
    with standard.ZipFile(BytesIO(made)) as read:
        assert len(read.infolist()) == 70_000
        assert read.read("69999.dcm") == b"x"


class _Sparse(BytesIO):
    """A file of which long runs of zeros are not kept."""

    def __init__(self, pieces: list[tuple[int, bytes]], size: int) -> None:
        super().__init__()
        self._pieces, self._size, self._place = pieces, size, 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self._place = offset + (0, self._place, self._size)[whence]
        return self._place

    def tell(self) -> int:
        return self._place

    def read(self, size: int | None = -1) -> bytes:
        wanted = self._size - self._place if size is None or size < 0 else size
        wanted = max(0, min(wanted, self._size - self._place))
        made = bytearray(wanted)
        for start, data in self._pieces:
            low, high = max(start, self._place), min(start + len(data), self._place + wanted)
            if low < high:
                made[low - self._place : high - self._place] = data[low - start : high - start]
        self._place += wanted
        return bytes(made)


def test_sizes_and_places_beyond_32_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    huge = 5 * 1024**3
    monkeypatch.setattr(zipfile, "crc32", lambda chunk, before=0: 0x1234)
    writer, pieces, place = ZipWriter(), [], 0

    def put(data: bytes) -> None:
        nonlocal place
        pieces.append((place, data))
        place += len(data)

    class Long(bytes):
        def __len__(self) -> int:
            return huge

    put(writer.begin("huge.dcm", huge))
    writer.data(Long())
    place += huge
    put(writer.end())
    put(writer.begin("small.dcm", 1))
    put(writer.data(b"x"))
    put(writer.end())
    put(writer.close())
    assert place == zipfile.length([("huge.dcm", huge), ("small.dcm", 1)])
    with standard.ZipFile(_Sparse(pieces, place)) as read:
        first, second = read.infolist()
        assert (first.file_size, first.CRC, first.header_offset) == (huge, 0x1234, 0)
        assert second.header_offset > huge
        with read.open(first) as member:
            assert member.read(10) == bytes(10)


def test_data_of_another_length_than_told_end_the_archive() -> None:
    writer = ZipWriter()
    writer.begin("a", 5)
    writer.data(b"four")
    with pytest.raises(ValueError, match="not as long"):
        writer.end()
