"""Running checks one after the other, whatever becomes of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from conformance.client import Client
from conformance.model import Check, Failed, Level, NotOffered, Result, Verdict
from conformance.synthetic.corpus import make_corpus
from conformance.world import JSON, World

_PATIENCE_SECONDS = 20.0
_PAUSE_SECONDS = 0.25
_LOST = "the server has not answered since"


class Unreachable(Exception):
    """Nobody answers at the URL."""


@dataclass(frozen=True, slots=True)
class Run:
    """What came of all checks.

    Args:
        url: DICOMweb root of the server.
        server: What it says of itself in the Server header.
        results: In the order of the checks.
        refused: Instances that it did not store, and why.
        left: Study Instance UIDs that could not be deleted.
        patients: With what the Patient IDs of the run begin.
        requests: How many were sent.
        seconds: How long it took.
    """

    url: str
    server: str
    results: tuple[Result, ...]
    refused: dict[str, str]
    left: tuple[str, ...]
    patients: str
    requests: int
    seconds: float

    @property
    def failures(self) -> tuple[Result, ...]:
        """Results of checks that failed."""
        return tuple(r for r in self.results if r.verdict is Verdict.FAIL)

    @property
    def conforms(self) -> bool:
        """Whether every SHALL holds that was judged."""
        return all(result.check.level is not Level.SHALL for result in self.failures)


def run_checks(
    client: Client,
    checks: Sequence[Check],
    told: Callable[[Result], None] = lambda _: None,
    *,
    keep: bool = False,
) -> Run:
    """Store the data of a run, judge, and delete the data again.

    Args:
        client: The server.
        checks: What to judge.
        told: Called with each result.
        keep: Leave the data in the server.

    Raises:
        Unreachable: The server does not answer at the begin.
    """
    began = time.monotonic()
    world = World(client, make_corpus())
    server = _hello(client)
    results: list[Result] = []
    try:
        world.populate()
        for check in checks:
            results.append(_next(check, world, results))
            told(results[-1])
    finally:
        left = list(world.studies) if keep else world.clean()
    return Run(
        url=client.root,
        server=server,
        results=tuple(results),
        refused=world.refused,
        left=tuple(left),
        patients=world.corpus.run,
        requests=client.requests,
        seconds=time.monotonic() - began,
    )


def _next(check: Check, world: World, before: Sequence[Result]) -> Result:
    """What comes of a check; of none any more once the server stays away."""
    if before and before[-1].reason.endswith(_LOST):
        return Result(check, Verdict.FAIL, _LOST, 0.0)
    return judge(check, world)


def judge(check: Check, world: World, patience: float = _PATIENCE_SECONDS) -> Result:
    """What comes of one check; one that breaks has failed.

    Args:
        check: Which.
        world: What it gets.
        patience: Seconds that a server has to come back when it broke off.
    """
    began = time.monotonic()
    try:
        check.run(world)
        verdict, reason = Verdict.PASS, ""
    except NotOffered as lack:
        verdict, reason = Verdict.NOT_OFFERED, str(lack)
    except Failed as failure:
        verdict, reason = Verdict.FAIL, str(failure)
    except Exception as error:  # noqa: BLE001 # an answer may break a check in any way
        verdict, reason = Verdict.FAIL, f"the check broke: {type(error).__name__}: {error}"
    if verdict is Verdict.FAIL and "no answer" in reason and not _revived(world.client, patience):
        reason += f"; {_LOST}"
    seconds = time.monotonic() - began
    return Result(check, verdict, " ".join(reason.split()), seconds)


def _hello(client: Client) -> str:
    try:
        answer = client.request("GET", "/studies?limit=1", accept=JSON)
    except Failed as failure:
        raise Unreachable(str(failure)) from failure
    return str(answer.headers.get("server", ""))


def _revived(client: Client, patience: float) -> bool:
    """Whether a server that broke off answers again in time, restarted by its supervisor."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            _hello(client)
        except Unreachable:
            time.sleep(_PAUSE_SECONDS)
        else:
            return True
    return False
