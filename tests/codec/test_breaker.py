"""Jobs that end their process are refused after a few times, and after a while tried again."""

from __future__ import annotations

import pytest

from dicomweb_server.codec import breaker
from dicomweb_server.codec.breaker import Breaker
from dicomweb_server.codec.messages import Job, PackedJob, pack_job
from dicomweb_server.model.limits import CodecLimits


def job(data: bytes) -> PackedJob:
    return pack_job(Job("transcode", ("x",), (data,)))


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


def test_only_so_many_are_remembered(clock: Clock) -> None:
    found = Breaker(CodecLimits(strikes=1))
    for number in range(1_500):
        found.strike(job(bytes(number)))
    assert len(found._strikes) == len(found._lengths) == 1_000
    assert not found.is_open(job(bytes(400)))
    assert found.is_open(job(bytes(1_400)))
    clock.now += 10_000
    for number in range(1_500):
        assert not found.is_open(job(bytes(number)))
    assert not found._strikes
    assert not found._lengths
