"""F1: the server is killed at random moments, and at every step of storing and deleting."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from compileall import compile_dir
from contextlib import contextmanager
from pathlib import Path

import httpx

import dicomweb_server
from dicomweb_server.model.crash import CRASH_VARIABLE, Step
from tests.faults.campaign import Campaign
from tests.faults.lanes import side_by_side
from tests.faults.proof import Count, Effort, Fault, Proof, missed
from tests.faults.victim import Shape, Victim, nursery

_TRUE_START_EVERY = 20
_WORKERS_EVERY = 20
_GRANIAN_EVERY = 20
_TIMES = 3
_SOME_STEPS = 6
_QUICK = Shape(quick=True)
_READY_SECONDS = 2.0
_ABSURD_SECONDS = 60.0
_AS_USERS_DO = {
    "DICOMWEB_CODEC__WARM": "true",
    "DICOMWEB_SCRUB__ENABLED": "false",  # rows have no bytes here
}


@contextmanager
def _campaign(seed: int) -> Iterator[Campaign]:
    with tempfile.TemporaryDirectory(prefix="dicomweb-kills-") as folder, nursery() as born:
        campaign = Campaign(Path(folder), born, seed)
        try:
            yield campaign
        finally:
            campaign.kill()


def _shape(number: int) -> Shape:
    if number % _WORKERS_EVERY == 5:
        return Shape(workers=2)
    if number % _GRANIAN_EVERY == 7:
        return Shape(kind="granian", workers=1 + number % 40 // 20)
    return Shape(quick=number % _TRUE_START_EVERY != 1)


def random_kills(effort: Effort, seed: int) -> Proof:
    """Kill at any moment while four clients store, replace, delete and break off."""
    if effort is Effort.SHORT:
        return _random_kills(seed, 40)
    return side_by_side(_random_kills, 10, 50, seed)


def _random_kills(seed: int, kills: int) -> Proof:
    of_workers = 0
    with _campaign(seed) as campaign:
        for number in range(kills):
            shape = _shape(number)
            campaign.start(shape)
            if number:
                campaign.judge()
            if shape.workers > 1:
                of_workers += 1
                campaign.kill_worker()
                campaign.judge()
            campaign.random_kill()
        campaign.start(_QUICK)
        campaign.judge()
        campaign.finish()
        counts: dict[str, Count] = {"kills": kills, "kills of a worker alone": of_workers}
        return Proof(counts | campaign.counts(), campaign.violations(), seed)


def pointed_kills(effort: Effort, seed: int) -> Proof:
    """Kill at every step of the write protocol, at its first or a later time."""
    if effort is Effort.SHORT:  # other steps in each run: a gate must not last too long
        return _pointed_kills(seed, _SOME_STEPS)
    return side_by_side(_pointed_kills, 20, len(Step), seed)


def _pointed_kills(seed: int, steps: int) -> Proof:
    chance = random.Random(seed)
    with _campaign(seed) as campaign:
        campaign.start(_QUICK)
        campaign.work(1.0)
        campaign.judge()
        campaign.kill()
        for step in chance.sample(list(Step), steps):
            crash = f"{step}:{chance.randint(1, _TIMES)}"
            campaign.start(Shape(quick=True, environment={CRASH_VARIABLE: crash}))
            campaign.pointed_kill(step)
            campaign.start(_QUICK)
            campaign.judge()
            campaign.kill()
        campaign.finish()
        counts: dict[str, Count] = {"kills": steps}
        return Proof(counts | campaign.counts(), campaign.violations(), seed)


def many_instances(effort: Effort, seed: int) -> Proof:
    """Start on a large index whose last writer was killed."""
    instances = 100_000 if effort is Effort.FULL else 3_000
    starts = 5 if effort is Effort.FULL else 1
    compile_dir(Path(dicomweb_server.__file__).parent, quiet=1)  # as it is where it was installed
    with tempfile.TemporaryDirectory(prefix="dicomweb-start-") as folder, nursery() as born:
        data = Path(folder, "data")
        subprocess.run([sys.executable, "-m", "tests.faults.library", str(data), str(instances)])
        size = sum(path.stat().st_size for path in data.glob("index.db*"))
        log = (data / "index.db-wal").stat().st_size
        victim = Victim(data, Path(folder, "output"), born)
        found = [_start(victim, instances) for _ in range(starts)]
    seconds = [each for each, _ in found]
    counts: dict[str, Count] = {
        "instances": instances,
        "index MiB": round(size / 2**20, 1),
        "log MiB": round(log / 2**20, 1),
        "starts": starts,
        "first ready s": round(seconds[0], 2),
        "ready s median": round(sorted(seconds)[starts // 2], 2),
    }
    wrong = [each for _, each in found if each]
    wrong += [f"ready after {each:.0f} s" for each in seconds if each > _ABSURD_SECONDS]
    late = missed(counts, {"first ready s": _READY_SECONDS, "ready s median": _READY_SECONDS})
    return Proof(counts, tuple(wrong), seed, late)


def _start(victim: Victim, instances: int) -> tuple[float, str]:
    """Start with the settings that users have, ask for readiness, and kill."""
    began = time.monotonic()
    victim.start(Shape(environment=_AS_USERS_DO))
    origin = f"http://127.0.0.1:{victim.port}"
    status = httpx.get(f"{origin}/readyz", timeout=_ABSURD_SECONDS).status_code
    seconds = time.monotonic() - began
    listed = httpx.get(f"{origin}/dicom-web/instances?total=true&limit=1", timeout=_ABSURD_SECONDS)
    total = listed.headers.get("x-total-count")
    victim.kill()
    if status != 200 or total != str(instances):
        return seconds, f"readiness is {status}, {total} of {instances} instances are there"
    return seconds, ""


FAULTS = (
    Fault(
        "F1a",
        "Killed at random moments, the archive keeps all that was acknowledged and shows nothing"
        " in part",
        random_kills,
    ),
    Fault("F1b", "The same for a kill at every step of storing and deleting", pointed_kills),
    Fault("F1c", "A start on a large index after a kill takes no time to speak of", many_instances),
)
