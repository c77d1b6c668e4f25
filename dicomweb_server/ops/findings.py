"""What maintenance found, counted in full and named in part."""

from __future__ import annotations

from dataclasses import dataclass, field

EXAMPLES = 1000
"""How many findings of one kind a report names; all of them are counted."""


@dataclass(slots=True)
class Findings:
    """What is wrong in one way.

    Args:
        count: How many.
        digests: The first of them.
    """

    count: int = 0
    digests: list[str] = field(default_factory=list)

    def add(self, digest: str) -> None:
        """One more."""
        self.count += 1
        if len(self.digests) < EXAMPLES:
            self.digests.append(digest)
