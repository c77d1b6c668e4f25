"""Frames that lie about their size, or are ruins: each is refused at no cost to others (T11)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dicomweb_server.codec import table
from dicomweb_server.errors import CodecFailed, FrameUndecodable
from dicomweb_server.model.frame import Frame, Target, frame_length
from dicomweb_server.model.limits import CodecLimits
from dicomweb_server.model.media import EXPLICIT_LITTLE
from dicomweb_server.model.rendering import Rendering
from tests.codec.bombs import BYTE, Bomb, Siz, all_bombs, harmless, j2k, scan_bomb, sized
from tests.codec.pools import NATIVE, RLE, Bench, bench, grey

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

REFUSALS = (FrameUndecodable, CodecFailed)
MOST_MEMORY = 400_000
"""Kilobytes that decoding of any of them may take."""


@pytest.fixture(scope="module")
def shared() -> Iterator[Bench]:
    with bench(CodecLimits(workers=1, seconds=10)) as opened:
        yield opened


def peak(process: int) -> int:
    """Kilobytes that a process has had at the most."""
    status = Path(f"/proc/{process}/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def target_of(frame: Frame) -> Target:
    """Something that the frame has to be decoded for."""
    return RLE if frame.transfer_syntax == EXPLICIT_LITTLE else NATIVE


def test_there_are_enough_of_them() -> None:
    found = all_bombs()
    assert len({bomb.name for bomb in found}) == len(found) >= 60
    assert len(j2k(Siz(40_000, 40_000))) <= 144


@pytest.mark.parametrize("bomb", all_bombs(), ids=lambda bomb: bomb.name)
def test_a_bomb_is_refused_and_the_next_frame_is_decoded(shared: Bench, bomb: Bomb) -> None:
    process = shared.process
    with pytest.raises(REFUSALS):
        shared.transcode(bomb.frame, target_of(bomb.frame))
    with pytest.raises(REFUSALS):
        shared.run(shared.pool.render(bomb.frame, Rendering("image/jpeg")))
    good = grey(16, 16)
    assert shared.transcode(shared.transcode(good), NATIVE) == good
    assert shared.process == process, "it took its process along"
    assert peak(process) < MOST_MEMORY


@pytest.mark.parametrize("bomb", harmless(), ids=lambda bomb: bomb.name)
def test_a_lie_that_passes_gives_what_was_told(shared: Bench, bomb: Bomb) -> None:
    try:
        made = shared.transcode(bomb.frame, target_of(bomb.frame))
        made = shared.transcode(made, NATIVE)
    except FrameUndecodable:
        return
    assert len(made.data) == frame_length(made.pixel) == frame_length(bomb.frame.pixel)


def test_scans_without_end_are_refused() -> None:
    frame = Frame(sized(BYTE, 8_000, 8_000), table.JPEG_BASELINE, scan_bomb(8_000, 8_000, 20_000))
    with bench(CodecLimits(workers=1, seconds=2)) as own:
        with pytest.raises(REFUSALS):
            own.transcode(frame, NATIVE)
        own.transcode(grey(8, 8))


SYNTAXES = sorted(uid for uid, form in table.FORMS.items() if uid != EXPLICIT_LITTLE)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_frame_that_is_cut_off_is_refused_or_has_its_size(shared: Bench, syntax: str) -> None:
    bits = 8 if syntax == table.JPEG_BASELINE else 12
    frame = grey(64, 64, 8) if bits == 8 else _twelve_bits()
    whole = shared.transcode(frame, Target(syntax))
    for length in (1, 20, len(whole.data) // 3, len(whole.data) // 2, len(whole.data) - 3):
        cut = Frame(whole.pixel, syntax, whole.data[:length])
        try:
            made = shared.transcode(cut, NATIVE)
        except FrameUndecodable:
            continue
        assert len(made.data) == frame_length(made.pixel)


def _twelve_bits() -> Frame:
    frame = grey(64, 64)
    data = bytes(b & 0x0F if place % 2 else b for place, b in enumerate(frame.data))
    pixel = replace(frame.pixel, bits_stored=12, high_bit=11)
    return Frame(pixel, frame.transfer_syntax, data)
