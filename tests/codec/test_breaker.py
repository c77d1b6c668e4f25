"""Jobs that end their process are refused after a few times, and after a while tried again."""

from __future__ import annotations

import pytest

from dicomweb_server.codec import breaker
from dicomweb_server.codec.breaker import Breaker
from dicomweb_server.codec.messages import Job, PackedJob, pack_job
from dicomweb_server.model.limits import CodecLimits


def job(data: bytes, parameter: object = "x") -> PackedJob:
    return pack_job(Job("transcode", (parameter,), (data,)))


class Clock:
    """Tells the time that it is told."""

    now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(breaker, "time", found)
    return found


def test_a_job_is_refused_after_some_strikes(clock: Clock) -> None:
    found = Breaker(CodecLimits(strikes=3, refused_seconds=60))
    for _ in range(3):
        assert not found.is_open(job(b"bad"))
        found.strike(job(b"bad"))
    assert found.is_open(job(b"bad"))
    assert not found.is_open(job(b"bed"))
    assert not found.is_open(job(b"longer"))
    clock.now += 59
    assert found.is_open(job(b"bad"))
    clock.now += 2
    assert not found.is_open(job(b"bad"))
    found.strike(job(b"bad"))
    assert not found.is_open(job(b"bad"))


def test_a_frame_is_refused_whatever_is_asked_of_it(clock: Clock) -> None:
    found = Breaker(CodecLimits(strikes=3, frame_strikes=5, refused_seconds=60))
    for quality in range(5):
        assert not found.is_open(job(b"bad", quality))
        found.strike(job(b"bad", quality))
    assert found.is_open(job(b"bad", 99))
    assert not found.is_open(job(b"bed", 99))
    clock.now += 61
    assert not found.is_open(job(b"bad", 99))


def test_a_job_that_asks_too_much_does_not_cost_its_frame(clock: Clock) -> None:
    found = Breaker(CodecLimits(strikes=3, frame_strikes=5))
    for _ in range(3):
        found.strike(job(b"good", "too much"))
    assert found.is_open(job(b"good", "too much"))
    assert not found.is_open(job(b"good", "less"))


def test_long_frames_are_told_apart(clock: Clock) -> None:
    found = Breaker(CodecLimits(frame_strikes=1))
    bad = bytearray(9_000_000)
    bad[4_500_000:4_600_000] = b"\1" * 100_000
    found.strike(job(bytes(bad)))
    assert found.is_open(job(bytes(bad), "other"))
    assert not found.is_open(job(bytes(9_000_000), "other"))


def test_jobs_without_a_frame_are_refused_one_by_one(clock: Clock) -> None:
    found = Breaker(CodecLimits(strikes=1, frame_strikes=1))
    found.strike(pack_job(Job("draw", ("one",))))
    assert found.is_open(pack_job(Job("draw", ("one",))))
    assert not found.is_open(pack_job(Job("draw", ("two",))))


def test_only_so_many_are_remembered(clock: Clock) -> None:
    found = Breaker(CodecLimits(strikes=1, frame_strikes=1))
    for number in range(1_500):
        found.strike(job(bytes(number)))
    for kind in (found._jobs, found._frames):
        assert len(kind) == len(kind._lengths) == 1_000
    assert not found.is_open(job(bytes(400)))
    assert found.is_open(job(bytes(1_400)))
    clock.now += 10_000
    for number in range(1_500):
        assert not found.is_open(job(bytes(number)))
    for kind in (found._jobs, found._frames):
        assert not len(kind)
        assert not kind._lengths
