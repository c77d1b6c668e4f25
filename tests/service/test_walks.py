"""Who goes through a series frame by frame finds the next frame made; nobody else pays for it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from pydicom.encaps import encapsulate

from dicomweb_server.codec.pool import CodecPool
from dicomweb_server.codec.transcode import transcode
from dicomweb_server.errors import TooBusy
from dicomweb_server.index.memory import MemoryIndex
from dicomweb_server.model.frame import Frame, Target
from dicomweb_server.model.ids import InstanceKey, Scope
from dicomweb_server.model.instance import InstanceRecord, NativeFrames, PixelHeader
from dicomweb_server.model.media import EXPLICIT_LITTLE
from dicomweb_server.model.outcome import DuplicatePolicy
from dicomweb_server.model.patience import is_patient
from dicomweb_server.service.walks import Walks
from dicomweb_server.testing.instances import Recipe
from dicomweb_server.wire.accept import Wish
from tests.datasets import SERIES, STUDY, dataset, part10
from tests.service.test_budget import CONTEXT, Archive

MULTI = NativeFrames(1_024, 10, 5, 2)
RLE = "1.2.840.10008.1.2.5"
GREY = PixelHeader(16, 16, 1, 8, 8, 7, 0, 0, "MONOCHROME2", 1, 0x7FE00010)


class Walker:
    """Somebody who goes through a series of twenty images and one of five frames."""

    def __init__(self) -> None:
        self.index = MemoryIndex()
        self.spare = True
        self.made: list[tuple[str, int]] = []
        self.error: Exception | None = None
        self.walks = Walks(self.index, lambda: self.spare)
        self.looks = 0
        self.records: tuple[InstanceRecord, ...] = ()

    async def store(self) -> None:
        """Store what he goes through."""
        keys = [InstanceKey("1.2", "1.2.3", f"1.2.3.{number}") for number in range(20)]
        recipes = [Recipe(key) for key in keys]
        recipes.append(Recipe(InstanceKey("1.2", "1.2.4", "1.2.4.1"), frames=MULTI))
        await self.index.put([each.make() for each in recipes], DuplicatePolicy.KEEP)
        self.records = await self.index.records(Scope("1.2"))

    async def ask(self, place: int, number: int = 1, kind: str = "native") -> None:
        """Ask for a frame, and let all that it begins come to its end."""
        self.walks.step(self.records[place], number, kind, self.make)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others)

    async def make(self, record: InstanceRecord, number: int) -> None:
        """Make a frame ahead."""
        assert is_patient()
        self.made.append((record.key.instance, number))
        if self.error is not None:
            raise self.error


def walked(*steps: int | tuple[int, int], **told: object) -> list[tuple[str, int]]:
    """What is made ahead of somebody who asks for the instances at those places."""
    walker = Walker()
    for name, value in told.items():
        setattr(walker, name, value)

    async def walk() -> None:
        await walker.store()
        for step in steps:
            await walker.ask(*((step,) if isinstance(step, int) else step))

    asyncio.run(walk())
    return walker.made


def of(places: Sequence[int]) -> list[tuple[str, int]]:
    return [(f"1.2.3.{place}", 1) for place in places]


def test_the_third_image_is_made_when_the_second_is_asked_for() -> None:
    assert walked(0, 1) == of([2])
    assert walked(0, 1, 2, 3) == of([2, 3, 4])


def test_one_request_alone_makes_nothing() -> None:
    assert walked(0) == []
    assert walked(5, 5, 5) == []


def test_frames_of_one_instance_are_a_walk() -> None:
    assert walked((20, 1), (20, 2), (20, 3)) == [("1.2.4.1", 3), ("1.2.4.1", 4)]
    assert walked((20, 1), (20, 3)) == []
    assert walked((20, 4), (20, 5)) == []


def test_who_leaves_the_order_pays_for_nothing_until_he_has_found_another() -> None:
    assert walked(0, 1, 9, 5, 14, 6) == of([2, 15])
    assert walked(9, 8, 7, 6) == []
    assert walked(0, 1, 10, 11) == of([2, 12])


def test_behind_the_last_image_nothing_is_made() -> None:
    assert walked(17, 18, 19) == of([19])


def test_nothing_is_made_while_codecs_have_other_work() -> None:
    assert walked(0, 1, 2, spare=False) == []


@pytest.mark.parametrize("error", [TooBusy("no"), RuntimeError("closed")])
def test_what_cannot_be_made_ahead_is_no_news(error: Exception) -> None:
    assert walked(0, 1, 2, error=error) == of([2, 3])


def test_other_forms_are_other_walks() -> None:
    async def walk() -> Walker:
        walker = Walker()
        await walker.store()
        await walker.ask(0, kind="native")
        await walker.ask(1, kind="HTJ2K")
        return walker

    assert asyncio.run(walk()).made == []


def test_what_is_under_way_and_remembered_is_bounded() -> None:
    async def walk() -> tuple[int, int]:
        walker = Walker()
        await walker.store()
        for number in range(1000):
            for place in (0, 1):
                walker.walks.step(walker.records[place], 1, f"kind {number}", walker.make)
        under_way = len(asyncio.all_tasks()) - 1
        return under_way, len(walker.walks)

    assert asyncio.run(walk()) == (2, 256)


def image(number: int) -> bytes:
    """An image that is stored compressed."""
    pixels = bytes((x * number) % 251 for x in range(256))
    data = transcode(Frame(GREY, EXPLICIT_LITTLE, pixels), Target(RLE)).data
    made = dataset(
        SOPInstanceUID=f"{SERIES}.{number}",
        Rows=16,
        Columns=16,
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        PixelData=encapsulate([data]),
    )
    made["PixelData"].VR = "OB"
    return part10(made, RLE)


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    """Five images, and codecs that may still be starting."""
    monkeypatch.setattr(CodecPool, "is_spare", lambda self: True)
    archive = Archive(tmp_path)
    archive.put(*map(image, range(1, 6)))
    yield archive
    archive.close()


def test_a_walker_waits_for_no_codec_from_the_third_frame_on(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: Counter[str] = Counter()
    transcoding = CodecPool.transcode

    async def counted(self: CodecPool, frame: Frame, target: Target) -> Frame:
        jobs["begun"] += 1
        made = await transcoding(self, frame, target)
        jobs["done"] += 1
        return made

    monkeypatch.setattr(CodecPool, "transcode", counted)
    retrieve = archive.services.retrieve
    wishes = [Wish("application/octet-stream", EXPLICIT_LITTLE, multipart=True)]

    async def walk() -> list[tuple[int, int]]:
        seen = []
        for number in range(1, 6):
            key = InstanceKey(STUDY, SERIES, f"{SERIES}.{number}")
            delivery = await retrieve.frames(CONTEXT, key, [1], wishes)
            before = jobs["done"]
            part = await delivery.parts[0].settled()
            assert part.length == 256
            ahead = [each for each in asyncio.all_tasks() if each.get_name() == "frame ahead"]
            await asyncio.gather(*ahead)
            seen.append((before, jobs["begun"]))
        return seen

    assert archive.run(walk()) == [(0, 1), (1, 3), (3, 4), (4, 5), (5, 5)]
