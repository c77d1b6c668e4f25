"""What the tests' data say of patients: none of it may come into a log line (T28).

Every test that is run in this process is watched through `Watch`; servers in processes of their own
give what they wrote to `check` when they end. Problem documents are checked where they arrive.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import structlog
from structlog.typing import EventDict, WrappedLogger

from dicomweb_server import logs
from dicomweb_server.settings import LogFormat, LogSettings

CANARIES = (
    "Doe",
    "Jane",
    "Müller",
    "Anna",
    "Phantom",
    "Secret",
    "S3CR3T",
    "Kanarienvogel",
    "P1",
    "A1",
    "DEMO",
    "DEMO1",
    "20240102",
    "20240229",
    "19700101",
    "19700102",
    "20000101",
)
"""Names, identifiers and dates in the data sets that tests are made of, as whole words."""

_SILENT = frozenset({"pydicom", "py.warnings"})
_QUIET = frozenset({"httpx", "httpcore", "hpack", "_granian", "hypercorn", "asyncio"})
_HANDLE = "handle"
_WORDS = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, CANARIES))})(?!\w)")


def named_in(text: str) -> list[str]:
    """The canaries that a text names."""
    return sorted(set(_WORDS.findall(text)))


def check(text: str, where: str) -> None:
    """Fail where a text that nobody should learn anything from names a patient.

    Args:
        text: Lines of a log, or an answer.
        where: What it is.
    """
    told = [line for line in text.splitlines() if named_in(line)]
    assert not told, f"{where} tells of patients: {told[:5]}"


class Watch:
    """All that was logged in this process while it lasted, as the server would have written it."""

    def __init__(self) -> None:
        self._written = io.StringIO()
        self._handler = logging.StreamHandler(self._written)
        plain = LogSettings(format=LogFormat.JSON)
        self._handler.setFormatter(logs.formatter(plain, self._written))

    @property
    def text(self) -> str:
        """The lines."""
        return self._written.getvalue()

    def record(self, record: logging.LogRecord) -> None:
        """Take a record of a logger that is written in a server."""
        top = record.name.partition(".")[0]
        if top in _SILENT or (top in _QUIET and record.levelno < logging.WARNING):
            return
        self._handler.handle(record)

    def line(self, _logger: WrappedLogger, _method: str, event: EventDict) -> Mapping[str, object]:
        """Take a line of structlog's; nothing of it goes elsewhere."""
        safe = logs.safe_exception(
            _logger, _method, logs.only_access_fields(_logger, _method, event)
        )
        self._written.write(f"{safe}\n")
        raise structlog.DropEvent


@contextmanager
def watching() -> Iterator[Watch]:
    """Watch all loggers of this process, at every level."""
    watch = Watch()
    handle = logging.Logger.handle

    def watched(logger: logging.Logger, record: logging.LogRecord) -> None:
        watch.record(record)
        handle(logger, record)

    setattr(logging.Logger, _HANDLE, watched)  # of every logger, also of later ones
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            watch.line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        cache_logger_on_first_use=False,
    )
    ours = logging.getLogger("dicomweb_server")
    level = ours.level
    ours.setLevel(logging.DEBUG)
    try:
        yield watch
    finally:
        ours.setLevel(level)
        setattr(logging.Logger, _HANDLE, handle)
        structlog.reset_defaults()
