"""Finding instances in folders, archives and DICOMDIRs."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file

from dicomweb_server.ops.candidates import Candidate, Skipped
from dicomweb_server.ops.discovery import discover, measure
from dicomweb_server.testing.datasets import demo_study


def _medium(tmp_path: Path) -> Path:
    """A copy of the medium with a DICOMDIR that comes with pydicom."""
    found = get_testdata_file("dicomdirtests/DICOMDIR")
    assert isinstance(found, str)
    return Path(shutil.copytree(Path(found).parent, tmp_path / "medium"))


def _names(paths: list[Path]) -> list[str]:
    return sorted(each.name for each in discover(paths) if isinstance(each, Candidate))


def _reasons(paths: list[Path]) -> list[str]:
    return [each.reason for each in discover(paths) if isinstance(each, Skipped) and each.reason]


def test_folder_is_searched_with_subfolders_and_archives(tmp_path: Path) -> None:
    first, second, *_ = demo_study()
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "without_ending").write_bytes(first)
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "short.dcm").write_bytes(b"DICM")
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("x", second)
    found = list(discover([tmp_path]))
    candidates = [each for each in found if isinstance(each, Candidate)]
    assert len(candidates) == 2
    assert sum(isinstance(each, Skipped) for each in found) == 2
    assert measure([tmp_path]) > len(first)


def test_special_files_are_passed_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
    assert _names([tmp_path]) == []


def test_file_that_is_gone_is_told(tmp_path: Path) -> None:
    assert _reasons([tmp_path / "gone"]) == ["cannot be read: No such file or directory"]


def test_dicomdir_stands_for_the_files_that_it_references(tmp_path: Path) -> None:
    medium = _medium(tmp_path)
    names = _names([medium / "DICOMDIR"])
    records = dcmread(medium / "DICOMDIR").DirectoryRecordSequence
    referenced = [record for record in records if "ReferencedFileID" in record]
    assert len(names) == len(referenced) == 31
    assert all(Path(name).is_relative_to(medium) for name in names)


def test_dicomdir_in_a_folder_is_passed_over(tmp_path: Path) -> None:
    medium = _medium(tmp_path)
    names = _names([medium])
    assert len(names) >= 31
    assert not any(Path(name).name == "DICOMDIR" for name in names)


def test_names_of_a_medium_are_found_in_other_case(tmp_path: Path) -> None:
    medium = _medium(tmp_path)
    for folder, _, files in os.walk(medium, topdown=False):
        for name in files:
            if name != "DICOMDIR":
                (Path(folder) / name).rename(Path(folder) / name.lower())
    assert len(_names([medium / "DICOMDIR"])) == 31


@pytest.mark.parametrize(
    "name", [["..", "secret"], ["/etc/passwd"], ["a", "..", "..", "b"], ["C:", "x"]]
)
def test_dicomdir_cannot_lead_out_of_its_folder(tmp_path: Path, name: list[str]) -> None:
    (tmp_path / "secret").write_bytes(demo_study()[0])
    medium = _medium(tmp_path)
    _rename_first(medium / "DICOMDIR", name)
    assert any("outside its folder" in reason for reason in _reasons([medium / "DICOMDIR"]))


def test_link_out_of_the_folder_of_a_dicomdir_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(demo_study()[0])
    medium = _medium(tmp_path)
    (medium / "LINK").symlink_to(tmp_path / "secret")
    _rename_first(medium / "DICOMDIR", ["LINK"])
    assert _reasons([medium / "DICOMDIR"]) == ["leads out of the folder of the DICOMDIR"]


def test_file_that_a_dicomdir_names_in_vain_is_told(tmp_path: Path) -> None:
    medium = _medium(tmp_path)
    _rename_first(medium / "DICOMDIR", ["MISSING"])
    assert _reasons([medium / "DICOMDIR"]) == ["named by the DICOMDIR, not there"]


def test_broken_dicomdir_is_told(tmp_path: Path) -> None:
    medium = _medium(tmp_path)
    data = (medium / "DICOMDIR").read_bytes()
    (medium / "DICOMDIR").write_bytes(data[: len(data) // 2])
    found = list(discover([medium / "DICOMDIR"]))
    assert found


def _rename_first(path: Path, name: list[str]) -> None:
    directory: Dataset = dcmread(path)
    for record in directory.DirectoryRecordSequence:
        if "ReferencedFileID" in record:
            with_any = record["ReferencedFileID"]
            with_any.validation_mode = 0
            with_any.value = name
            break
    directory.save_as(path)
