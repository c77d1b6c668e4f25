"""The Accept-Encoding header field: how an answer may be compressed (RFC 9110 12.5.3)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from dicomweb_server.errors import NotAcceptable
from dicomweb_server.wire import fields
from dicomweb_server.wire.mediarange import members, quality_of

GZIP = "gzip"
ZSTD = "zstd"
IDENTITY = "identity"
_ALIASES = {"x-gzip": GZIP}


def choose(values: Sequence[str]) -> str:
    """The content coding of an answer that can be compressed.

    Args:
        values: All lines of the Accept-Encoding header.

    Returns:
        `gzip` where it is accepted and no less wanted than the others, `zstd` where it is named and
        wanted more than gzip (RFC 8878), else `identity`. Documents lie with gzip in the index, so
        that it wins where both are wanted alike. Without the header the plain form is sent, because
        old programs that inflate nothing send none.

    Raises:
        NotAcceptable: None of the three is accepted.
        InvalidParameter: The header is too long, or has too many members.
    """
    return _choose(tuple(values))


@lru_cache(maxsize=256)
def _choose(values: tuple[str, ...]) -> str:
    weights: dict[str, float] = {}
    for text in members(values, "Accept-Encoding"):
        name, *rest = fields.split(text, ";") or [""]
        q = quality_of(dict(filter(None, map(fields.parameter, rest))).get("q", "1"))
        if q is not None:
            weights.setdefault(_ALIASES.get(name.lower(), name.lower()), q)
    zipped = weights.get(GZIP, weights.get("*", 0.0))
    # The plain form is acceptable unless it is excluded, and less wanted than what is named.
    plain = weights.get(IDENTITY, 0.0 if weights.get("*") == 0 else -1.0)
    standard = weights.get(ZSTD, 0.0)
    if standard > max(zipped, 0.0) and standard >= plain:
        return ZSTD
    if zipped > 0 and zipped >= plain:
        return GZIP
    if plain == 0.0 and weights:
        raise NotAcceptable(
            "the answer can be sent plain, with gzip or zstd, and none of them is in the "
            "Accept-Encoding header",
            "Accept-Encoding: gzip, or leave the header out",
            asked=members(values, "Accept-Encoding"),
            offered=(GZIP, ZSTD, IDENTITY),
        )
    return IDENTITY
