"""Every row of docs/search.md is true."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.datasets import dataset, part10
from tests.site import Site, open_site

_PAGE = Path(__file__).parents[2] / "docs" / "search.md"
_ROW = re.compile(r"^\| `([^`]+)` \| `([^`]+)` \| (yes|no) \| ", re.MULTILINE)
ROWS = _ROW.findall(_PAGE.read_text("utf-8"))
STORED = sorted({stored for stored, _, _ in ROWS})


def study_uid(stored: str) -> str:
    return f"1.2.3.{STORED.index(stored) + 1}"


def made(stored: str) -> bytes:
    keyword, _, value = stored.partition("=")
    uid = study_uid(stored)
    name = "Modality" if keyword == "ModalitiesInStudy" else keyword
    attributes: dict[str, object] = {
        "SpecificCharacterSet": "ISO_IR 192",
        "StudyInstanceUID": uid,
        "SeriesInstanceUID": f"{uid}.1",
        "SOPInstanceUID": f"{uid}.1.1",
        "StudyDate": "19990101",
        name: value,
    }
    return part10(dataset(**attributes))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("data")) as site:
        assert site.store([made(stored) for stored in STORED]).status_code == 200
        yield site


def test_the_page_has_rows() -> None:
    assert len(ROWS) >= 20


@pytest.mark.parametrize(("stored", "query", "found"), ROWS)
def test_the_page_says_what_searches_do(site: Site, stored: str, query: str, found: str) -> None:
    answer = site.search(f"/studies?{query}&limit=1000")
    uids = [row["0020000D"]["Value"] for row in answer]
    assert ([study_uid(stored)] in uids) == (found == "yes")
