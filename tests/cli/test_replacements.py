"""When workers that died are replaced, and how their starts are told."""

from __future__ import annotations

import multiprocessing

from dicomweb_server.cli.replacements import Replacements
from dicomweb_server.cli.starts import Starts

_CANNOT_START = 78
_KILLED = -9


def test_worker_that_served_is_replaced_at_once() -> None:
    replacements = Replacements(_CANNOT_START)
    replacements.died(1, _KILLED, born=0.0, now=60.0)
    assert replacements.seconds(60.0) == 0.0
    assert replacements.take(60.0) == [1]
    assert replacements.take(60.0) == []
    assert replacements.seconds(60.0) is None


def test_worker_that_did_not_live_long_is_replaced_behind_a_pause() -> None:
    replacements = Replacements(_CANNOT_START)
    replacements.died(0, _KILLED, born=59.0, now=60.0)
    assert replacements.take(60.0) == []
    pause = replacements.seconds(60.0)
    assert pause is not None
    assert 0.0 < pause < 1.0
    assert replacements.take(60.0 + pause) == [0]


def test_worker_that_could_not_start_waits_longer_however_long_it_tried() -> None:
    replacements = Replacements(_CANNOT_START)
    replacements.died(0, _CANNOT_START, born=0.0, now=60.0)
    replacements.died(1, _KILLED, born=0.0, now=61.0)
    assert replacements.take(61.0) == [1]
    pause = replacements.seconds(61.0)
    assert pause is not None
    assert pause >= 1.0
    assert replacements.take(61.0 + pause) == [0]


def test_a_start_is_known_for_ever() -> None:
    starts = Starts(multiprocessing.get_context("spawn"))
    assert not starts.any()
    starts.tell()
    starts.wait(1)
    assert starts.any()
    assert starts.any()
