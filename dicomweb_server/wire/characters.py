"""The character set of an answer: UTF-8, if the client takes it (PS3.18 8.8)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dicomweb_server.errors import InvalidParameter, NotAcceptable
from dicomweb_server.wire import fields, querystring
from dicomweb_server.wire.mediarange import members, parse, quality_of

LABEL = "; charset=utf-8"
"""Behind a Content-Type where the client named a character set."""

_NAMES = frozenset({"utf-8", "utf8", "iso_ir 192", "csutf8"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.:+()-]{0,63}")


def named(
    accept: Sequence[str], parameter: Sequence[str], header: Sequence[str], *, strict: bool
) -> bool:
    """Whether the client names UTF-8.

    Args:
        accept: All lines of the Accept header; `charset` of its members counts first.
        parameter: All values of the `charset` query parameter, decoded.
        header: All lines of the Accept-Charset header.
        strict: Refuse clients that take no UTF-8; else it is sent all the same.

    Raises:
        InvalidParameter: The parameter is malformed or a wildcard.
        NotAcceptable: Strict, and the client takes other character sets alone.
    """
    listed = _listed(parameter)
    types = [member.parameter("charset") for member in parse(accept) if member.q > 0]
    sets = [text for text in types if text is not None]
    if any(map(_is_ours, [*sets, *listed])):
        return True
    excluded = bool(sets) and len(sets) == len(types)
    weights = _weights(header)
    if not excluded and not weights:
        return False
    ours = [q for name, q in weights.items() if _is_ours(name)]
    taken = max(ours) > 0 if ours else weights.get("*", 0.0) > 0
    if taken and not excluded:
        return True
    if strict:
        raise NotAcceptable(
            "text is sent in UTF-8 only",
            "Accept-Charset: utf-8, or name no character set",
            asked=[*sets, *weights],
            offered=("utf-8",),
        )
    return False


def _listed(parameter: Sequence[str]) -> list[str]:
    """The names in the query parameter; those that are not supported are ignored (8.3.3.2)."""
    texts = [text for value in parameter for text in querystring.split_list(value)]
    found = []
    for text in texts:
        name, weight = _weighted(text)
        if name is None or weight is None or not _NAME.fullmatch(name):
            raise InvalidParameter(
                "charset", "is not a list of character sets", "names without wildcards: utf-8"
            )
        if weight > 0:
            found.append(name)
    return found


def _weighted(text: str) -> tuple[str | None, float | None]:
    """A member of the query parameter and its weight, None for either where it is malformed."""
    name, semicolon, rest = text.rpartition(";") if ";q=" in text else (text, "", "")
    plain = fields.unquote(name.strip(" ")) if name.startswith('"') else name.strip(" ")
    return plain, quality_of(rest.strip(" ").removeprefix("q=")) if semicolon else 1.0


def _weights(header: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for text in members(header, "Accept-Charset"):
        name, *rest = fields.split(text, ";") or [""]
        q = quality_of(dict(filter(None, map(fields.parameter, rest))).get("q", "1"))
        if q is not None:
            found.setdefault((fields.unquote(name) or name).lower(), q)
    return found


def _is_ours(name: str) -> bool:
    return name.lower() in _NAMES
