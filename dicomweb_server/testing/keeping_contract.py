# ruff: noqa: S101 - these are tests: they assert
"""The part of the contract of an Index that keeps rows and bytes together: checks and releases."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress

import pytest

from dicomweb_server.errors import Unavailable
from dicomweb_server.index.port import Index
from dicomweb_server.model.ids import Scope
from dicomweb_server.model.instance import NewInstance
from dicomweb_server.model.outcome import DuplicatePolicy, PutOutcome
from dicomweb_server.testing.instances import recipe
from dicomweb_server.testing.search_contract import fill

KEEP, REPLACE = DuplicatePolicy.KEEP, DuplicatePolicy.REPLACE


@pytest.mark.anyio
class KeepingContract:
    """What every Index does so that no row is without its bytes."""

    async def test_a_put_that_its_check_refuses_adds_nothing(self, index: Index) -> None:
        (old,) = await fill(index, recipe(1, 1, 1))
        calls: list[str] = []

        def refuse() -> None:
            calls.append("refused")
            raise Unavailable("the bytes are gone")

        made = [recipe(1, 1, 2).make(), recipe(1, 1, 1, content="other").make()]
        others = [recipe(2, 1, number).make() for number in range(20)]
        for policy in (KEEP, REPLACE):
            # Those that are committed together with it are none the worse for it.
            results = await asyncio.gather(
                *(index.put([other], policy) for other in others[:10]),
                index.put(made, policy, refuse),
                *(index.put([other], policy) for other in others[10:]),
                return_exceptions=True,
            )
            assert isinstance(results[10], Unavailable)
            assert sum(isinstance(result, BaseException) for result in results) == 1
        assert calls
        assert set(calls) == {"refused"}
        assert [record.key for record in await index.records(Scope("1.2.3.1"))] == [old.scanned.key]
        assert await index.revision(Scope("1.2.3.1")) == 1
        assert (await index.counts()).instances == 21
        assert [change.sequence for change in await index.changes(0, 30)] == list(range(1, 22))
        assert await index.referenced([new.blob.digest for new in made]) == frozenset()

    async def test_a_put_whose_check_is_content_counts(self, index: Index) -> None:
        calls: list[str] = []
        (result,) = await index.put([recipe().make()], KEEP, lambda: calls.append("asked"))
        assert (result.outcome, result.sequence) == (PutOutcome.ADDED, 1)
        assert calls == ["asked"]
        (result,) = await index.put([recipe().make()], KEEP, lambda: calls.append("again"))
        assert result.outcome is PutOutcome.UNCHANGED
        assert calls == ["asked", "again"]

    # Blobs that nobody refers to

    async def test_only_blobs_without_a_row_are_released(self, index: Index) -> None:
        live, gone = await fill(index, recipe(1), recipe(2))
        await index.remove(Scope("1.2.3.2"))
        never, busy = "1" * 64, "2" * 64
        asked: list[str] = []

        async def discard(digest: str) -> bool:
            asked.append(digest)
            return digest != busy

        wanted = [busy, live.blob.digest, never, gone.blob.digest]
        assert await index.release(wanted, discard) == (never, gone.blob.digest)
        assert asked == [busy, never, gone.blob.digest]
        assert await index.release([], discard) == ()
        assert await index.release([live.blob.digest], discard) == ()
        assert await index.get(live.scanned.key) is not None

    async def test_a_failure_to_discard_is_told_and_the_index_goes_on(self, index: Index) -> None:
        async def fail(digest: str) -> bool:
            raise Unavailable(f"{digest[:4]} stays")

        with pytest.raises(Unavailable, match="1111 stays"):
            await index.release(["1" * 64], fail)
        await fill(index, recipe())
        assert (await index.counts()).instances == 1

    async def test_bytes_are_released_or_get_a_row_never_both(self, index: Index) -> None:
        made = [recipe(1, 1, number).make() for number in range(1, 21)]
        there = {new.blob.digest for new in made}

        async def discard(digest: str) -> bool:
            await asyncio.sleep(0)
            there.discard(digest)
            return True

        async def put(new: NewInstance) -> None:
            def check() -> None:
                if new.blob.digest not in there:
                    raise Unavailable("the bytes are gone")

            with suppress(Unavailable):
                await index.put([new], KEEP, check)

        async def release(new: NewInstance) -> tuple[str, ...]:
            return await index.release([new.blob.digest], discard)

        works: list[Coroutine[object, object, object]] = []
        for place, new in enumerate(made):
            pair = put(new), release(new)
            works += pair if place % 2 else reversed(pair)
        await asyncio.gather(*works)
        rows = {record.blob.digest for record in await index.records(Scope())}
        assert rows == there
        assert rows == await index.referenced([new.blob.digest for new in made])
