"""F8: many clients store the same instance with the same bytes at the same instant."""

from __future__ import annotations

import hashlib
import random
import tempfile
from functools import partial
from pathlib import Path

from tests.datasets import SERIES, STUDY, instance
from tests.faults.launch import serving
from tests.faults.proof import Count, Effort, Fault, Proof
from tests.faults.racing import Answer, Field, Racer, blobs, shown, sound


def _same_bytes(effort: Effort, seed: int) -> Proof:
    clients, rounds = (50, 200) if effort is Effort.FULL else (20, 8)
    kind = random.Random(seed).choice(("hypercorn", "granian"))
    violations: list[str] = []
    files = [instance(number) for number in range(1, rounds + 1)]
    with tempfile.TemporaryDirectory(prefix="dicomweb-same-") as folder:
        data = Path(folder, "data")
        with serving(data, ["--server", kind, "--workers", "2"]) as server:
            with Field(server, clients) as field:
                for number, file in enumerate(files, 1):
                    answers = field.together(partial(_store, file))
                    if {answer.outcome() for answer in answers} != {"stored"}:
                        violations.append(f"round {number}: {shown(answers)}")
                rows = field.racers[0].search(f"/studies/{STUDY}/instances?limit=1000")
                (study,) = field.racers[0].search("/studies")
                counted = study["00201208"]["Value"][0]
            listed = [row["00080018"]["Value"][0] for row in rows]
        if sorted(map(str, listed)) != sorted(f"{SERIES}.{n}" for n in range(1, rounds + 1)):
            violations.append(f"{len(listed)} rows for {rounds} instances")
        if counted != rounds:
            violations.append(f"the study counts {counted} instances of {rounds}")
        if blobs(data) != sorted(hashlib.sha256(file).hexdigest() for file in files):
            violations.append(f"{len(blobs(data))} blobs for {rounds} instances")
        violations += sound(data)
    counts: dict[str, Count] = {
        "clients": clients,
        "rounds": rounds,
        "requests": clients * rounds,
        "server": kind,
        "rows": len(listed),
    }
    return Proof(counts, tuple(violations), seed)


def _store(file: bytes, racer: Racer, place: int) -> Answer:
    return racer.store(file)


FAULTS = (
    Fault(
        "F8",
        "Clients that store the same instance with the same bytes at the same instant all hear "
        "that it is stored; there is one row and one blob.",
        _same_bytes,
    ),
)
