"""What turns out to be damaged is remembered; a codec that failed is tried again later."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pydicom.encaps import encapsulate

from dicomweb_server.errors import CodecFailed, FrameUndecodable
from dicomweb_server.model.frame import Frame, Target
from dicomweb_server.model.media import EXPLICIT_LITTLE
from dicomweb_server.service import undecodable
from dicomweb_server.service.choice import Choice
from dicomweb_server.service.undecodable import Undecodable
from tests.codecs import OwnCodecs
from tests.datasets import dataset, part10
from tests.service.stored import Stored, body_of, opened

RLE = "1.2.840.10008.1.2.5"


def compressed() -> bytes:
    made = dataset(PixelData=encapsulate([b"no RLE"]))
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    return part10(made, RLE)


class Crashing(OwnCodecs):
    """Codecs that fail."""

    async def transcode(self, frame: Frame, target: Target) -> Frame:
        raise CodecFailed("the codec ended")


def obstacle(stored: Stored, codecs: OwnCodecs) -> tuple[str, str, type[Exception]]:
    """Why a file cannot be decoded: before it was tried, and behind that with the error."""

    async def run() -> tuple[str, str, type[Exception]]:
        record = await stored.keep(compressed())
        choice = Choice(codecs, stored.transcoder.undecodable)
        stored.transcoder.codecs = codecs
        before = choice.file_obstacle(record, EXPLICIT_LITTLE)
        with pytest.raises((FrameUndecodable, CodecFailed)) as caught:
            await body_of(stored.part(record, EXPLICIT_LITTLE))
        return before, choice.file_obstacle(record, EXPLICIT_LITTLE), caught.type

    return asyncio.run(run())


def test_what_cannot_be_decoded_is_an_obstacle_from_then_on(tmp_path: Path) -> None:
    with opened(tmp_path) as stored:
        before, behind, error = obstacle(stored, stored.codecs)
    assert before == ""
    assert behind.startswith("frame 1: ")
    assert error is FrameUndecodable


def test_a_codec_that_failed_is_an_obstacle_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as stored:
        before, behind, error = obstacle(stored, Crashing())
    assert before == ""
    assert behind == "frame 1: the codec ended"
    assert error is CodecFailed
    known = Undecodable()
    monkeypatch.setattr(undecodable, "_FIRST_SECONDS", 0.0)
    known.note("a", RLE, 1, CodecFailed("the codec ended"))
    assert known.reason("a", RLE) == ""


def test_a_codec_that_failed_twice_is_an_obstacle_for_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(undecodable, "_FIRST_SECONDS", 0.0)
    known = Undecodable()
    known.note("a", RLE, 1, CodecFailed("the codec ended"))
    assert known.reason("a", RLE) == ""
    known.note("a", RLE, 1, CodecFailed("the codec ended"))
    assert known.reason("a", RLE) == "frame 1: the codec ended"


def test_what_cannot_become_one_thing_may_become_another() -> None:
    known = Undecodable()
    known.note("a", RLE, 1, FrameUndecodable("RLE failed"))
    assert known.reason("a", RLE) == "frame 1: RLE failed"
    assert known.reason("a", EXPLICIT_LITTLE) == ""


def test_no_more_than_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undecodable, "_MOST", 2)
    known = Undecodable()
    for digest in "abc":
        known.note(digest, RLE, 1, FrameUndecodable("damaged"))
    assert [known.reason(digest, RLE) for digest in "abc"] == ["", *["frame 1: damaged"] * 2]
