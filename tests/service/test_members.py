"""Instances of a scope in pages: of one moment, whatever is stored and deleted meanwhile."""

from __future__ import annotations

import pytest

from dicomweb_server.index.memory import MemoryIndex
from dicomweb_server.model.ids import Scope
from dicomweb_server.model.outcome import DuplicatePolicy
from dicomweb_server.service import members
from dicomweb_server.service.members import Members
from dicomweb_server.testing.instances import recipe

pytestmark = pytest.mark.anyio
STUDY = Scope("1.2.3.1")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=[1, 2, 3, 1000], autouse=True)
def page(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(members, "_PAGE", request.param)
    return int(request.param)


async def filled(*numbers: int) -> MemoryIndex:
    index = MemoryIndex()
    await put(index, *numbers)
    return index


async def put(index: MemoryIndex, *numbers: int, content: str = "") -> None:
    made = [recipe(1, 1, number, content=content).make() for number in numbers]
    await index.put(made, DuplicatePolicy.REPLACE)


async def test_every_instance_comes_once_in_the_order_of_arrival() -> None:
    index = await filled(3, 1, 2)
    found = [record async for record in Members(index).records(STUDY)]
    assert [record.key for record in found] == [recipe(1, 1, n).key for n in (3, 1, 2)]
    assert [pair async for pair in Members(index).inspected(STUDY)] == [(r, "") for r in found]
    assert [r async for r in Members(index).records(STUDY, 2)] == found[:2]
    without = [r async for r in Members(index).records(STUDY, None, {found[0].key})]
    assert without == found[1:]


async def test_nothing_comes_from_where_nothing_is() -> None:
    index = await filled()
    assert [record async for record in Members(index).records(STUDY)] == []
    assert [record async for record in Members(index).records(Scope())] == []
    assert [record async for record in Members(index).records(Scope.of(recipe().key))] == []


@pytest.mark.parametrize("harm", ["deleted and stored", "replaced", "stored"])
async def test_what_is_stored_again_meanwhile_comes_once(harm: str) -> None:
    index = await filled(1, 2, 3)
    found = []
    async for record in Members(index).records(STUDY):
        found.append(record.key)
        if len(found) == 1 and harm == "deleted and stored":
            await index.remove(Scope.of(record.key))
            await put(index, 1)
        elif len(found) == 1 and harm == "replaced":
            await put(index, 1, content="other")
        elif len(found) == 1:
            await put(index, 4)
    assert found == [recipe(1, 1, number).key for number in (1, 2, 3)]


async def test_one_instance_comes_if_it_is_not_newer() -> None:
    index = await filled(1)
    one = Scope.of(recipe(1, 1, 1).key)
    assert len([record async for record in Members(index).records(one, 1)]) == 1
    await put(index, 1, content="other")
    assert len([record async for record in Members(index).records(one)]) == 1
    assert [record async for record in Members(index).records(one, 1)] == []
