"""Requests made from the described HTTP interface, against the running server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests import datasets
from tests.faults.subject import served
from tests.fuzz.openapi import document
from tests.live.instances import store

NAME = "http"
PROMISE = (
    "no request of the described interface fails the server; every answer has a status and a media "
    "type that are described, every refusal is a problem document"
)
_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
_GENERATED = re.compile(r"(\d+) generated")
_UIDS = {
    "study": datasets.STUDY,
    "series": datasets.SERIES,
    "instance": datasets.INSTANCE,
}


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a run.

    Args:
        requests: Requests that were made up and sent.
        failures: What the program says of those that were answered otherwise than described.
        tracebacks: Requests that failed inside the server.
    """

    requests: int
    failures: str
    tracebacks: int

    @property
    def held(self) -> bool:
        """Whether all was as described."""
        return not self.failures and not self.tracebacks and self.requests > 0


def run(seconds: int, examples: int, seed: int) -> Told:
    """Let schemathesis make requests for some time.

    Args:
        seconds: How long at the most.
        examples: Requests of each operation and phase at the most.
        seed: Of its choices.
    """
    with tempfile.TemporaryDirectory(prefix="interface-") as name:
        folder = Path(name)
        with served(folder / "data", folder / "log") as server:
            with httpx.Client(base_url=server.root) as client:
                files = [datasets.part10(datasets.dataset())]
                assert store(client, files).status_code == 200
            (folder / "openapi.json").write_text(json.dumps(document(_UIDS)))
            made = subprocess.run(
                _command(server.root, seconds, examples, seed),
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=seconds + 120,
            )
            found = _GENERATED.search(made.stdout)
            failures = made.stdout + made.stderr if made.returncode else ""
            return Told(int(found[1]) if found else 0, failures, server.tracebacks())


def _command(root: str, seconds: int, examples: int, seed: int) -> list[str]:
    # Its phase "coverage" compiles sources so deeply nested that Python 3.11 gives up.
    program = Path(sys.executable).with_name("schemathesis")
    return [
        *(str(program), "run", "openapi.json", "--url", root),
        *("--checks", ",".join(_CHECKS), "--phases", "fuzzing"),
        *("--max-examples", str(examples), "--max-time", str(seconds), "--seed", str(seed)),
        *("--continue-on-failure", "--no-color", "--warnings", "off"),
        *("--generation-database", "none", "--suppress-health-check", "all"),
    ]
