"""What is known of damaged bytes, while the disk takes marks and while it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from dicomweb_server.errors import StoreReadOnly
from dicomweb_server.index.sqlite.damage import SqliteDamageMarks
from dicomweb_server.model.damage import Damage, Harm
from dicomweb_server.ops.datafolder import DataFolder
from dicomweb_server.service import damage
from dicomweb_server.service.damage import DamageRegister
from dicomweb_server.testing.datasets import demo_study
from tests.ops.archive import opened

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def never_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(damage, "_FRESH_SECONDS", 0.0)


class Refusing(SqliteDamageMarks):
    """Marks on a disk that refuses writes."""

    refuses = True

    async def mark(self, found: Sequence[Damage]) -> None:
        """Remember, unless refused."""
        if self.refuses:
            raise StoreReadOnly("writing is suspended")
        await super().mark(found)


async def test_a_mark_is_known_at_once_and_to_others_when_it_is_kept(tmp_path: Path) -> None:
    async with opened(DataFolder(tmp_path)) as archive:
        digest = (await archive.add(demo_study()[0]))[0].blob.digest
        found = Damage(digest, Harm.CONTENT, "1")
        other = DamageRegister(archive.marks, archive.index)
        await asyncio.to_thread(archive.damage.note, found)
        assert archive.damage.known(digest) == found
        await archive.damage.refresh()
        assert archive.damage.known(digest) == found
        await archive.damage.settle()
        await other.refresh()
        assert other.known(digest) == found
        other.clear(digest)
        await other.settle()
        await archive.damage.refresh()
        assert archive.damage.known(digest) is None
        await other.close()


async def test_marks_of_what_belongs_to_no_instance_are_dropped(tmp_path: Path) -> None:
    async with opened(DataFolder(tmp_path)) as archive:
        blob = (await archive.commit(b"orphan")).blob
        archive.damage.note(Damage(blob.digest, Harm.MISSING))
        await archive.damage.settle()
        assert archive.damage.known(blob.digest) is None
        assert await archive.marks.marked(10) == ()


async def test_marks_that_the_disk_refuses_stay_known_and_are_kept_later(tmp_path: Path) -> None:
    async with opened(DataFolder(tmp_path)) as archive:
        digests = [(await archive.add(data))[0].blob.digest for data in demo_study()[:2]]
        marks = Refusing.open(DataFolder(tmp_path).state)
        assert isinstance(marks, Refusing)
        register = DamageRegister(marks, archive.index)
        register.note(Damage(digests[0], Harm.CONTENT, "1"))
        await register.settle()
        await register.refresh()
        assert register.known(digests[0]) is not None
        marks.refuses = False
        register.note(Damage(digests[1], Harm.MISSING))
        await register.close()
        await marks.close()
        assert {one.digest for one in await archive.marks.marked(10)} == set(digests)
