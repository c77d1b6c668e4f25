"""A row that was acknowledged never keeps a tombstone, however stores and deletions race."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from dicomweb_server.app import Ports, make_services, open_ports, plan_of
from dicomweb_server.auth.open import ANYONE
from dicomweb_server.errors import InvalidMultipart, NotFound, StoreFull, Unavailable
from dicomweb_server.index.port import Removed
from dicomweb_server.index.sqlite.index import SqliteIndex
from dicomweb_server.index.sqlite.tombstones import SqliteTombstones
from dicomweb_server.model.ids import Scope
from dicomweb_server.model.outcome import DuplicatePolicy
from dicomweb_server.ops.datafolder import DataFolder
from dicomweb_server.ops.fsck import check
from dicomweb_server.ops.gc import collect
from dicomweb_server.ops.reindex import rebuild
from dicomweb_server.service.burial import Burial
from dicomweb_server.service.context import Context
from dicomweb_server.service.debts import Debts
from dicomweb_server.service.ingest import Part
from dicomweb_server.settings import Settings, StoreSettings
from dicomweb_server.store.layout import Layout
from dicomweb_server.web.exchange import Services
from tests.datasets import STUDY, instance

CONTEXT = Context(ANYONE, "test")


def settings_of(folder: Path, policy: DuplicatePolicy) -> Settings:
    return Settings(data=folder, store=StoreSettings(duplicates=policy))


async def store(services: Services, *files: bytes) -> None:
    async def body(data: bytes) -> AsyncIterator[bytes]:
        yield data

    async def parts() -> AsyncIterator[Part]:
        for data in files:
            yield Part(body(data))

    report = await services.ingest.store(CONTEXT, None, parts())
    assert not report.failed


async def rows_with_tombstones(ports: Ports) -> tuple[int, frozenset[str]]:
    records = await ports.index.records(Scope())
    return len(records), await ports.tombstones.buried([r.blob.digest for r in records])


async def remove(services: Services) -> None:
    with suppress(NotFound):
        await services.remove.remove(CONTEXT, Scope(STUDY))


def test_the_same_bytes_before_and_behind_others_in_one_request(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, DuplicatePolicy.REPLACE)
    one, other = instance(1, PatientID="one"), instance(1, PatientID="other")

    async def run() -> None:
        async with open_ports(settings) as ports:
            await store(make_services(settings, ports), one, other, one)
            assert await rows_with_tombstones(ports) == (1, frozenset())

    asyncio.run(run())


@pytest.mark.parametrize("policy", [DuplicatePolicy.KEEP, DuplicatePolicy.REPLACE])
@pytest.mark.parametrize("seed", range(4))
def test_racing_stores_and_deletions_lose_nothing_at_a_rebuild(
    tmp_path: Path, policy: DuplicatePolicy, seed: int
) -> None:
    settings = settings_of(tmp_path, policy)
    chance = random.Random(seed)
    versions = [
        [instance(number, PatientID=name) for name in ("one", "other")] for number in range(1, 9)
    ]

    async def client(services: Services) -> None:
        for _ in range(6):
            if chance.random() < 0.2:
                await remove(services)
            else:
                await store(services, *(chance.choice(pair) for pair in versions))

    async def run() -> int:
        async with open_ports(settings) as ports:
            services = make_services(settings, ports)
            await asyncio.gather(*(client(services) for _ in range(5)))
            await store(services, *(pair[0] for pair in versions))
            count, buried = await rows_with_tombstones(ports)
            assert not buried
            return count

    assert asyncio.run(run()) == len(versions)
    for name in ("index.db", "index.db-wal", "index.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    report = rebuild_now(settings)
    assert report == len(versions)


class Interrupted(SqliteTombstones):
    """Tombstones that let something else happen just before the first of them is taken away."""

    meanwhile: Callable[[], Awaitable[None]] | None = None

    async def revive(self, digests: Sequence[str], before: int | None = None) -> None:
        work, self.meanwhile = self.meanwhile, None
        if work is not None:
            await work()
        await super().revive(digests, before)


def test_a_deletion_during_the_last_look_of_a_store_keeps_its_tombstone(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, DuplicatePolicy.KEEP)

    async def run() -> None:
        async with open_ports(settings) as ports:
            opened = Interrupted.open(DataFolder(tmp_path).state)
            assert isinstance(opened, Interrupted)
            services = make_services(settings, replace(ports, tombstones=opened))
            await store(services, instance(1))
            (record,) = await ports.index.records(Scope())
            # A deletion that has come to its first step when the bytes are stored once more.
            await opened.bury([Removed(record.key, record.blob.digest)])
            opened.meanwhile = partial(remove, services)
            await store(services, instance(1))
            assert (await ports.index.counts()).instances == 0
            assert await opened.buried([record.blob.digest]) == {record.blob.digest}
            await opened.close()

    asyncio.run(run())


class Refusing(SqliteTombstones):
    """Tombstones of a disk that is full for a while."""

    is_full = False

    async def revive(self, digests: Sequence[str], before: int | None = None) -> None:
        if self.is_full:
            raise StoreFull("no space is left")
        await super().revive(digests, before)


def test_what_a_full_disk_kept_from_being_deleted_comes_with_a_rebuild(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tombstone goes as soon as there is room (RELIABILITY F4)."""
    settings = settings_of(tmp_path, DuplicatePolicy.KEEP)

    async def full(self: SqliteIndex, scope: Scope) -> tuple[Removed, ...]:
        raise StoreFull("no space is left")

    async def run() -> None:
        async with open_ports(settings) as ports:
            opened = Refusing.open(DataFolder(tmp_path).state)
            assert isinstance(opened, Refusing)
            debts = Debts(Burial(ports.index, opened), 0.01)
            services = make_services(settings, replace(ports, tombstones=opened, debts=debts))
            await store(services, instance(1), instance(2))
            opened.is_full = True
            with monkeypatch.context() as patch:
                patch.setattr(SqliteIndex, "remove", full)
                with pytest.raises(StoreFull):
                    await remove(services)
            _, buried = await rows_with_tombstones(ports)
            assert len(buried) == 2
            opened.is_full = False
            for _ in range(1_000):
                _, buried = await rows_with_tombstones(ports)
                if not buried:
                    break
                await asyncio.sleep(0.01)
            assert not buried
            await debts.close()
            await opened.close()

    asyncio.run(run())
    (tmp_path / "index.db").unlink()
    assert rebuild_now(settings) == 2


