"""What maintenance found, counted in full and named in part."""

from __future__ import annotations

from dataclasses import dataclass, field

from dicomweb_server.model.ids import InstanceKey, Scope

EXAMPLES = 1000
"""How many findings of one kind a report names; all of them are counted."""


@dataclass(slots=True)
class Findings:
    """What is wrong in one way.

    Args:
        count: How many.
        digests: The first of them.
        instances: Paths below the DICOMweb root of those whose instances are known, by digest.
    """

    count: int = 0
    digests: list[str] = field(default_factory=list)
    instances: dict[str, str] = field(default_factory=dict)

    def add(self, digest: str, key: InstanceKey | None = None) -> None:
        """One more.

        Args:
            digest: Its name.
            key: The instance that it belongs to, where that is known.
        """
        self.count += 1
        if len(self.digests) >= EXAMPLES:
            return
        self.digests.append(digest)
        if key is not None:
            self.instances[digest] = Scope.of(key).path
