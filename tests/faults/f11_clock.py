"""F11: the clock of the wall jumps while clients store, delete, look and wait."""

from __future__ import annotations

import datetime
import email.utils
import http.client
import json
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.datasets import instance
from tests.faults.clock import Clock
from tests.faults.launch import Launch, serving
from tests.faults.load import differences, load
from tests.faults.proof import Count, Effort, Fault, Proof
from tests.faults.racing import sound
from tests.servers import plain_environment

_DAY = 86_400.0
_STEPS = (_DAY, -_DAY, 1.0, -1.0, 0.4, -0.4, 3600.0, -3600.0, 365 * _DAY, -365 * _DAY)
_UTC = datetime.UTC
_SUMMER_TIME = (
    datetime.datetime(2026, 3, 29, 0, 59, 59, 500_000, tzinfo=_UTC),
    datetime.datetime(2026, 10, 25, 0, 59, 59, 500_000, tzinfo=_UTC),
)
_STUCK_SECONDS = 30.0


@dataclass(slots=True)
class _Trial:
    """What was done and found."""

    chance: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    violations: list[str] = field(default_factory=list)


def _clock(effort: Effort, seed: int) -> Proof:
    trial = _Trial(random.Random(seed))
    jumps, kinds = 60, ["hypercorn", "granian"]
    if effort is Effort.SHORT:
        jumps, kinds = 4, [trial.chance.choice(kinds)]
    for kind in kinds:
        with tempfile.TemporaryDirectory(prefix="dicomweb-clock-") as folder:
            place = Path(folder)
            clock = Clock(place)
            environ = {**clock.environment, "TZ": "Europe/Berlin"}
            with serving(place / "data", ["--demo", "--server", kind], environ) as server:
                _under_load(trial, server, clock, jumps)
                _stop(trial, server)
            trial.violations += _feed(place / "data") + sound(place / "data")
            clock.close()
    counts: dict[str, Count] = {**trial.counts, "slowest answer s": round(trial.slowest, 2)}
    return Proof(counts, tuple(trial.violations[:20]), seed)


def _under_load(trial: _Trial, server: Launch, clock: Clock, jumps: int) -> None:
    tags = _tags(server)
    with load(server.root, 2, trial.chance.randrange(1 << 30)) as history:
        for number in range(jumps):
            _jump_under_an_upload(trial, server, clock, number)
            _look(trial, server, clock, tags)
            if number % 4 == 1:
                clock.jump(_DAY + 60)  # what came just before is now older than the grace time
                _collect(trial, server, clock)
    trial.counts.update(history.counts)
    trial.violations += history.surprises[:5]
    now = time.monotonic()
    _, wrong = differences(server.root, history, now, now)
    trial.counts["instances compared"] += len(history.acts)
    trial.violations += wrong[:5]


