"""The Accept-Encoding header field: whether an answer may be gzipped (RFC 9110 12.5.3)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from dicomweb_server.errors import NotAcceptable
from dicomweb_server.wire import fields
from dicomweb_server.wire.mediarange import members, quality_of

GZIP = "gzip"
IDENTITY = "identity"
_ALIASES = {"x-gzip": GZIP}


def choose(values: Sequence[str]) -> str:
    """The content coding of an answer that can be gzipped.

    Args:
        values: All lines of the Accept-Encoding header.

    Returns:
        `gzip` where it is accepted and no less wanted than the plain form, else `identity`. Without
        the header the plain form is sent, because old programs that inflate nothing send none.

    Raises:
        NotAcceptable: Neither of the two is accepted.
        InvalidParameter: The header is too long, or has too many members.
    """
    return _choose(tuple(values))


@lru_cache(maxsize=256)
def _choose(values: tuple[str, ...]) -> str:
    weights: dict[str, float] = {}
    for text in members(values, "Accept-Encoding"):
        name, *rest = fields.split(text, ";")
        q = quality_of(dict(filter(None, map(fields.parameter, rest))).get("q", "1"))
        if q is not None:
            weights.setdefault(_ALIASES.get(name.lower(), name.lower()), q)
    zipped = weights.get(GZIP, weights.get("*", 0.0))
    # The plain form is acceptable unless it is excluded, and less wanted than what is named.
    plain = weights.get(IDENTITY, 0.0 if weights.get("*") == 0 else -1.0)
    if zipped > 0 and zipped >= plain:
        return GZIP
    if plain == 0.0 and weights:
        raise NotAcceptable(
            "the answer can be sent plain or with gzip, and neither is in the Accept-Encoding "
            "header",
            "Accept-Encoding: gzip, or leave the header out",
            asked=members(values, "Accept-Encoding"),
            offered=(GZIP, IDENTITY),
        )
    return IDENTITY
