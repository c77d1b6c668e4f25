"""Instances on their way to another archive: which there are, and the form in which each goes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import replace

from dicomweb_server.auth.port import Action, Authorizer
from dicomweb_server.index.port import Index
from dicomweb_server.model import media
from dicomweb_server.model.ids import Scope
from dicomweb_server.model.instance import FragmentedFrames, InstanceRecord
from dicomweb_server.service.choice import Choice
from dicomweb_server.service.content import is_native
from dicomweb_server.service.context import Context
from dicomweb_server.service.delivery import DeliveredPart
from dicomweb_server.service.files import FileReader
from dicomweb_server.service.members import Members

_PAGE = 200


class Outbound:
    """Chooses for one receiver after the other; nothing of an instance is read for that.

    Args:
        index: Where instances are found.
        members: Reads records, and looks at their bytes.
        choice: Knows what can become what.
        files: Makes Part 10 files.
        authorizer: Asked first.
    """

    def __init__(
        self,
        index: Index,
        members: Members,
        choice: Choice,
        files: FileReader,
        authorizer: Authorizer,
    ) -> None:
        self._index = index
        self._members = members
        self._choice = choice
        self._files = files
        self._authorizer = authorizer

    async def moment(self) -> int:
        """The greatest sequence that there is now."""
        return await self._index.revision(Scope()) or 0

    async def pages(
        self, context: Context, scope: Scope, until: int
    ) -> AsyncIterator[list[tuple[InstanceRecord, str]]]:
        """The instances of a scope, each with what is known to be wrong with its bytes.

        Args:
            context: Who asks.
            scope: Which ones.
            until: As `moment` told; what came later does not count.
        """
        await self._authorizer.check(context.principal, Action.RETRIEVE, scope)
        held: list[InstanceRecord] = []
        async for record in self._members.records(scope, until):
            held.append(replace(record, bulk=()))
            if len(held) == _PAGE:
                yield await self._inspected(held)
                held = []
        if held:
            yield await self._inspected(held)

    async def _inspected(self, records: list[InstanceRecord]) -> list[tuple[InstanceRecord, str]]:
        harm = await self._members.harm(records)
        return [(record, harm.get(record.blob.digest, "")) for record in records]

    def syntaxes(self, record: InstanceRecord, accepted: Collection[str]) -> tuple[str, ...]:
        """Those of the accepted transfer syntaxes that an instance can travel in, best first.

        As it is stored, else uncompressed, else compressed without loss.

        Args:
            record: The instance.
            accepted: UIDs.
        """
        stored = record.transfer_syntax
        if stored in accepted:
            return (stored,)
        plain: list[str] = []
        if self._becomes_plain(record):
            plain = [media.EXPLICIT_LITTLE, media.IMPLICIT_LITTLE]
        packed = [
            syntax
            for syntax in media.TRANSFER_SYNTAXES
            if syntax in accepted and not media.is_lossy(syntax) and self._packs(record, syntax)
        ]
        return tuple(syntax for syntax in [*plain, *packed] if syntax in accepted)

    def _becomes_plain(self, record: InstanceRecord) -> bool:
        """Whether an instance can travel uncompressed in little endian."""
        stored = record.transfer_syntax
        if is_native(stored):
            # Fragments where there must be none lie there as they came.
            return not isinstance(record.frames, FragmentedFrames)
        return not self._choice.file_obstacle(record, media.EXPLICIT_LITTLE)

    def _packs(self, record: InstanceRecord, syntax: str) -> bool:
        return not media.TRANSFER_SYNTAXES[syntax].is_native and not self._choice.file_obstacle(
            record, syntax
        )

    def file(self, record: InstanceRecord, syntax: str) -> DeliveredPart:
        """The Part 10 file of an instance.

        Args:
            record: The instance.
            syntax: One of `syntaxes`; Implicit VR Little Endian, unless stored so, comes as
                Explicit VR Little Endian, which the sender rewrites.
        """
        if syntax == media.IMPLICIT_LITTLE and record.transfer_syntax != syntax:
            syntax = media.EXPLICIT_LITTLE
        return self._files.part(record, syntax, ())
