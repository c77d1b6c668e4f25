"""Instances whose pixels turned out to be damaged, so that answers can leave them out at once."""

from __future__ import annotations

import time
from collections import OrderedDict

from dicomweb_server.errors import ArchiveError, CodecFailed

_MOST = 10_000
_FIRST_SECONDS = 10.0
"""For how long a content is left out whose codec failed once: perhaps it was not to blame."""
_FAILED_SECONDS = 600.0
"""The same where it failed before; what cannot be decoded stays so."""


class Undecodable:
    """Remembers contents that could not be decoded, or not be encoded as something.

    Whether pixels can be decoded shows only when they are, which may be in the middle of an answer
    that then breaks off. The next one tells in front that it is without them.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], tuple[str, float]] = OrderedDict()

    def note(self, digest: str, syntax: str, number: int, error: ArchiveError) -> None:
        """Remember a content.

        Args:
            digest: SHA-256 of it, in hex.
            syntax: Transfer Syntax UID that it was to get.
            number: Of the frame that was tried.
            error: What was wrong with it.
        """
        until = float("inf")
        if isinstance(error, CodecFailed):
            again = (digest, syntax) in self._known
            until = time.monotonic() + (_FAILED_SECONDS if again else _FIRST_SECONDS)
        self._known[digest, syntax] = (f"frame {number}: {error.detail}", until)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)

    def reason(self, digest: str, syntax: str) -> str:
        """What was wrong with a content on its way to a transfer syntax; empty if unknown."""
        text, until = self._known.get((digest, syntax), ("", 0.0))
        return text if time.monotonic() < until else ""
