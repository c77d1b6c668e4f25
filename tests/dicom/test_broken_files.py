"""docs/input.md says what becomes of each irregular file of the collection, and that is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dicomweb_server.dicom.meta import BEGINNING, PREAMBLE, lacks_preamble
from dicomweb_server.errors import InstanceRejected
from tests.data import broken_files
from tests.dicom.scans import scanned

_PAGE = Path(__file__).parents[2] / "docs" / "input.md"
_ROW = re.compile(r"^\| `([^`]+)` \| (.+) \|$", re.MULTILINE)


def _table() -> dict[str, str]:
    return dict(_ROW.findall(_PAGE.read_text("utf-8")))


def _decision(data: bytes) -> str:
    if lacks_preamble(data[:BEGINNING]):
        data = PREAMBLE + data  # as every way into the archive does it
    try:
        warnings = scanned(data).warnings
    except InstanceRejected as refused:
        return f"refused ({refused.reason:04X}): {refused.detail}"
    return "stored with warning: " + "; ".join(warnings) if warnings else "stored"


@pytest.mark.parametrize("name", sorted(_table()))
def test_each_broken_file_gets_its_documented_answer(name: str, data_folder: Path) -> None:
    assert _decision((data_folder / "broken" / name).read_bytes()) == _table()[name]


def test_every_broken_file_is_documented(data_folder: Path) -> None:
    names = {path.relative_to(data_folder / "broken").as_posix() for path in broken_files()}
    assert names <= set(_table())
