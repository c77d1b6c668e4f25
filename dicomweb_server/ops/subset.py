"""Which part of an archive is read: a fraction that rotates, a share, or an amount, by chance."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable

from dicomweb_server.errors import ConfigurationError

Chosen = Callable[[str], bool]
"""Whether a blob, named by its digest, is in the subset."""

_FORM = re.compile(r"(\d+)/(\d+)|(\d+(?:\.\d+)?)%|(\d+(?:\.\d+)?)([KMGT])(?:iB)?", re.ASCII)
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_WHOLE = 1 << 64
_HINT = "n/t such as 3/30, a share such as 5%, or an amount such as 10G"


def subset(text: str, total: int) -> Chosen:
    """What a text means.

    ``n/t`` is the n-th of t parts: the same blobs each time, and all of them once n has gone from
    1 to t. ``5%`` and ``10G`` are other blobs each time, about as many as to make that share of
    all, or that many bytes.

    Args:
        text: As given.
        total: Bytes of the archive.

    Raises:
        ConfigurationError: It means nothing.
    """
    form = _FORM.fullmatch(text)
    if form is None:
        raise ConfigurationError(f"--subset: {text[:40]!r} is no subset", _HINT)
    number, parts, share, amount, unit = form.groups()
    if parts is not None:
        return _part(int(number), int(parts))
    if share is not None:
        return _by_chance(float(share) / 100, "a share is more than 0% and not more than 100%")
    wanted = float(amount) * _UNITS[unit]
    return _by_chance(min(1.0, wanted / max(total, 1)), "an amount is more than nothing")


def _part(number: int, parts: int) -> Chosen:
    if not 1 <= number <= parts:
        raise ConfigurationError("--subset: in n/t n is from 1 to t", _HINT)
    return lambda digest: int(digest[:16], 16) % parts == number - 1


def _by_chance(share: float, otherwise: str) -> Chosen:
    if not 0 < share <= 1:
        raise ConfigurationError(f"--subset: {otherwise}", _HINT)
    salt, limit = secrets.token_bytes(16), int(share * _WHOLE)

    def chosen(digest: str) -> bool:
        drawn = hashlib.blake2b(digest.encode(), key=salt, digest_size=8).digest()
        return int.from_bytes(drawn) < limit

    return chosen
