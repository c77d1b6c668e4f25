"""Private attributes in searches (STANDARD A18, F4; PS3.18 8.3.4.1, 8.3.4.3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dicomweb_server.settings import Settings
from tests.datasets import SERIES, STUDY, dataset, part10
from tests.site import Site, open_site

INSTANCES = f"/studies/{STUDY}/series/{SERIES}/instances"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    index = Settings().index.__class__(extra=("00090010", "00091001"))
    with open_site(tmp_path, index=index) as site:
        for number, creator, value in (
            (1, "ACME", "north"),
            (2, "ACME", "south"),
            (3, "X", "north"),
        ):
            made = dataset(SOPInstanceUID=f"{SERIES}.{number}")
            made.add_new(0x00090010, "LO", creator)
            made.add_new(0x00091001, "LO", value)
            made.add_new(0x00091002, "SH", f"{number}")
            site.store([part10(made)])
        yield site


def found(site: Site, query: str) -> list[str]:
    rows = site.search(f"{INSTANCES}?{query}")
    return sorted(str(row["00080018"]["Value"]) for row in rows)


def uids(*numbers: int) -> list[str]:
    return [f"['{SERIES}.{number}']" for number in numbers]


def test_a18_a_private_key_matches_with_its_creator(site: Site) -> None:
    assert found(site, "00090010=ACME&00091001=north") == uids(1)
    assert found(site, "00090010=ACME&00091001=*o*") == uids(1, 2)
    assert found(site, "00090010=ACME") == uids(1, 2)
    assert found(site, "00090010=X&00091001=south") == []


def test_a20_what_matched_is_returned_with_its_creator(site: Site) -> None:
    (row,) = site.search(f"{INSTANCES}?00090010=ACME&00091001=north")
    assert row["00091001"] == {"vr": "LO", "Value": ["north"]}
    assert row["00090010"] == {"vr": "LO", "Value": ["ACME"]}


def test_a18_without_its_creator_it_is_ignored_with_a_warning(site: Site) -> None:
    response = site.get(f"{INSTANCES}?00091001=north", "application/dicom+json")
    assert len(response.json()) == 3
    assert "00090010=NAME" in response.headers["warning"]


def test_f4_includefield_brings_what_is_not_indexed_too(site: Site) -> None:
    rows = site.search(f"{INSTANCES}?00090010=ACME&includefield=00091002")
    assert sorted(str(row["00091002"]["Value"]) for row in rows) == ["['1']", "['2']"]
    assert all(row["00090010"]["Value"] == ["ACME"] for row in rows)
    assert "00091001" not in rows[0]