def test_a_broken_off_upload_does_not_come_with_a_rebuild(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, DuplicatePolicy.KEEP)

    async def broken_off() -> AsyncIterator[Part]:
        async def body(data: bytes) -> AsyncIterator[bytes]:
            yield data

        yield Part(body(instance(1)))
        yield Part(body(instance(2)))
        await asyncio.sleep(0.2)  # time for both to be committed
        raise InvalidMultipart("the body was broken off")

    async def run() -> None:
        async with open_ports(settings) as ports:
            services = make_services(settings, ports)
            await store(services, instance(1))
            with pytest.raises(InvalidMultipart):
                await services.ingest.store(CONTEXT, None, broken_off())

    asyncio.run(run())
    (tmp_path / "index.db").unlink()
    assert rebuild_now(settings) == 1


def rebuild_now(settings: Settings) -> int:
    plan, limits = plan_of(settings), settings.scan_limits()
    asyncio.run(rebuild(DataFolder(settings.data), plan, limits, processes=1))

    async def count() -> int:
        async with open_ports(settings) as ports:
            return (await ports.index.counts()).instances

    return asyncio.run(count())


def test_bytes_that_gc_removed_under_a_request_are_not_acknowledged(tmp_path: Path) -> None:
    """A clock that was set forward makes everything old, also what is being stored."""
    settings = settings_of(tmp_path, DuplicatePolicy.KEEP)

    async def run() -> None:
        async with open_ports(settings) as ports:
            services = make_services(settings, ports)

            async def parts() -> AsyncIterator[Part]:
                async def body() -> AsyncIterator[bytes]:
                    yield instance(1)

                yield Part(body())
                for _ in range(1_000):
                    if list(ports.store.walk()):
                        break
                    await asyncio.sleep(0.01)
                found = await collect(ports.store, ports.index, ports.tombstones, -86_400)
                assert found.removed == 1

            with pytest.raises(Unavailable, match="removed"):
                await services.ingest.store(CONTEXT, None, parts())
            assert (await ports.index.counts()).instances == 0
            await store(services, instance(1))
            assert await rows_with_tombstones(ports) == (1, frozenset())

    asyncio.run(run())


def test_gc_of_everything_beside_stores_and_deletions_leaves_no_row_without_bytes(
    tmp_path: Path,
) -> None:
    settings = settings_of(tmp_path, DuplicatePolicy.REPLACE)
    chance = random.Random(1)

    async def client(services: Services) -> None:
        for _ in range(20):
            with suppress(Unavailable):
                if chance.random() < 0.3:
                    await remove(services)
                else:
                    name = chance.choice(["one", "other"])
                    await store(services, instance(chance.randrange(4), PatientID=name))

    async def collector(ports: Ports, done: asyncio.Event) -> int:
        removed = 0
        while not done.is_set():
            removed += (await collect(ports.store, ports.index, ports.tombstones, -86_400)).removed
        return removed

    async def run() -> None:
        async with open_ports(settings) as ports:
            services, done = make_services(settings, ports), asyncio.Event()
            collecting = asyncio.create_task(collector(ports, done))
            await asyncio.gather(*(client(services) for _ in range(4)))
            done.set()
            assert await collecting > 0
            layout = Layout(settings.data)
            report = await check(ports.store, layout, ports.index, ports.damage, hashes=True)
            assert report.healthy
            _, buried = await rows_with_tombstones(ports)
            assert not buried

    asyncio.run(run())
