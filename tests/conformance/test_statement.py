"""The conformance statement says what the code does now."""

from __future__ import annotations

from conformance.statement import PAGE, statement


def test_statement_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == statement(), "run make statement"
