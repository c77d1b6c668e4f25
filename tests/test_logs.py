"""Log lines: their form, and what must never be in them."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from dicomweb_server import logs
from dicomweb_server.errors import NotFound
from dicomweb_server.settings import LogFormat, LogSettings
from dicomweb_server.settings.sections import LogLevel


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _logs_tell_nothing_of_patients() -> None:
    """Here the loggers themselves are tried, with names of patients."""


@pytest.fixture(autouse=True)
def _loggers_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def _lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_lines_are_json_where_nobody_watches() -> None:
    stream = io.StringIO()
    logs.configure(LogSettings(), stream)
    logging.getLogger("dicomweb_server.x").info("started", extra={"port": 1})
    structlog.get_logger("dicomweb_server.y").warning("odd", count=2)
    first, second = _lines(stream)
    assert (first["event"], first["port"], first["level"]) == ("started", 1, "info")
    assert (second["event"], second["count"], second["logger"]) == ("odd", 2, "dicomweb_server.y")
    assert str(first["timestamp"]).endswith("Z")


def test_lines_are_text_on_a_terminal() -> None:
    stream = _Terminal()
    logs.configure(LogSettings(), stream)
    logging.getLogger("x").info("started")
    assert "[info     ] started" in stream.getvalue()


def test_format_can_be_chosen() -> None:
    stream = _Terminal()
    logs.configure(LogSettings(format=LogFormat.JSON), stream)
    logging.getLogger("x").info("started")
    assert _lines(stream)[0]["event"] == "started"


def test_level_is_kept() -> None:
    stream = io.StringIO()
    logs.configure(LogSettings(level=LogLevel.WARNING), stream)
    logging.getLogger("x").info("quiet")
    structlog.get_logger("x").info("quiet")
    logging.getLogger("x").warning("loud")
    assert [line["event"] for line in _lines(stream)] == ["loud"]


def test_request_id_comes_with_every_line_of_a_request() -> None:
    stream = io.StringIO()
    logs.configure(LogSettings(), stream)
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        logging.getLogger("x").info("one")
        structlog.get_logger("x").info("two")
    logging.getLogger("x").info("three")
    assert [line.get("request_id") for line in _lines(stream)] == ["r-1", "r-1", None]


def test_line_of_a_request_holds_nothing_but_its_fields() -> None:
    stream = io.StringIO()
    logs.configure(LogSettings(), stream)
    fields: dict[str, object] = {
        "route": "/studies/{study}",
        "status": 200,
        "path": "/studies/1.2",
        "query": "a=b",
    }
    logging.getLogger(logs.ACCESS).info("request", extra=fields)
    structlog.get_logger(logs.ACCESS).info("request", **fields)
    for line in _lines(stream):
        assert line["route"] == "/studies/{study}"
        assert set(line) == {"event", "level", "logger", "timestamp", "route", "status"}


def test_both_ways_give_the_same_line_of_a_request() -> None:
    stream = io.StringIO()
    logs.configure(LogSettings(), stream)
    fields: dict[str, object] = {"route": "/é", "status": 200, "bytes": 5, "request_id": "r-1"}
    logging.getLogger(logs.ACCESS).info("request", extra=fields)
    structlog.get_logger(logs.ACCESS).info("request", **fields)
    one, other = _lines(stream)
    assert str(one.pop("timestamp"))[:11] == str(other.pop("timestamp"))[:11]
    assert one == other


def test_line_of_a_request_costs_few_calls() -> None:
    stream = io.StringIO()
    logs.configure(LogSettings(), stream)
    fields: dict[str, object] = {"route": "/", "method": "GET", "status": 200, "bytes": 5}
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    logger = logging.getLogger(logs.ACCESS)
    logger.info("request", extra=fields)
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        logger.info("request", extra=fields)
    finally:
        sys.setprofile(before)
    assert calls < 100


def test_texts_of_foreign_exceptions_are_not_written() -> None:
    stream = io.StringIO()
    logs.configure(LogSettings(), stream)
    try:
        raise ValueError("Doe^Jane")
    except ValueError:
        logging.getLogger("x").exception("it failed")
        structlog.get_logger("x").exception("it failed")
    assert "Doe" not in stream.getvalue()
    for line in _lines(stream):
        assert line["error"] == "ValueError"
        assert "test_logs.py" in str(line["raised"])


def test_texts_of_our_exceptions_are_written() -> None:
    stream = io.StringIO()
    logs.configure(LogSettings(), stream)
    logging.getLogger("x").error("it failed", exc_info=NotFound("no such study"))
    assert _lines(stream)[0]["detail"] == "no such study"


def test_lines_of_servers_end_at_their_first_line() -> None:
    stream = io.StringIO()
    logs.configure(LogSettings(), stream)
    logging.getLogger("asyncio").error("Task exception was never retrieved\nValueError('Doe')")
    logging.getLogger("pydicom").warning("Invalid value 'Doe^Jane'")
    assert [line["event"] for line in _lines(stream)] == ["Task exception was never retrieved"]
