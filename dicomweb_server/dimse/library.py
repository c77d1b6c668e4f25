"""Settings of pynetdicom that hold for a whole process."""

from __future__ import annotations

from pynetdicom import _config


def quieten() -> None:
    """Keep it from writing messages, with the values of patients in them, to the log."""
    _config.LOG_HANDLER_LEVEL = "none"
    _config.LOG_REQUEST_IDENTIFIERS = False
    _config.LOG_RESPONSE_IDENTIFIERS = False
