"""Pieces that HTTP header fields are made of: lists, parameters, quoted strings (RFC 9110 5.6)."""

from __future__ import annotations

import re

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

# An unterminated string reaches to the end, so that no text is ever scanned twice; the doubled plus
# signs keep what they have taken: giving it back would take time exponential in the length.
_QUOTED = r'"(?:[^"\\]++|\\.)*+"?'
_SEPARATORS = {mark: re.compile(f"{_QUOTED}|{mark}", re.DOTALL) for mark in ",;"}
_WHOLE_QUOTED = re.compile(r'"((?:[^"\\\x00-\x08\x0a-\x1f\x7f]++|\\[\t -~\x80-\U0010ffff])*+)"')
_BARE = re.compile(r'[^\s"\x00-\x1f\x7f]*')
_BLANK = " \t\r\n"


def split(text: str, separator: str) -> list[str]:
    """Split at a separator outside quoted strings, in linear time.

    Args:
        text: Value of a header field.
        separator: A comma or a semicolon.

    Returns:
        The pieces without blanks around them; empty pieces are left out.
    """
    pieces = []
    start = 0
    for found in _SEPARATORS[separator].finditer(text):
        if found.group() == separator:
            pieces.append(text[start : found.start()].strip(_BLANK))
            start = found.end()
    pieces.append(text[start:].strip(_BLANK))
    return [piece for piece in pieces if piece]


def unquote(text: str) -> str | None:
    """The value that a token or quoted string stands for; None where it is malformed.

    Bare values may hold characters that no token has, such as the slash of a media type or the
    star of `transfer-syntax=*`: real clients leave the quotes out.
    """
    if text.startswith('"'):
        whole = _WHOLE_QUOTED.fullmatch(text)
        return re.sub(r"\\(.)", r"\1", whole[1]) if whole else None
    return text if _BARE.fullmatch(text) else None


def quote(text: str) -> str:
    """Write a value: bare where it is a token, else as a quoted string."""
    if TOKEN.fullmatch(text):
        return text
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def parameter(text: str) -> tuple[str, str] | None:
    """Read one `name=value`, the name in lower case; None where it is malformed."""
    name, equals, value = text.partition("=")
    name = name.strip(_BLANK)
    plain = unquote(value.strip(_BLANK))
    if not equals or plain is None or not TOKEN.fullmatch(name):
        return None
    return name.lower(), plain


def first_parameter(parameters: tuple[tuple[str, str], ...], name: str) -> str | None:
    """Value of the first parameter of a (lower-case) name."""
    return next((value for key, value in parameters if key == name), None)
