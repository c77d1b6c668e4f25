"""Ranges of what is decoded: the same bytes, and no frame is decoded in front of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from pydicom.encaps import encapsulate

from dicomweb_server.codec.transcode import transcode
from dicomweb_server.model import media
from dicomweb_server.model.frame import Frame, Target
from dicomweb_server.model.instance import ByteRange, InstanceRecord, PixelHeader
from dicomweb_server.service.delivery import DeliveredPart
from tests.datasets import dataset, part10
from tests.service.stored import Stored, opened

RLE = "1.2.840.10008.1.2.5"
COUNT, SIDE = 20, 5
LENGTH = SIDE * SIDE
PIXEL = PixelHeader(SIDE, SIDE, 1, 8, 8, 7, 0, 0, "MONOCHROME2", 1, 0x7FE00010)


def compressed() -> bytes:
    """Twenty frames of 25 bytes."""
    cells = np.random.default_rng(1).integers(0, 256, (COUNT, LENGTH), np.uint8)
    native = [Frame(PIXEL, media.EXPLICIT_LITTLE, each.tobytes()) for each in cells]
    made = dataset(Rows=SIDE, Columns=SIDE, BitsAllocated=8, BitsStored=8, HighBit=7)
    made.NumberOfFrames = COUNT
    made.PixelData = encapsulate([transcode(each, Target(RLE)).data for each in native])
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    return part10(made, RLE)


def part_of(stored: Stored, record: InstanceRecord, kind: str) -> DeliveredPart:
    if kind == "file":
        return stored.part(record, media.EXPLICIT_LITTLE)
    return stored.transcoder.value(record, media.OCTET_STREAM, "/pixels")


async def body(part: DeliveredPart, wanted: ByteRange | None) -> bytes:
    return b"".join([chunk async for chunk in part.body(wanted)])


@pytest.mark.parametrize("kind", ["file", "value"])
def test_every_range_is_cut_out_of_the_whole(tmp_path: Path, kind: str) -> None:
    async def run(stored: Stored) -> None:
        part = await part_of(stored, await stored.keep(compressed()), kind).settled()
        whole = await body(part, None)
        assert part.length == len(whole)
        for start in range(0, len(whole), 7):
            for length in (1, 24, 25, 60, len(whole)):
                wanted = ByteRange(start, min(length, len(whole) - start))
                assert await body(part, wanted) == whole[start : start + wanted.length]

    with opened(tmp_path) as stored:
        asyncio.run(run(stored))


@pytest.mark.parametrize("kind", ["file", "value"])
def test_frames_in_front_of_a_range_are_not_decoded(tmp_path: Path, kind: str) -> None:
    async def run(stored: Stored) -> None:
        part = await part_of(stored, await stored.keep(compressed()), kind).settled()
        assert part.length is not None
        before = stored.codecs.count
        await body(part, ByteRange(part.length - 2 * LENGTH, LENGTH))
        assert stored.codecs.count - before <= 3

    with opened(tmp_path) as stored:
        asyncio.run(run(stored))
