"""Codecs in processes of their own: what kills one costs one frame, and nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicomweb_server.codec import table
from dicomweb_server.codec.process import CodecProcess, ProcessEnded
from dicomweb_server.errors import CodecFailed, FrameUndecodable, TooBusy, Unavailable
from dicomweb_server.model.drawing import Drawing, Line, Words
from dicomweb_server.model.frame import Frame, Target
from dicomweb_server.model.limits import MIB, CodecLimits
from dicomweb_server.model.patience import patience
from dicomweb_server.model.rendering import RAW_PICTURE, IccProfile, Rendering, RenderOptions
from tests.codec.pools import (
    NATIVE,
    RLE,
    Bench,
    bench,
    grey,
    is_alive,
    settle,
    start,
    stopped,
    wait_for_end,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture(scope="module")
def shared() -> Iterator[Bench]:
    """A pool of one process for tests that do it no lasting harm."""
    with bench() as opened:
        yield opened


@pytest.mark.parametrize("size", [(3, 5), (512, 512), (2100, 2100)])
def test_frames_go_and_come_back_identical(shared: Bench, size: tuple[int, int]) -> None:
    frame = grey(*size)
    packed = shared.transcode(frame)
    assert packed.transfer_syntax == RLE.transfer_syntax
    assert packed.pixel == shared.pool.outcome(
        frame.transfer_syntax, RLE.transfer_syntax, frame.pixel
    )
    assert shared.transcode(packed, NATIVE) == frame


def test_a_codec_is_spare_while_it_has_nothing_to_do(shared: Bench) -> None:
    async def look() -> tuple[bool, bool]:
        work = asyncio.create_task(shared.pool.transcode(grey(512, 512), RLE))
        await asyncio.sleep(0)
        busy = shared.pool.is_spare()
        await work
        return busy, shared.pool.is_spare()

    assert shared.process
    assert shared.run(look()) == (False, True)
    with bench() as other:
        assert not other.pool.is_spare()


def test_every_kind_of_job_is_done(shared: Bench) -> None:
    raw = shared.run(shared.pool.render(grey(8, 8), Rendering(RAW_PICTURE)))
    assert raw[:8] == b"\x08\0\0\0\x08\0\0\0"
    assert shared.run(shared.pool.animate([raw, raw], "image/gif", [10, 20])).startswith(b"GIF8")
    drawing = Drawing(20, 20, (Line(((0, 0), (9, 9))),), (Words("II", 1, 9),))
    assert shared.run(shared.pool.draw(drawing, "image/png", 90)).startswith(b"\x89PNG")
    frame = grey(8, 8)
    greatest = max(memoryview(frame.data).cast("H" if frame.pixel.bits_allocated == 16 else "B"))
    for coded in (frame, shared.transcode(frame)):
        assert shared.run(shared.pool.greatest(coded)) == greatest


@pytest.mark.parametrize(
    "syntax", sorted(uid for uid, form in table.FORMS.items() if not form.lossy)
)
def test_every_codec_is_loaded_before_the_process_is_confined(shared: Bench, syntax: str) -> None:
    frame = grey(16, 16)
    assert shared.transcode(shared.transcode(frame, Target(syntax)), NATIVE).data == frame.data


@pytest.mark.parametrize(
    "kind", ["image/jpeg", "image/png", "image/gif", "image/jp2", "image/jph", "image/webp"]
)
def test_every_media_type_is_loaded_before_the_process_is_confined(
    shared: Bench, kind: str
) -> None:
    assert shared.run(shared.pool.render(grey(16, 16), Rendering(kind, lines=(("A",), ("É",)))))


@pytest.mark.parametrize("profile", list(IccProfile))
def test_every_profile_is_loaded_before_the_process_is_confined(
    shared: Bench, profile: IccProfile
) -> None:
    rendering = Rendering("image/png", options=RenderOptions(profile=profile))
    assert shared.run(shared.pool.render(grey(16, 16), rendering))


def test_what_needs_no_codec_needs_no_process() -> None:
    with bench() as own:
        frame = grey(2, 2)
        assert own.transcode(frame, NATIVE) is frame
        with pytest.raises(FrameUndecodable):
            own.transcode(frame, Target("1.2.840.10008.1.2.4.102"))
        assert own.pool.identifiers() == []


def test_why_a_frame_is_undecodable_comes_across(shared: Bench) -> None:
    frame = grey(4, 4)
    broken = Frame(frame.pixel, RLE.transfer_syntax, b"\1\0\0\0garbage")
    with pytest.raises(FrameUndecodable, match="the frame"):
        shared.transcode(broken, NATIVE)


def test_a_frame_beyond_all_bounds_goes_nowhere() -> None:
    with bench(CodecLimits(workers=1, frame=100)) as own:
        with pytest.raises(FrameUndecodable, match="more than 100 bytes"):
            own.transcode(grey(10, 10))
        with pytest.raises(CodecFailed, match="more than 100"):
            own.run(own.pool.render(grey(4, 4), Rendering("image/jpeg")))


def test_the_process_is_confined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DICOMWEB_SECRET", "hidden")
    with bench(CodecLimits(workers=1, memory=1024 * MIB)) as own:
        number = own.process
        folder = Path(f"/proc/{number}")
        kinds = {
            resource.RLIMIT_NOFILE: 0,
            resource.RLIMIT_FSIZE: 0,
            resource.RLIMIT_CORE: 1,
            resource.RLIMIT_AS: 1024 * MIB,
        }
        for kind, value in kinds.items():
            assert resource.prlimit(number, kind) == (value, value)
        soft = resource.prlimit(number, resource.RLIMIT_CPU)[0]
        assert 0 < soft <= own.limits.seconds + 10
        assert os.getpriority(os.PRIO_PROCESS, number) >= 5
        assert b"hidden" not in (folder / "environ").read_bytes()
        opened = [str(each.readlink()) for each in (folder / "fd").iterdir()]
        assert all(each.startswith(("/dev/null", "socket:", "/memfd:")) for each in opened)
        assert len([each for each in opened if each.startswith("socket:")]) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_that_mean_the_server_do_not_end_it(shared: Bench, number: int) -> None:
    process = shared.process
    os.kill(process, number)
    assert shared.process == process


def test_an_idle_process_that_ends_is_replaced(shared: Bench) -> None:
    process = shared.process
    os.kill(process, signal.SIGKILL)
    assert wait_for_end(process, 30)
    assert shared.process != process
    assert not is_alive(process)


@pytest.mark.parametrize(
    ("number", "reason"),
    [(signal.SIGSEGV, "ended with signal 11"), (signal.SIGKILL, "ended from outside")],
)
def test_a_crash_costs_one_frame(number: int, reason: str) -> None:
    with bench() as own:
        process = own.process

        async def crash() -> None:
            with stopped(process):
                unlucky, other = start(own, grey(8, 8)), start(own, grey(9, 9))
                await settle()
                os.kill(process, number)
            with pytest.raises(CodecFailed, match=reason):
                await unlucky
            assert (await other).transfer_syntax == RLE.transfer_syntax

        own.run(crash())
        assert own.process != process


def test_a_hang_costs_one_frame() -> None:
    with bench(CodecLimits(workers=1, seconds=0.3)) as own:
        process = own.process
        with stopped(process), pytest.raises(CodecFailed, match=r"took longer than 0\.3 s"):
            own.transcode(grey(8, 8))
        assert own.process != process


def test_processor_time_is_bounded() -> None:
    with bench() as own:
        process = own.process

        async def burn() -> None:
            with stopped(process):
                unlucky = start(own, grey(8, 8))
                await settle()
                os.kill(process, signal.SIGXCPU)
            with pytest.raises(CodecFailed, match="30 s of processor time"):
                await unlucky

        own.run(burn())


def test_too_much_memory_costs_one_frame() -> None:
    with bench(CodecLimits(workers=1, memory=400 * MIB)) as own:
        own.transcode(grey(64, 64))
        with pytest.raises(CodecFailed, match="more memory"):
            own.transcode(grey(10_000, 10_000))
        own.transcode(grey(64, 64))


def test_a_frame_that_ends_its_process_again_and_again_is_refused() -> None:
    with bench(CodecLimits(workers=1, seconds=0.2, strikes=2)) as own:
        for _ in range(2):
            with stopped(own.process), pytest.raises(CodecFailed, match="took longer"):
                own.transcode(grey(8, 8, seed=1))
        process = own.process
        with pytest.raises(CodecFailed, match="refused for a while"):
            own.transcode(grey(8, 8, seed=1))
        own.transcode(grey(8, 8, seed=2))
        assert own.process == process


def test_a_frame_that_ends_processes_is_refused_to_those_that_wait_for_it_too() -> None:
    with bench(CodecLimits(workers=1, seconds=0.2, strikes=1)) as own:
        process = own.process

        async def crowd() -> list[Frame | BaseException]:
            bad = grey(8, 8, seed=1)
            with stopped(process):
                held = [start(own, bad) for _ in range(5)]
                await asyncio.wait(held[:1])
                return await asyncio.gather(*held, return_exceptions=True)

        found = own.run(crowd())
        assert [type(each) for each in found] == [CodecFailed] * 5
        assert ["refused" in str(each) for each in found] == [False] + [True] * 4


def test_a_series_of_crashes_does_not_keep_others_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses = []
    sleep = asyncio.sleep

    async def noted(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0 if seconds > 0.02 else seconds)

    with bench() as own:
        monkeypatch.setattr(asyncio, "sleep", noted)
        for seed in range(10):
            process = own.pool.identifiers()[0] if seed else own.process

            async def crash(process: int = process, seed: int = seed) -> None:
                with stopped(process):
                    unlucky = start(own, grey(8, 8, seed=seed + 1))
                    await settle()
                    os.kill(process, signal.SIGKILL)
                with pytest.raises(CodecFailed):
                    await unlucky
                while not own.pool.identifiers():
                    await sleep(0.01)

            own.run(crash())
        own.transcode(grey(8, 8))
    assert 0.2 < max(pauses) <= 0.25


def test_an_error_of_the_server_itself_costs_one_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    with bench() as own:
        process = own.process
        with monkeypatch.context() as patch:
            patch.setattr(CodecProcess, "_receive", _no_memory)
            with pytest.raises(CodecFailed, match="MemoryError"):
                own.transcode(grey(8, 8, seed=1))
        assert own.process != process
    with bench() as own:
        with monkeypatch.context() as patch:
            patch.setattr(CodecProcess, "start", _no_memory)
            with pytest.raises(CodecFailed, match="MemoryError"):
                own.transcode(grey(8, 8, seed=1))
        assert own.run(_tried_until_done(own))


def test_a_start_that_fails_once_costs_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    begin, starts = CodecProcess.start, []

    async def fail_once(limits: CodecLimits) -> CodecProcess:
        starts.append(1)
        if len(starts) == 1:
            raise ProcessEnded("was ended from outside")
        return await begin(limits)

    monkeypatch.setattr(CodecProcess, "start", fail_once)
    with bench() as own:
        assert own.transcode(grey(8, 8)).transfer_syntax == RLE.transfer_syntax


async def _no_memory(*_: object) -> None:
    raise MemoryError


def test_who_is_called_for_and_cannot_passes_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with bench(CodecLimits(workers=2)) as own:

        async def lose_one() -> Frame:
            own.pool.warm()
            while len(own.pool._dispatcher.idle) < 2:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
            last = own.pool._dispatcher.idle[-1].identifier
            assert last is not None
            monkeypatch.setattr(CodecProcess, "start", _never)
            os.kill(last, signal.SIGKILL)
            assert wait_for_end(last, 30)
            return await asyncio.wait_for(own.pool.transcode(grey(8, 8), RLE), 30)

        assert own.run(lose_one()).transfer_syntax == RLE.transfer_syntax


async def _never(*_: object) -> None:
    await asyncio.Event().wait()


def test_too_many_that_wait_are_turned_away() -> None:
    with bench(CodecLimits(workers=1, queue=2)) as own:
        process = own.process

        async def crowd() -> list[Frame]:
            with stopped(process):
                accepted = []
                for _ in range(3):
                    accepted.append(start(own, grey(8, 8)))
                    await settle()
                with pytest.raises(TooBusy):
                    await own.pool.transcode(grey(8, 8), RLE)
            return await asyncio.gather(*accepted)

        assert len(own.run(crowd())) == 3
        own.transcode(grey(8, 8))


def test_what_can_wait_leaves_room_for_new_requests() -> None:
    with bench(CodecLimits(workers=1, queue=4)) as own:
        process = own.process

        async def crowd() -> list[Frame]:
            accepted = []
            with stopped(process):
                with patience():
                    for _ in range(3):
                        accepted.append(start(own, grey(8, 8)))
                        await settle()
                    with pytest.raises(TooBusy):
                        await own.pool.transcode(grey(8, 8), RLE)
                for _ in range(2):
                    accepted.append(start(own, grey(8, 8)))
                    await settle()
                with pytest.raises(TooBusy):
                    await own.pool.transcode(grey(8, 8), RLE)
            return await asyncio.gather(*accepted)

        assert len(own.run(crowd())) == 5


def test_too_many_bytes_that_wait_are_turned_away() -> None:
    with bench(CodecLimits(workers=1, queue_bytes=1_000_000)) as own:
        process = own.process

        async def crowd() -> None:
            with stopped(process):
                first = start(own, grey(1_000, 1_000))
                await settle()
                with pytest.raises(TooBusy):
                    await own.pool.transcode(grey(1_000, 1_000), RLE)
            assert (await first).data

        own.run(crowd())


def test_a_caller_who_leaves_costs_no_process() -> None:
    with bench() as own:
        process = own.process

        async def leave() -> None:
            with stopped(process):
                running, waiting = start(own, grey(8, 8)), start(own, grey(9, 9))
                await settle()
                for task in (running, waiting):
                    task.cancel()
                await asyncio.gather(running, waiting, return_exceptions=True)
                assert own.pool._held == 0
                assert not own.pool._dispatcher.waiting

        own.run(leave())
        assert own.process == process


def test_a_job_that_nobody_waits_for_does_not_go_on_for_long() -> None:
    with bench(CodecLimits(workers=1, abandoned_seconds=0.1)) as own:
        process = own.process

        async def leave() -> None:
            running = start(own, grey(8, 8))
            await settle()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await own.pool.transcode(grey(9, 9), RLE)

        with stopped(process):
            own.run(leave())
        assert own.process != process


def test_processes_work_side_by_side() -> None:
    with bench(CodecLimits(workers=2)) as own:
        assert own.run(asyncio.wait_for(_one_of_two(own), 60)) == 2


async def _one_of_two(own: Bench) -> int:
    own.pool.warm()
    while len(own.pool.identifiers()) < 2:
        await own.pool.transcode(grey(8, 8), RLE)
    for process in own.pool.identifiers():
        with stopped(process):
            held = [start(own, grey(8, n)) for n in range(2, 6)]
            done, _ = await asyncio.wait(held, return_when=asyncio.FIRST_COMPLETED)
            assert done
        await asyncio.gather(*held)
    return len(own.pool.identifiers())


def test_closing_ends_all_and_tells_who_waits() -> None:
    own = Bench(CodecLimits(workers=1))
    process = own.process

    async def close() -> None:
        with stopped(process):
            held = [start(own, grey(8, 8)), start(own, grey(9, 9))]
            await settle()
            await own.pool.close()
        found = await asyncio.gather(*held, return_exceptions=True)
        assert [type(each) for each in found] == [Unavailable, Unavailable]
        with pytest.raises(Unavailable):
            await own.pool.transcode(grey(8, 8), RLE)

    own.run(close())
    own.close()
    assert not is_alive(process)


def test_where_no_process_starts_it_is_said_and_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with bench() as own:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "executable", "/nowhere/python")
            with pytest.raises(CodecFailed, match="no codec process can be started"):
                own.transcode(grey(8, 8))
        assert own.run(_tried_until_done(own))


async def _tried_until_done(own: Bench) -> Frame:
    """The next start may have failed as well before the way was free."""
    for _ in range(5):
        try:
            return await own.pool.transcode(grey(8, 8), RLE)
        except CodecFailed:
            continue
    raise AssertionError("no process starts any more")


def test_the_server_itself_loads_no_codec() -> None:
    script = """
import sys
import dicomweb_server.app
own = ("decode", "encode", "transcode", "raster", "render", "perform", "preload")
names = ["imagecodecs", *(f"dicomweb_server.codec.{each}" for each in own)]
print(*(name for name in names if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("\n", "")


_PARENT = """
import asyncio, sys
from tests.codec.pools import RLE, grey
from dicomweb_server.codec.pool import CodecPool
from dicomweb_server.model.limits import CodecLimits

async def main():
    pool = CodecPool(CodecLimits(workers=1))
    await pool.transcode(grey(8, 8), RLE)
    print(*pool.identifiers(), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_processes_do_not_outlive_a_server_that_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as parent:
        assert parent.stdout is not None
        process = int(parent.stdout.readline())
        assert is_alive(process)
        parent.kill()
    assert wait_for_end(process, 30)
