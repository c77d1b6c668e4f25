"""A process that has imported the server and forks it on request: a start without the imports.

    python -m tests.faults.nursery

Reads lines of JSON: arguments of the program, variables of its environment, and the file that
takes its output. Answers with the process id of the child, which leads a group of its own.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

from dicomweb_server.cli.main import main


def serve(arguments: Sequence[str], environment: Mapping[str, str], output: str) -> None:
    """Be the program, in a child."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(0)
    os.environ.update(environment)
    try:
        main(arguments)
    finally:
        os._exit(1)


def listen() -> None:
    """Fork a child for each line."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            serve(order["arguments"], order["environment"], order["output"])
        with suppress(PermissionError, ProcessLookupError):  # it may have come first, or be gone
            os.setpgid(child, child)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    listen()
