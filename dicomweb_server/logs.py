"""Log lines: one JSON object each, or text for people on a terminal; always on standard error.

Everything goes through the standard library's loggers, so a module only needs
``logging.getLogger(__name__)``; what belongs to a request (its id) comes in by structlog's context
variables. No line holds patient data: an exception's text is written only where it is one of ours,
and a request's line holds only the fields of ``ACCESS_FIELDS``.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from dicomweb_server.errors import ArchiveError
from dicomweb_server.settings import LogFormat, LogSettings

ACCESS = "dicomweb_server.web"
"""Logger whose event "request" is the one line of each request."""

_ACCESS_ORDER = ("method", "route", "status", "milliseconds", "bytes", "request_id")
ACCESS_FIELDS = frozenset(_ACCESS_ORDER)
"""All that a line of ACCESS may tell: the route is the path's template, never the path."""

_OURS = frozenset({"event", "level", "logger", "timestamp"})
_FOREIGN = frozenset({"asyncio", "hypercorn.error", "_granian"})
"""Loggers whose messages may go on, behind their first line, with texts of exceptions."""

_FRAMES = 12


def configure(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Send all log lines of this process to one stream.

    Args:
        settings: Level and format.
        stream: Where they go; None is standard error.
    """
    target = sys.stderr if stream is None else stream
    handler = logging.StreamHandler(target)
    handler.setFormatter(formatter(settings, target))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.value.upper())
    _quieten()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.add_log_level,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        cache_logger_on_first_use=False,
    )


def _wants_json(kind: LogFormat, stream: TextIO) -> bool:
    return not stream.isatty() if kind is LogFormat.AUTO else kind is LogFormat.JSON


def formatter(settings: LogSettings, stream: TextIO) -> logging.Formatter:
    """What makes a line of a record.

    Args:
        settings: The form.
        stream: Where lines go; it matters to LogFormat.AUTO.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
    ]
    renderer: Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    kind: type[structlog.stdlib.ProcessorFormatter] = _Lines
    if not _wants_json(settings.format, stream):
        renderer = structlog.dev.ConsoleRenderer(colors=False)
        kind = structlog.stdlib.ProcessorFormatter
    return kind(
        foreign_pre_chain=shared,
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            only_access_fields,
            safe_exception,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            renderer,
        ],
    )


class _Lines(structlog.stdlib.ProcessorFormatter):
    """Lines of JSON; that of a request, of which there are most, by a shorter way."""

    def format(self, record: logging.LogRecord) -> str:
        """A line."""
        if record.name != ACCESS or record.msg != "request":
            return super().format(record)
        told = record.__dict__
        line: dict[str, object] = {name: told[name] for name in _ACCESS_ORDER if name in told}
        line["event"], line["logger"] = record.msg, record.name
        line["level"] = record.levelname.lower()
        line["timestamp"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        return json.dumps(line, ensure_ascii=False)


def _quieten() -> None:
    """Send what the ASGI servers and libraries say the same way, and their chatter nowhere."""
    for name in ("hypercorn.error", "_granian", "granian.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.getLogger("granian.access").setLevel(logging.CRITICAL)
    # asyncio warns of every write to a connection that a client has broken off.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    for name in ("httpx", "httpcore", "hpack", "_granian", "hypercorn.error"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    for name in ("pydicom", "pynetdicom", "py.warnings"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def only_access_fields(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Drop everything from a request's line but the fields that it may have."""
    if event.get("logger") != ACCESS or event.get("event") != "request":
        return event
    return {
        name: value
        for name, value in event.items()
        if name in ACCESS_FIELDS or name in _OURS or name.startswith("_")
    }


def safe_exception(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Replace an exception by its class and where it was raised.

    Texts of foreign exceptions may quote values of a data set, so only ours are kept.
    """
    given = event.pop("exc_info", None)
    error = _error_of(given)
    if error is not None:
        event["error"] = type(error).__qualname__
        if isinstance(error, ArchiveError):
            event["detail"] = error.detail
        frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
        event["raised"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    event.pop("exc_text", None)
    text = event.get("event")
    if isinstance(text, str) and event.get("logger") in _FOREIGN:
        event["event"] = text.partition("\n")[0]
    event.pop("stack_info", None)
    return event


def _error_of(given: object) -> BaseException | None:
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple) and len(given) == 3 and isinstance(given[1], BaseException):
        return given[1]
    return sys.exc_info()[1] if given is True else None
