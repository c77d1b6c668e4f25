"""Descriptions of large objects are read once and kept while there is room."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from pydicom import Dataset

from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.errors import NotFound, Unavailable
from dicomweb_server.index.port import Index
from dicomweb_server.model.ids import InstanceKey, Scope
from dicomweb_server.model.instance import InstanceRecord
from dicomweb_server.service.described import Described, through
from tests.datasets import SERIES, STUDY, instance
from tests.service.test_budget import Archive

WORDS = "w" * 9000


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    archive = Archive(tmp_path)
    archive.put(*(instance(n, ImageComments=WORDS, PatientComments=WORDS) for n in (1, 2, 3)))
    archive.put(instance(4))
    yield archive
    archive.close()


def record(archive: Archive, number: int) -> InstanceRecord:
    found = archive.run(archive.index.get(InstanceKey(STUDY, SERIES, f"{SERIES}.{number}")))
    assert isinstance(found, InstanceRecord)
    return found


def reads(archive: Archive, described: Described, *numbers: int) -> int:
    """How often the index is asked for descriptions."""
    records = [record(archive, number) for number in numbers]
    archive.index.calls.clear()
    for each in records:
        found = archive.run(described.of(each))
        assert found.text(0x00080018) == each.key.instance
    return archive.index.calls["documents"]


def test_large_ones_are_kept_and_small_ones_read_again(archive: Archive) -> None:
    described = Described(cast(Index, archive.index), immutable=True)
    assert reads(archive, described, 1, 1, 1) == 1
    assert reads(archive, described, 4, 4) == 2


def test_the_ones_used_last_stay(archive: Archive) -> None:
    described = Described(cast(Index, archive.index), immutable=True, capacity=40_000)
    assert reads(archive, described, 1, 2, 1, 3, 1) == 3
    assert reads(archive, described, 2) == 1


def test_one_alone_stays_however_large_it_is(archive: Archive) -> None:
    described = Described(cast(Index, archive.index), immutable=True, capacity=1)
    assert reads(archive, described, 1, 1, 2, 2, 1) == 3


def test_a_long_one_is_parsed_once_for_all_who_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Archive(tmp_path)
    many = [Dataset() for _ in range(30_000)]
    for item in many:
        item.ReferencedSOPInstanceUID = "1.2.3"
    archive.put(instance(5, ReferencedImageSequence=many))
    long = record(archive, 5)
    described = Described(cast(Index, archive.index), immutable=True)
    parse, seen = Attributes.parse, []

    def noted(text: bytes) -> Attributes:
        seen.append((threading.get_ident(), gc.isenabled()))
        return parse(text)

    monkeypatch.setattr(Attributes, "parse", noted)

    async def crowd() -> list[Attributes]:
        waiting = [asyncio.create_task(described.of(long)) for _ in range(6)]
        first = waiting.pop(0)
        while not seen:  # noqa: ASYNC110 - a thread sets it
            await asyncio.sleep(0)
        first.cancel()
        return await asyncio.gather(*waiting)

    found = archive.run(crowd())
    assert len({id(each) for each in found}) == len(seen) == 1
    assert len(found[0].values(0x00081140)) == 30_000
    assert found[0].length > 1_000_000
    assert seen[0] != (threading.get_ident(), True)
    assert gc.isenabled()
    archive.close()


@pytest.mark.parametrize(("length", "aside"), [(1_000, False), (1_000_000, True)])
def test_what_goes_through_a_long_one_is_done_in_a_thread(length: int, aside: bool) -> None:
    thread = asyncio.run(through(Attributes({}, length=length), threading.get_ident))
    assert (thread != threading.get_ident()) is aside


def test_what_is_gone_or_replaced_meanwhile_is_told(archive: Archive) -> None:
    described = Described(cast(Index, archive.index), immutable=False)
    before = record(archive, 4)
    archive.run(archive.index.remove(Scope.of(before.key)))
    with pytest.raises(NotFound):
        archive.run(described.of(before))
    archive.put(instance(4, PatientID="other"))
    with pytest.raises(Unavailable):
        archive.run(described.of(before))
