"""ZIP archives: read entry by entry, within bounds, names never used as paths (T35)."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest

from dicomweb_server.errors import InvalidRequest
from dicomweb_server.ops.archives import ArchiveLimits, entries
from dicomweb_server.ops.candidates import Candidate, Skipped
from dicomweb_server.testing.datasets import demo_study

LIMITS = ArchiveLimits()


def _zip(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def _reasons(path: Path, limits: ArchiveLimits = LIMITS) -> list[str]:
    return [each.reason for each in entries(path, limits) if isinstance(each, Skipped)]


def _bytes(candidate: Candidate) -> bytes:
    reader = candidate.open()
    try:
        pieces = []
        while piece := reader.read(1000):
            pieces.append(piece)
        return b"".join(pieces)
    finally:
        reader.close()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_entries_are_streamed_as_they_are(tmp_path: Path, method: int) -> None:
    files = demo_study()
    path = _zip(tmp_path / "a.zip", {f"{n}.dcm": data for n, data in enumerate(files)}, method)
    found = [each for each in entries(path, LIMITS) if isinstance(each, Candidate)]
    assert [_bytes(each) for each in found] == files
    assert all(each.uid.startswith("2.25.") for each in found)


def test_names_lead_nowhere(tmp_path: Path) -> None:
    data = demo_study()[0]
    path = _zip(tmp_path / "a.zip", {"../../evil.dcm": data, "/etc/evil.dcm": data})
    found = list(entries(path, LIMITS))
    assert [type(each) for each in found] == [Candidate, Candidate]
    assert all("evil" not in each.name for each in found)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.zip"]


def test_what_is_not_dicom_is_passed_over(tmp_path: Path) -> None:
    path = _zip(
        tmp_path / "a.zip", {"readme.txt": b"hello", "folder/": b"", "inner.zip": b"PK\3\4"}
    )
    assert _reasons(path) == ["", ""]


def test_entry_that_inflates_too_much_is_refused(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", {"bomb": bytes(2_000_000)})
    assert _reasons(path, ArchiveLimits(free=1_000_000)) == ["the entry inflates too much"]


def test_large_entry_is_refused(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", {"large": bytes(1000)})
    assert "larger than 999 bytes" in _reasons(path, ArchiveLimits(entry=999))[0]


def test_entry_that_lies_about_its_size_ends_at_it(tmp_path: Path) -> None:
    data = demo_study()[0]
    path = _zip(tmp_path / "a.zip", {"a.dcm": data})
    raw = bytearray(path.read_bytes())
    place = raw.index(b"PK\x01\x02")
    struct.pack_into("<L", raw, place + 24, 20_000)
    path.write_bytes(raw)
    (found,) = entries(path, LIMITS)
    assert isinstance(found, Candidate)
    with pytest.raises(InvalidRequest, match="damaged"):
        _bytes(found)


def test_encrypted_entry_and_foreign_compression_are_told(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", {"a.dcm": demo_study()[0]}, zipfile.ZIP_LZMA)
    assert "not supported" in _reasons(path)[0]
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)
    assert _reasons(path) == ["the entry is encrypted"]


def test_overlapping_entries_are_refused(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", {"a": bytes(range(256)) * 40, "b": b"x"}, zipfile.ZIP_STORED)
    raw = bytearray(path.read_bytes())
    second = raw.index(b"PK\x01\x02", raw.index(b"PK\x01\x02") + 4)
    struct.pack_into("<LL", raw, second + 20, 10240, 10240)
    path.write_bytes(raw)
    with pytest.raises(InvalidRequest, match="overlap"):
        list(entries(path, LIMITS))


def test_too_many_entries_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", {str(number): b"" for number in range(20)})
    with pytest.raises(InvalidRequest, match="more than 19 entries"):
        list(entries(path, ArchiveLimits(entries=19)))
    with pytest.raises(InvalidRequest, match="directory of more than"):
        list(entries(path, ArchiveLimits(directory=100)))


def test_zip64_directory_is_bounded_too(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    directory = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 9**9, 9**9, 9**12, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 2**32 - 1, 2**32 - 1, 0)
    path.write_bytes(directory + locator + end)
    with pytest.raises(InvalidRequest, match="entries"):
        list(entries(path, LIMITS))


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"PK\x05\x06" + bytes(18), b"", b"x" * 100])
def test_what_is_no_archive_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    if content.startswith(b"PK\x05"):
        assert list(entries(path, LIMITS)) == []
    else:
        with pytest.raises(InvalidRequest, match="cannot be read as a ZIP archive"):
            list(entries(path, LIMITS))


def test_damaged_entry_is_told(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", {"a.dcm": demo_study()[0]})
    raw = bytearray(path.read_bytes())
    raw[200:2000] = bytes(1800)
    path.write_bytes(raw)
    outcomes = list(entries(path, LIMITS))
    assert len(outcomes) == 1
    if isinstance(outcomes[0], Candidate):
        with pytest.raises(InvalidRequest, match="damaged"):
            _bytes(outcomes[0])
