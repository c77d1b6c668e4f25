"""F10: any order of requests against a model."""

from __future__ import annotations

import traceback

from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis.stateful import run_state_machine_as_test

from dicomweb_server.logs import configure
from dicomweb_server.settings import LogSettings
from dicomweb_server.settings.sections import LogLevel
from tests.faults.lanes import side_by_side
from tests.faults.machine import ArchiveMachine
from tests.faults.proof import Count, Effort, Fault, Proof


def _model(effort: Effort, seed: int) -> Proof:
    if effort is Effort.SHORT:
        return _steps(seed, 150)
    return side_by_side(_steps, 4, 2_500, seed)


def _steps(seed: int, wanted: int) -> Proof:
    examples, length = (3, 40) if wanted < 1_000 else (20, 100)
    ArchiveMachine.steps.clear()
    configure(LogSettings(level=LogLevel.ERROR))
    chosen = settings(
        max_examples=examples,
        stateful_step_count=length,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
        report_multiple_bugs=False,
        print_blob=False,
    )
    violations: list[str] = []
    runs = 0
    while ArchiveMachine.steps.total() < wanted and not violations:
        try:
            run_state_machine_as_test(seeded(seed + runs)(ArchiveMachine), settings=chosen)
        except Exception as error:  # noqa: BLE001 - whatever the machine meets is a violation
            notes = "\n".join(getattr(error, "__notes__", [])).splitlines()
            steps = [line for line in notes if ".step(" in line][-6:]
            where = traceback.extract_tb(error.__traceback__)[-1]
            violations.append(f"{where.name}:{where.lineno} {str(error)[:300]} after {steps}")
        runs += 1
    done: dict[str, Count] = dict(sorted(ArchiveMachine.steps.items()))
    return Proof({"steps": ArchiveMachine.steps.total(), **done}, tuple(violations), seed)


FAULTS = (
    Fault(
        "F10a",
        "Stores, deletions, searches, retrievals, restarts, collections and rebuilds in any order "
        "do what a model of a few dictionaries does, with real store, index and tombstones.",
        _model,
    ),
)
