"""As many instances as a request may have, in one request, and the metadata of all of them."""

from __future__ import annotations

import time

import httpx

from tests.faults.onlooker import Onlooker, kinds
from tests.faults.proof import Count, Effort, Fault, Proof, missed
from tests.live.instances import STOW_TYPE, make, store
from tests.live.large import ManyInstances
from tests.live.server import Server, running

MIB = 1024 * 1024
_INSTANCES = {Effort.SHORT: 1_000, Effort.FULL: 10_000}
_MOST_BYTES = 200 * MIB
_FIRST_BYTE_SECONDS = 60.0
_SETTINGS = {"DICOMWEB_CODEC__WARM": "false", "DICOMWEB_LOG__LEVEL": "warning"}


def _run(effort: Effort, seed: int) -> Proof:
    counts: dict[str, Count] = {"instances": _INSTANCES[effort]}
    violations: list[str] = []
    for kind in kinds(effort, seed):
        with running(kind, _SETTINGS) as server:
            violations += _in_and_out(server, ManyInstances(_INSTANCES[effort]), counts)
    late = missed(counts, {"metadata first byte s": 1, "their p99 ms": 250})
    return Proof(counts, tuple(violations), seed, late)


def _in_and_out(server: Server, many: ManyInstances, counts: dict[str, Count]) -> list[str]:
    """Store all in one request, fetch their metadata, and measure."""
    kind = server.kind
    violations: list[str] = []
    with httpx.Client(base_url=server.root, timeout=600) as client, Onlooker(server) as onlooker:
        assert store(client, [make()[0].data]).status_code == 200
        idle = server.idle_memory()
        begin = time.monotonic()
        answer = client.post(
            "/studies", content=many.request(), headers={"Content-Type": STOW_TYPE}
        )
        seconds = time.monotonic() - begin
        stored = len(answer.json().get("00081199", {}).get("Value", ()))
        counts[f"{kind}: stored a second"] = round(stored / seconds)
        counts[f"{kind}: store RSS MiB"] = round((server.peak_memory() - idle) / MIB)
        if answer.status_code != 200 or stored != many.count:
            violations.append(f"{kind}: {answer.status_code}, {stored} of {many.count} stored")
        violations += _metadata(server, client, many, counts)
    counts |= onlooker.counts(f"{kind}: ")
    for name in ("store", "metadata"):
        if int(counts[f"{kind}: {name} RSS MiB"]) > _MOST_BYTES // MIB:
            violations.append(f"{kind}: {counts[f'{kind}: {name} RSS MiB']} MiB for {name}")
    if server.staged_files():
        violations.append(f"{kind}: files are left in staging")
    return violations + [f"{kind}: {each}" for each in onlooker.failures[:5]]


def _metadata(
    server: Server, client: httpx.Client, many: ManyInstances, counts: dict[str, Count]
) -> list[str]:
    """Fetch the metadata of the series; nothing but the answer is kept here."""
    idle = server.idle_memory()
    begin = time.monotonic()
    first = 0.0
    found = size = 0
    headers = {"Accept": "application/dicom+json", "Accept-Encoding": "identity"}
    with client.stream("GET", f"{many.series_path}/metadata", headers=headers) as answer:
        tail = b""
        for piece in answer.iter_raw():
            first = first or time.monotonic() - begin
            size += len(piece)
            held = tail + piece
            found += held.count(b'"00080018"')
            tail = held[-9:]
    seconds = time.monotonic() - begin
    counts[f"{server.kind}: metadata first byte s"] = round(first, 2)
    counts[f"{server.kind}: metadata MB/s"] = round(size / seconds / 1e6, 1)
    counts[f"{server.kind}: metadata RSS MiB"] = round((server.peak_memory() - idle) / MIB)
    violations = []
    if answer.status_code != 200 or found != many.count:
        violations.append(f"{server.kind}: metadata of {found} of {many.count} instances")
    if first > _FIRST_BYTE_SECONDS:
        violations.append(f"{server.kind}: the first byte of metadata came after {first:.0f} s")
    return violations


FAULTS = (
    Fault(
        "F20",
        "Ten thousand instances come in one request, and their metadata goes out, with memory that "
        "does not depend on their number.",
        _run,
    ),
)
