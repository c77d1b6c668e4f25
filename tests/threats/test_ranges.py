"""Range headers that ask for more than there is, or for much of little (T17)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import datasets
from tests.site import Site, open_site

_INSTANCE = f"/studies/{datasets.STUDY}/series/{datasets.SERIES}/instances/{datasets.INSTANCE}"
_PATHS = (f"{_INSTANCE}/bulkdata/7FE00010", f"{_INSTANCE}/pixeldata", _INSTANCE)
_RANGES = (
    "bytes=" + "0-," * 2_700,
    "bytes=" + ",".join(f"{n}-{n}" for n in range(1_300)),
    "bytes=0-0,1-1",
    "bytes=5-,0-3,-5",
    "bytes=0-" + "9" * 4_000,
    "bytes=" + "0" * 8_000 + "-0",
    "bytes=-" + "9" * 4_000,
    "bytes=18446744073709551615-",
    "bytes=0-18446744073709551616",
    "bytes=-0",
    "bytes=2-1",
    "bytes= 0 - 1",
    "items=0-1",
    "bytes=",
    "bytes=-",
    "BYTES=0-1",
    "bytes=0x0-0x1",
    "bytes=0-1;q=1",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with one instance."""
    with open_site(tmp_path_factory.mktemp("site")) as opened:
        assert opened.store([datasets.part10(datasets.dataset())]).status_code == 200
        yield opened


@pytest.mark.parametrize("path", _PATHS)
@pytest.mark.parametrize("asked", _RANGES, ids=lambda text: text[:24])
def test_t17_an_answer_is_the_whole_one_part_of_it_or_416(
    site: Site, path: str, asked: str
) -> None:
    accept = "application/dicom" if path == _INSTANCE else "application/octet-stream"
    whole = site.get(path, accept).content
    answer = site.request("GET", path, headers={"Accept": accept, "Range": asked})
    assert answer.status_code in (200, 206, 416)
    assert not answer.headers["content-type"].startswith("multipart/byteranges")
    if answer.status_code == 200:
        assert answer.content == whole
    elif answer.status_code == 206:
        first, _, last = answer.headers["content-range"][6:].partition("/")[0].partition("-")
        assert answer.content == whole[int(first) : int(last) + 1]
        assert len(answer.content) == int(answer.headers["content-length"])
    else:
        assert answer.headers["content-range"] == f"bytes */{len(whole)}"
