"""``python -m benchmarks.reindex``: how fast an index is made anew from the stored bytes.

The floor is what no index can do without: one process reads the first bytes of each blob and
commits a row as large as what the index has of an instance. Figures of the processor are those of
all processes together; on a machine that others use they are the ones that can be compared.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path

from pydicom import dcmread

from benchmarks.data import ct_series, uid
from benchmarks.machine import describe
from dicomweb_server.store.layout import Layout

_SERIES = 300
_BATCH = 200
_HEAD = 64 * 1024
_START = 1_700_000_000 * 10**9
_SIDE = 64


@dataclass(frozen=True, slots=True)
class Cost:
    """What some work has cost.

    Args:
        wall: Seconds until it was done.
        processor: Seconds of all its processes.
    """

    wall: float
    processor: float


def main() -> int:
    """Measure and print."""
    arguments = _arguments()
    print("; ".join(f"{name}: {value}" for name, value in describe().items()))
    files = [path for path in sorted(arguments.files.rglob("*")) if path.is_file()]
    samples = [path.read_bytes() for path in files]
    samples = samples or [image.data for image in ct_series(27, _SIDE)]
    with tempfile.TemporaryDirectory(prefix="reindex-", dir=arguments.folder) as name:
        data = Path(name, "data")
        _fill(Layout(data), islice(_instances(samples), arguments.count))
        before = _cost(lambda: _reindex(data.with_name("empty")))
        rebuilt = _cost(lambda: _reindex(data))
        row = (data / "index.db").stat().st_size // arguments.count
        floor = _cost(lambda: _floor(Layout(data), Path(name, "floor.db"), row))
    print(f"{arguments.count} instances, {row} bytes of index for each")
    _show("floor", floor, arguments.count)
    _show("reindex", rebuilt, arguments.count)
    _show("of that to start and end", before, arguments.count)
    more = (rebuilt.processor - before.processor) / floor.processor
    print(f"reindex without that / floor, processor: {more:.1f}")
    return 0


def _instances(samples: Sequence[bytes]) -> Iterator[bytes]:
    """The samples again and again with other UIDs of the same length."""
    told = [_uids(sample) for sample in samples]
    number = 0
    while True:
        if number % _SERIES == 0:
            study, series = uid(), uid()
        place = number % len(samples)
        file = samples[place]
        for old, new in zip(told[place], (study, series, uid()), strict=True):
            file = file.replace(old.encode(), new[: len(old)].ljust(len(old), "1").encode())
        yield file
        number += 1


def _uids(sample: bytes) -> tuple[str, str, str]:
    found = dcmread(BytesIO(sample), stop_before_pixels=True)
    return str(found.StudyInstanceUID), str(found.SeriesInstanceUID), str(found.SOPInstanceUID)


def _fill(layout: Layout, instances: Iterator[bytes]) -> None:
    """Put the blobs where the store has them, one received after the other."""
    layout.prepare()
    for number, file in enumerate(instances):
        path = layout.blob(hashlib.sha256(file).hexdigest())
        path.write_bytes(file)
        os.utime(path, ns=(_START + number, _START + number))


def _reindex(data: Path) -> None:
    data.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "dicomweb_server", "reindex", "--data", str(data), "--json"]
    done = subprocess.run(
        [*command, "--forget-deletions"], check=True, stdout=subprocess.PIPE, text=True
    )
    told = json.loads(done.stdout)
    if told["instances"] != told["blobs"]:
        raise SystemExit(f"of {told['blobs']} blobs {told['instances']} are in the index")


def _floor(layout: Layout, path: Path, size: int) -> None:
    blobs = iter([layout.blobs / name for name in layout.fan_out()])
    paths = (each for folder in blobs for each in folder.iterdir())
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE row (name TEXT PRIMARY KEY, told BLOB) STRICT")
        while batch := list(islice(paths, _BATCH)):
            rows = [(each.name, _beginning(each)[:size].ljust(size, b"\0")) for each in batch]
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO row VALUES (?, ?)", rows)
            connection.execute("COMMIT")


def _beginning(path: Path) -> bytes:
    with path.open("rb", buffering=0) as file:
        return file.read(_HEAD)


def _cost(work: Callable[[], None]) -> Cost:
    begun, wall = _processor(), time.perf_counter()
    work()
    return Cost(time.perf_counter() - wall, _processor() - begun)


def _processor() -> float:
    """Seconds of the processor that this process and those that it has waited for have used."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _show(name: str, cost: Cost, count: int) -> None:
    cores = os.cpu_count() or 1
    print(
        f"{name:26} {cost.processor / count * 1e3:7.3f} ms CPU each,"
        f" {cores * count / cost.processor:7,.0f} /s of {cores} free cores,"
        f" {count / cost.wall:7,.0f} /s by the clock"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reindex", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="instances")
    parser.add_argument(
        "--files",
        type=Path,
        default=Path(os.devnull),
        metavar="FOLDER",
        help="Part 10 files that the instances are copies of; default: CT images made for it",
    )
    parser.add_argument("--folder", type=Path, help="where the data folder is made")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
