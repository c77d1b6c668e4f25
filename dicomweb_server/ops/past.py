"""What the old index knows of blobs that nothing refers to any more, or never did."""

from __future__ import annotations

from dataclasses import dataclass, field

from dicomweb_server.errors import ArchiveError
from dicomweb_server.index.port import Index
from dicomweb_server.model.change import ChangeAction
from dicomweb_server.model.ids import InstanceKey
from dicomweb_server.model.instance import NewInstance

_PAGE = 5_000


@dataclass(slots=True)
class Past:
    """Blobs without a row that came before their instance was deleted or replaced.

    A process that dies leaves blobs that nobody was told of, and replaced ones without a
    tombstone. They must not bring an instance back whose deletion came later.

    Args:
        strangers: Blobs to which the old index does not refer.
        ended: When an instance was deleted or replaced last, in nanoseconds since 1970.
    """

    strangers: set[str] = field(default_factory=set)
    ended: dict[InstanceKey, int] = field(default_factory=dict)

    @classmethod
    async def of(cls, old: Index | None) -> Past:
        """Read the change feed of the old index, as far as it can be read."""
        past = cls()
        after = 0
        try:
            while old is not None and (page := await old.changes(after, _PAGE)):
                after = page[-1].sequence
                for change in page:
                    if change.action is not ChangeAction.STORED:
                        past.ended[change.key] = change.at
        except ArchiveError:
            pass  # it is damaged: the tombstones say the rest
        return past

    def is_over(self, new: NewInstance) -> bool:
        """Whether an instance must not come back."""
        stranger = new.blob.digest in self.strangers
        return stranger and new.received_at < self.ended.get(new.scanned.key, 0)
