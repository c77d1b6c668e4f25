"""What a codec process denies itself before it takes the first job."""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from contextlib import suppress

_NICE = 5
_STACK = 256 * 1024
_LOOK_SECONDS = 0.5
_NO_DUMP = 1
"""Bytes of a core dump: none fits, and Linux pipes none to a program at exactly this limit."""


def ignore_signals() -> None:
    """Take no notice of signals that mean the server: a codec process ends when its socket does."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def end_with(parent: int) -> None:
    """End this process soon after its parent, even amid a job.

    Args:
        parent: Process id of the parent.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_SECONDS)
        os._exit(0)

    threading.stack_size(_STACK)
    threading.Thread(target=watch, name="watch", daemon=True).start()


def confine(memory: int) -> None:
    """Give up what decoding does not need; nothing can be opened or written from here on.

    Args:
        memory: Bytes of address space.
    """
    with suppress(OSError):
        os.nice(_NICE)
    _silence()
    # No file, socket or pipe can be opened behind this. Those that are open stay so.
    _limit(resource.RLIMIT_NOFILE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, _NO_DUMP)
    _limit(resource.RLIMIT_AS, memory)


def allow_seconds(seconds: float) -> None:
    """Let this process use that much more time of processors before it is ended (SIGXCPU)."""
    most = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = int(time.process_time() + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft, most))


def _limit(kind: int, value: int) -> None:
    with suppress(OSError, ValueError):  # a system that does not know it, or has a lower one
        resource.setrlimit(kind, (value, value))


def _silence() -> None:
    """Send what libraries print to nowhere: they print what they find in a frame."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
