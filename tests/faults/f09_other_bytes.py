"""F9: many clients store other bytes each under the same UIDs at the same instant."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.datasets import SERIES, STUDY, instance
from tests.faults.launch import serving
from tests.faults.proof import Count, Effort, Fault, Proof
from tests.faults.racing import Answer, Field, Racer, shown, sound

_LOSERS = {"keep": "kept", "replace": "stored", "reject": "refused 0111"}


def _other_bytes(effort: Effort, seed: int) -> Proof:
    racers, rounds = (50, 20) if effort is Effort.FULL else (12, 2)
    chance = random.Random(seed)
    counts: Counter[str] = Counter()
    violations: list[str] = []
    for policy in _LOSERS:
        kind = chance.choice(("hypercorn", "granian"))
        settings = {"DICOMWEB_STORE__DUPLICATES": policy}
        with tempfile.TemporaryDirectory(prefix="dicomweb-other-") as folder:
            data = Path(folder, "data")
            with (
                serving(data, ["--server", kind, "--workers", "2"], settings) as server,
                Field(server, racers) as field,
            ):
                for number in range(1, rounds + 1):
                    wrong = _round(field, policy, number, chance)
                    violations += [f"{policy}, round {number}: {line}" for line in wrong]
                    counts[f"rounds of {policy}"] += 1
                    counts["requests"] += racers
            violations += sound(data)
    shown_counts: dict[str, Count] = {"racers": racers, **counts}
    return Proof(shown_counts, tuple(violations), seed)


def _round(field: Field, policy: str, number: int, chance: random.Random) -> list[str]:
    files = [
        instance(number, PatientID=f"racer {racer}", PixelData=chance.randbytes(32))
        for racer in range(len(field.racers))
    ]
    answers = field.together(lambda racer, place: racer.store(files[place]))
    path = f"/studies/{STUDY}/series/{SERIES}/instances/{SERIES}.{number}"
    stored = field.racers[0].file(path)
    if stored.status != 200 or stored.body not in files:
        return [f"what is stored is none of what was sent: {stored.status}"]
    winner = files.index(stored.body)
    return _told(policy, answers, winner) + _described(field.racers[0], path, winner)


def _told(policy: str, answers: Sequence[Answer], winner: int) -> list[str]:
    """The winner was told so, and the others what the policy says."""
    outcomes = [answer.outcome() for answer in answers]
    losers = {outcome for place, outcome in enumerate(outcomes) if place != winner}
    if outcomes[winner] != "stored" or losers != {_LOSERS[policy]}:
        return [f"racer {winner} has won: {shown(answers)}"]
    return []


def _described(racer: Racer, path: str, winner: int) -> list[str]:
    """Metadata and search tell of the same version as the bytes."""
    (document,) = racer.search(path + "/metadata")
    instance_uid = path.rpartition("/")[2]
    (row,) = racer.search(f"/instances?SOPInstanceUID={instance_uid}&includefield=PatientID")
    told = {str(found["00100020"]["Value"][0]) for found in (document, row)}
    return [] if told == {f"racer {winner}"} else [f"racer {winner} has won, told is {told}"]


FAULTS = (
    Fault(
        "F9",
        "Clients that store other bytes each under the same UIDs at the same instant: one of them "
        "is stored whole, with its own rows; all are told what the policy makes of theirs.",
        _other_bytes,
    ),
)
