"""Uploads that break off at any byte."""

from __future__ import annotations

import random
import time

import httpx

from tests.faults.onlooker import Onlooker
from tests.faults.proof import Count, Effort, Fault, Proof
from tests.live.instances import STOW_TYPE, Made, make, stow_body
from tests.live.large import connect, reset, send_post_head
from tests.live.server import KINDS, Server, eventually, running

_RESETS = {Effort.SHORT: 40, Effort.FULL: 500}
_SIDES = (16, 64, 512, 1024)
_STOP_SECONDS = 20.0


def _run(effort: Effort, seed: int) -> Proof:
    counts: dict[str, Count] = {"resets": 0}
    violations: list[str] = []
    for kind in KINDS:
        with running(kind, {"DICOMWEB_CODEC__WARM": "false"}) as server:
            violations += _break_off(server, _RESETS[effort], random.Random(seed), counts)
            begin = time.monotonic()
        stopped = time.monotonic() - begin
        counts[f"{kind}: stop s"] = round(stopped, 1)
        if stopped > _STOP_SECONDS:
            violations.append(f"{kind}: something was still at work when it was stopped")
    return Proof(counts, tuple(violations), seed)


def _break_off(
    server: Server, resets: int, chance: random.Random, counts: dict[str, Count]
) -> list[str]:
    """Break uploads off, and look at what is left of them."""
    kept = make(2)
    assert _post(server, kept) == 200
    files, sockets = server.open_files(), server.sockets()
    lost: list[Made] = []
    with Onlooker(server) as onlooker:
        for _ in range(resets):
            lost += _break_one(server, chance)
    counts["resets"] = int(counts["resets"]) + resets
    counts |= onlooker.counts(f"{server.kind}: ")
    begin = time.monotonic()
    violations = list(onlooker.failures)
    for told, gone in (
        ("files in staging", lambda: not server.staged_files()),
        ("open files", lambda: server.open_files() == files),
        ("open sockets", lambda: server.sockets() <= sockets),
    ):
        if not eventually(gone, 60):
            violations.append(f"{server.kind}: {told} were left behind")
    counts[f"{server.kind}: clean after s"] = round(time.monotonic() - begin, 1)
    return violations + _visible(server, kept, lost)


def _break_one(server: Server, chance: random.Random) -> list[Made]:
    """Send a part of an upload and break off; what was to be stored."""
    made = make(chance.randint(1, 4), side=chance.choice(_SIDES))
    body = b"".join(stow_body(each.data for each in made))
    with connect(server) as connection:
        send_post_head(connection, len(body))
        connection.sendall(body[: chance.randint(1, len(body) - 1)])
        reset(connection)
    return made


def _visible(server: Server, kept: list[Made], lost: list[Made]) -> list[str]:
    """Instances that can be seen and should not be, or the other way round."""
    with httpx.Client(base_url=server.root, timeout=60) as client:
        found = client.get("/instances", params={"limit": 50_000}).json()
        uids = {match["00080018"]["Value"][0] for match in found}
        wrong = uids ^ {str(each.dataset.SOPInstanceUID) for each in kept}
        direct = [made for made in lost[::7] if client.get(made.path).status_code != 404]
    violations = [f"{server.kind}: {len(wrong)} instances more or less than stored"] * bool(wrong)
    if direct:
        violations.append(f"{server.kind}: {len(direct)} instances of broken uploads are visible")
    if "Traceback" in server.log() or '"level": "error"' in server.log():
        violations.append(f"{server.kind}: the log tells of an error")
    return violations


def _post(server: Server, made: list[Made]) -> int:
    body = b"".join(stow_body(each.data for each in made))
    return httpx.post(
        f"{server.root}/studies", content=body, headers={"Content-Type": STOW_TYPE}, timeout=60
    ).status_code


FAULTS = (
    Fault(
        "F12",
        "An upload that breaks off, at any byte, is neither acknowledged nor visible, and leaves "
        "no file, no descriptor and no work behind.",
        _run,
    ),
)
