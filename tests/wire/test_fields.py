"""Quoted strings and lists of header fields (RFC 9110 5.6)."""

from __future__ import annotations

import pytest

from dicomweb_server.wire import fields

_LONG = 50_000


@pytest.mark.parametrize("end", ["", "\\", "\x00", 'a"b', '\\"', "\\\x00"])
def test_a_quoted_string_that_is_none_is_refused_in_linear_time(end: str) -> None:
    # A pattern that gives back what it took would be at it for longer than any test may run.
    assert fields.unquote('"' + "a" * _LONG + end) is None


@pytest.mark.parametrize("body", ["a" * _LONG, '\\"' * _LONG, "a\\a" * _LONG, "\\\\" * _LONG])
def test_long_quoted_strings_are_read(body: str) -> None:
    assert fields.unquote(f'"{body}"') is not None
    assert fields.split(f'"{body}", b', ",") == [f'"{body}"', "b"]


@pytest.mark.parametrize("text", ['"' * _LONG, '"a' * _LONG, "\\" * _LONG, ',"' * _LONG])
def test_lists_of_broken_strings_are_split_in_linear_time(text: str) -> None:
    assert "".join(fields.split(text, ","))


def test_escapes_are_taken_away() -> None:
    assert fields.unquote('"a\\"b\\\\c"') == 'a"b\\c'
    assert fields.unquote('""') == ""
