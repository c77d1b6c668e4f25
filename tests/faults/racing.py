"""Many clients that do the same thing at the same instant."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tests.faults.launch import Launch, run

T = TypeVar("T")

_ROOT = "/dicom-web"
_JSON = "application/dicom+json"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client heard."""

    status: int
    body: bytes

    def outcome(self) -> str:
        """What became of the one instance of a STOW: stored, kept, refused, or the status."""
        module = json.loads(self.body) if self.body[:1] == b"{" else {}
        if "00081198" in module:
            reason = module["00081198"]["Value"][0]["00081197"]["Value"][0]
            return f"refused {reason:04X}"
        stored = module.get("00081199", {}).get("Value", [{}])[0]
        if "00081150" not in stored:
            return f"status {self.status}"
        return "kept" if "00081196" in stored else "stored"


@dataclass(slots=True)
class Racer:
    """A client with a connection of its own."""

    server: Launch
    _connection: http.client.HTTPConnection | None = field(default=None)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Send one request; `path` is below the DICOMweb root."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection(*self.server.address, timeout=60)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            self._connection.request(method, _ROOT + path, body, named)
            response = self._connection.getresponse()
            return Answer(response.status, response.read())
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def store(self, data: bytes) -> Answer:
        """Store one Part 10 file."""
        return self.ask("POST", "/studies", data, Content_Type="application/dicom", Accept=_JSON)

    def search(self, path: str) -> list[dict[str, dict[str, list[object]]]]:
        """The matches of a search."""
        found: list[dict[str, dict[str, list[object]]]]
        found = json.loads(self.ask("GET", path, Accept=_JSON).body)
        return found

    def file(self, path: str) -> Answer:
        """An instance as it was stored."""
        return self.ask("GET", path, Accept="application/dicom; transfer-syntax=*")

    def close(self) -> None:
        """Let the connection go."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Field:
    """Racers who start together, round after round.

    Args:
        server: Whom they ask.
        count: How many.
    """

    def __init__(self, server: Launch, count: int) -> None:
        self.racers = [Racer(server) for _ in range(count)]
        self._pool = ThreadPoolExecutor(count)
        self._barrier = threading.Barrier(count)

    def together(self, work: Callable[[Racer, int], T]) -> list[T]:
        """Let each do its work at the same instant; the results in order."""

        def start(number: int) -> T:
            self._barrier.wait(60)
            return work(self.racers[number], number)

        return list(self._pool.map(start, range(len(self.racers))))

    def __enter__(self) -> Field:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._pool.shutdown()
        for racer in self.racers:
            racer.close()


def sound(data: Path) -> list[str]:
    """What a look at every row and every byte finds wrong."""
    done = run(["fsck", "--hashes", "--json", "--data", str(data)])
    told = json.loads(done.stdout) if done.stdout.startswith("{") else {}
    return [] if told.get("healthy") else [f"the archive is not sound: {done.stdout[:500]}"]


def blobs(data: Path) -> list[str]:
    """Names of all blobs."""
    found = (path for path in (data / "blobs").glob("*/*") if path.is_file())
    return sorted(path.parent.name + path.name for path in found)


def shown(answers: Sequence[Answer]) -> str:
    """Which outcomes there were, for messages."""
    found = sorted({answer.outcome() for answer in answers})
    return f"{[(one, [a.outcome() for a in answers].count(one)) for one in found]}"
