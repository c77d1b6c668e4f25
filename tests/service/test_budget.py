"""What requests may cost, in calls: held by counting, never by a clock."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicomweb_server.app import make_services, open_ports
from dicomweb_server.auth.open import ANYONE
from dicomweb_server.dicom import window
from dicomweb_server.index.sqlite.index import SqliteIndex
from dicomweb_server.model.ids import InstanceKey, Scope
from dicomweb_server.model.source import ByteSource
from dicomweb_server.service.context import Context
from dicomweb_server.service.delivery import Delivery
from dicomweb_server.service.ingest import Part
from dicomweb_server.settings import Settings
from dicomweb_server.store.wrappers import CountingStore
from dicomweb_server.web.exchange import Services
from dicomweb_server.wire.accept import Wish
from tests.datasets import INSTANCE, SERIES, STUDY, dataset, instance, part10

T = TypeVar("T")

KEY = InstanceKey(STUDY, SERIES, INSTANCE)
CONTEXT = Context(ANYONE, "test")
OCTETS = [Wish("application/octet-stream", ExplicitVRLittleEndian, multipart=True)]
STORED = [Wish("application/dicom", "*", multipart=True)]


class Counted:
    """Counts the calls of an index and passes them on."""

    def __init__(self, inner: SqliteIndex) -> None:
        self._inner = inner
        self.calls: Counter[str] = Counter()
        self.generation = inner.generation

    def __getattr__(self, name: str) -> Callable[..., Awaitable[object]]:
        return partial(self._call, name)

    async def _call(self, name: str, *arguments: object) -> object:
        self.calls[name] += 1
        return await getattr(self._inner, name)(*arguments)


class Archive:
    """Services over counted ports."""

    def __init__(self, folder: Path) -> None:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        settings = Settings(data=folder)
        ports = self.run(self._stack.enter_async_context(open_ports(settings)))
        self.store = CountingStore(ports.store)
        self.index = Counted(ports.index)
        counted = replace(ports, store=self.store, index=cast(SqliteIndex, self.index))
        self.services: Services = make_services(settings, counted)

    def run(self, work: Awaitable[T]) -> T:
        async def awaited() -> T:
            return await work

        return self._runner.run(awaited())

    def put(self, *files: bytes) -> None:
        async def body(data: bytes) -> AsyncIterator[bytes]:
            yield data

        async def parts() -> AsyncIterator[Part]:
            for data in files:
                yield Part(body(data))

        report = self.run(self.services.ingest.store(CONTEXT, None, parts()))
        assert not report.failed
        self.store.calls.clear()
        self.index.calls.clear()

    def read(self, delivery: Delivery) -> list[bytes]:
        async def all_parts() -> list[bytes]:
            return [b"".join([chunk async for chunk in p.body(None)]) for p in delivery.parts]

        return self.run(all_parts())

    def close(self) -> None:
        self.run(self._stack.aclose())
        self._runner.close()


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    archive = Archive(tmp_path)
    yield archive
    archive.close()


@pytest.fixture
def no_parsing(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on, whatever parses DICOM raises."""

    def forbid() -> None:
        def parsed(*_: object, **__: object) -> None:
            raise AssertionError("DICOM was parsed")

        monkeypatch.setattr(pydicom, "dcmread", parsed)
        monkeypatch.setattr(window.Window, "__init__", parsed)

    return forbid


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_frame_costs_one_index_call_one_read_and_no_parsing(
    archive: Archive, no_parsing: Callable[[], None], syntax: str
) -> None:
    archive.put(part10(dataset(NumberOfFrames=4, PixelData=bytes(range(128))), syntax))
    no_parsing()
    delivery = archive.run(archive.services.retrieve.frames(CONTEXT, KEY, [3], OCTETS))
    assert archive.read(delivery) == [bytes(range(64, 96))]
    assert archive.index.calls == {"get": 1}
    assert archive.store.calls == {"read": 1, "read.ranges": 1}


def test_many_small_frames_cost_one_read(archive: Archive, no_parsing: Callable[[], None]) -> None:
    archive.put(part10(dataset(NumberOfFrames=4, PixelData=bytes(range(128)))))
    no_parsing()
    delivery = archive.run(archive.services.retrieve.frames(CONTEXT, KEY, [1, 2, 4], OCTETS))
    assert b"".join(archive.read(delivery)) == bytes(range(64)) + bytes(range(96, 128))
    assert archive.store.calls["read"] == 1


def test_series_metadata_cost_two_index_calls_and_no_file(
    archive: Archive, no_parsing: Callable[[], None]
) -> None:
    archive.put(*(instance(number) for number in range(1, 30)))
    no_parsing()
    found = archive.run(archive.services.retrieve.metadata(CONTEXT, Scope(STUDY, SERIES)))
    assert len(b"".join(found.chunks("http://host/dicom-web"))) > 10_000
    assert archive.index.calls == {"revision": 1, "documents": 1}
    assert not archive.store.calls


def test_a_series_is_streamed_as_it_lies_without_parsing(
    archive: Archive, no_parsing: Callable[[], None]
) -> None:
    files = [instance(number) for number in range(1, 10)]
    archive.put(*files)
    no_parsing()
    delivery = archive.run(
        archive.services.retrieve.instances(CONTEXT, Scope(STUDY, SERIES), STORED)
    )
    assert archive.read(delivery) == files
    assert archive.store.calls == {
        "states": 1,
        "states.blobs": 9,
        "stream": 9,
    }


def test_an_instance_is_scanned_once_when_it_is_stored(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows: Counter[str] = Counter()
    opened = window.Window.__init__

    def counted(self: window.Window, source: ByteSource) -> None:
        windows["opened"] += 1
        opened(self, source)

    monkeypatch.setattr(window.Window, "__init__", counted)
    archive.put(instance(1), instance(2))
    assert windows["opened"] == 2


def test_the_same_bytes_again_are_not_written_again(archive: Archive) -> None:
    archive.put(instance(1))

    async def parts() -> AsyncIterator[Part]:
        async def body() -> AsyncIterator[bytes]:
            yield instance(1)

        yield Part(body())

    archive.run(archive.services.ingest.store(CONTEXT, None, parts()))
    assert "stage.commit" not in archive.store.calls
    assert "put" not in archive.index.calls
