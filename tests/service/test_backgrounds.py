"""What segments are laid on is only what the caller may see (T30)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from dicomweb_server.auth.open import OpenAuthorizer
from dicomweb_server.auth.port import Action, Principal
from dicomweb_server.errors import NotPermitted
from dicomweb_server.index.port import Index
from dicomweb_server.model.ids import InstanceKey, Scope
from dicomweb_server.model.query import Query
from dicomweb_server.service.backgrounds import Backgrounds, FrameOf
from dicomweb_server.service.described import Described
from tests.datasets import INSTANCE, SERIES, STUDY
from tests.service.test_budget import CONTEXT, Archive
from tests.web.test_rendered_segments import SEGMENTS, segments, source

SEGMENTATION = InstanceKey(STUDY, SEGMENTS, f"{SEGMENTS}.1")


class NotThatImage:
    """Lets everything pass but one instance."""

    async def check(self, principal: Principal, action: Action, scope: Scope) -> None:
        """Refuse the source image."""
        if scope.instance == INSTANCE:
            raise NotPermitted("not that one")

    async def narrow(self, principal: Principal, query: Query) -> Query:
        """Leave queries as they are."""
        return query


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    archive = Archive(tmp_path)
    archive.put(segments(), source())
    yield archive
    archive.close()


@pytest.mark.parametrize(
    ("authorizer", "expected"), [(OpenAuthorizer(), SERIES), (NotThatImage(), None)]
)
def test_an_image_that_the_caller_may_not_see_is_no_background(
    archive: Archive, authorizer: OpenAuthorizer | NotThatImage, expected: str | None
) -> None:
    index = cast(Index, archive.index)
    described = Described(index, immutable=True)
    backgrounds = Backgrounds(index, described, authorizer)

    async def look() -> FrameOf | None:
        record = await index.get(SEGMENTATION)
        assert record is not None
        document = await described.of(record)
        return await backgrounds.behind(CONTEXT, document, FrameOf(record, 1))

    found = archive.run(look())
    assert (found.record.key.series if found else None) == expected
    assert found is None or found.number == 1
