"""What pictures may cost once they are made, in calls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dicomweb_server.model.ids import Scope
from dicomweb_server.model.rendering import RenderOptions
from dicomweb_server.service.render import Ask
from dicomweb_server.service.rendition import Made, Rendition
from dicomweb_server.wire.rendered_types import Wanted
from tests.datasets import SERIES, STUDY, instance
from tests.service.test_budget import CONTEXT, Archive

JPEG = Wanted(("image/jpeg",))
ASK = Ask(CONTEXT, JPEG, RenderOptions())
SCOPES = [
    Scope(STUDY),
    Scope(STUDY, SERIES),
    Scope(STUDY, SERIES, f"{SERIES}.1"),
]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    archive = Archive(Path(tmp_path_factory.mktemp("archive")))
    archive.put(*(instance(number) for number in range(1, 6)))
    yield archive
    archive.close()


def made(archive: Archive, found: Rendition) -> bytes:
    async def first() -> bytes:
        async for part in found.parts():
            assert isinstance(part, Made)
            return await part.make()
        raise AssertionError("no part")

    return archive.run(first())


@pytest.mark.parametrize("scope", SCOPES, ids=["study", "series", "instance"])
def test_a_thumbnail_that_is_kept_costs_one_index_call(archive: Archive, scope: Scope) -> None:
    find = archive.services.thumbnails.find
    first = made(archive, archive.run(find(CONTEXT, scope, (), JPEG, None)))
    archive.index.calls.clear()
    archive.store.calls.clear()
    again = made(archive, archive.run(find(CONTEXT, scope, (), JPEG, None)))
    assert again == first
    assert archive.index.calls == {"revision": 1}
    assert not archive.store.calls


def test_a_picture_costs_one_index_call_and_one_that_is_kept_no_read(archive: Archive) -> None:
    render, scope = archive.services.render, Scope(STUDY, SERIES, f"{SERIES}.2")
    archive.index.calls.clear()
    archive.store.calls.clear()
    first = made(archive, archive.run(render.resource(ASK, scope)))
    assert archive.index.calls == {"get_described": 1}
    assert archive.store.calls == {"read": 1, "read.ranges": 1}
    archive.index.calls.clear()
    archive.store.calls.clear()
    assert made(archive, archive.run(render.resource(ASK, scope))) == first
    assert archive.index.calls == {"get_described": 1}
    assert not archive.store.calls


def test_what_is_only_asked_about_is_not_made(archive: Archive) -> None:
    archive.index.calls.clear()
    archive.store.calls.clear()
    scope = Scope(STUDY, SERIES, f"{SERIES}.3")
    one, other = (archive.run(archive.services.render.resource(ASK, scope)) for _ in range(2))
    assert one.tag == other.tag
    assert archive.index.calls == {"get_described": 2}
    assert not archive.store.calls
