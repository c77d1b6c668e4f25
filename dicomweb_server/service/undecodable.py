"""Instances whose pixels turned out to be damaged, so that answers can leave them out at once."""

from __future__ import annotations

from collections import OrderedDict

_MOST = 10_000


class Undecodable:
    """Remembers contents that could not be decoded; what is decodable never changes.

    Whether pixels can be decoded shows only when they are, which may be in the middle of an answer
    that then breaks off. The next one tells in front that it is without them.
    """

    def __init__(self) -> None:
        self._reasons: OrderedDict[str, str] = OrderedDict()

    def note(self, digest: str, reason: str) -> None:
        """Remember a content.

        Args:
            digest: SHA-256 of it, in hex.
            reason: What was wrong.
        """
        self._reasons[digest] = reason
        if len(self._reasons) > _MOST:
            self._reasons.popitem(last=False)

    def reason(self, digest: str) -> str:
        """What was wrong with a content; empty where nothing is known."""
        return self._reasons.get(digest, "")