def _jump(trial: _Trial, clock: Clock, number: int) -> None:
    trial.counts["jumps"] += 1
    if number % 3 == 2:
        clock.set(_SUMMER_TIME[number // 3 % 2])
        trial.counts["changes of summer time"] += 1
    else:
        clock.jump(_STEPS[number % len(_STEPS)] if number < 2 else trial.chance.choice(_STEPS))


def _jump_under_an_upload(trial: _Trial, server: Launch, clock: Clock, number: int) -> None:
    """A request whose body has come in part is neither cut nor stuck."""
    data = instance(1000 + number)
    connection = http.client.HTTPConnection(*server.address, timeout=60)
    connection.putrequest("POST", "/dicom-web/studies")
    connection.putheader("Content-Type", "application/dicom")
    connection.putheader("Content-Length", str(len(data)))
    connection.endheaders()
    connection.send(data[:300])
    time.sleep(0.1)
    _jump(trial, clock, number)
    time.sleep(0.6)  # across the change of summer time, too
    connection.send(data[300:])
    response = connection.getresponse()
    response.read()
    trial.counts["uploads across a jump"] += 1
    if response.status not in (200, 503):
        trial.violations.append(f"upload across jump {number}: {response.status}")
    connection.close()


def _tags(server: Launch) -> dict[str, str]:
    """Entity tags of some resources of the demo study, which nobody changes."""
    (study,) = httpx.get(f"{server.root}/studies?StudyDescription=*&limit=1").json()
    path = f"{server.root}/studies/{study['0020000D']['Value'][0]}"
    urls = (f"{path}/metadata", f"{path}/thumbnail", f"{path}/rendered?viewport=64,64")
    answers = {url: httpx.get(url, timeout=60) for url in urls}
    return {url: answer.headers["etag"] for url, answer in answers.items() if answer.is_success}


def _look(trial: _Trial, server: Launch, clock: Clock, tags: dict[str, str]) -> None:
    """Answers come at once, with the right date, and tags hold."""
    urls = [(url, {"If-None-Match": tag}, 304) for url, tag in tags.items()]
    urls += [(url, {}, 200) for url in tags]
    urls += [(f"{server.root}/instances?limit=5", {}, 200), (f"{server.origin}/readyz", {}, 200)]
    for url, headers, expected in urls:
        began, shown = time.monotonic(), clock.now()
        answer = httpx.get(url, headers=headers, timeout=_STUCK_SECONDS)
        trial.slowest = max(trial.slowest, time.monotonic() - began)
        trial.counts["answers looked at"] += 1
        if answer.status_code != expected:
            trial.violations.append(f"{answer.status_code} for {url[-20:]}, not {expected}")
        told = email.utils.parsedate_to_datetime(answer.headers["date"]).timestamp()
        if not shown - 2 <= told <= clock.now() + 2:
            trial.violations.append(f"Date is {told - shown:+.1f} s off")
        durations = re.findall(r"dur=([-0-9.]+)", answer.headers.get("server-timing", ""))
        if any(float(each) < 0 for each in durations):
            trial.violations.append(f"a negative duration: {durations}")


def _collect(trial: _Trial, server: Launch, clock: Clock) -> None:
    """`gc` by the clock that jumped, beside clients that store."""
    data = next(line for line in server.arguments() if line.endswith("/data"))
    done = subprocess.run(
        [sys.executable, "-m", "dicomweb_server", "gc", "--json", "--data", data],
        capture_output=True,
        text=True,
        timeout=120,
        env={**plain_environment(), **clock.environment},
    )
    trial.counts["collections"] += 1
    if done.returncode != 0:
        trial.violations.append(f"gc: {done.returncode} {done.stderr[-200:]}")
        return
    trial.counts["blobs collected"] += json.loads(done.stdout)["removed"]


def _stop(trial: _Trial, server: Launch) -> None:
    """It ends in order, and no line of its log tells of a negative or absurd time."""
    began = time.monotonic()
    code = server.stop()
    if code != 0 or time.monotonic() - began > _STUCK_SECONDS:
        trial.violations.append(f"stopped with {code} after {time.monotonic() - began:.0f} s")
    lived = server.age() * 1000
    for line in server.lines():
        told = json.loads(line)
        if "milliseconds" in told:
            trial.counts["durations in the log"] += 1
            if not 0 <= told["milliseconds"] <= lived:
                trial.violations.append(f"a duration of {told['milliseconds']} ms")
        elif told.get("level") in ("error", "critical"):
            trial.violations.append(f"log: {str(told)[:300]}")


def _feed(data: Path) -> list[str]:
    """The change feed has every number once, whatever the times beside them."""
    with closing(sqlite3.connect(data / "index.db")) as index:
        numbers = [row[0] for row in index.execute("SELECT sequence FROM change")]
    whole = sorted(numbers) == list(range(1, len(numbers) + 1))
    return [] if whole else ["the change feed lacks numbers"]


FAULTS = (
    Fault(
        "F11",
        "A clock of the wall that jumps by days, steps and changes of summer time sticks no "
        "request, cuts none, makes no duration negative, and loses nothing to `gc`.",
        _clock,
    ),
)
