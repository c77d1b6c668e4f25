"""Retrieving: index rows and byte ranges to parts, settled before the first byte."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from dicomweb_server.auth.port import Action, Authorizer
from dicomweb_server.errors import NotAcceptable, NotFound, Unavailable
from dicomweb_server.index.port import Index
from dicomweb_server.model import media
from dicomweb_server.model.ids import InstanceKey, Scope
from dicomweb_server.model.instance import BulkRef, InstanceRecord
from dicomweb_server.service.bulkdata import BulkReader, BulkSet, single_frames
from dicomweb_server.service.choice import ANY_TYPE, Choice, bulk_form, has_pixels, own_syntax
from dicomweb_server.service.content import Content
from dicomweb_server.service.context import Context
from dicomweb_server.service.damage import Inspection, all_damaged, damaged_keys
from dicomweb_server.service.delivery import (
    DeliveredPart,
    Delivery,
    Flow,
    Undelivered,
    tag_of,
)
from dicomweb_server.service.derived import maker
from dicomweb_server.service.files import FileReader
from dicomweb_server.service.frames import plan, table_of
from dicomweb_server.service.members import Members
from dicomweb_server.service.metadata import Metadata
from dicomweb_server.service.outbound import Outbound
from dicomweb_server.service.transcoding import Transcoder
from dicomweb_server.wire.accept import Wish

T = TypeVar("T")


class Retrieve:
    """Everything that WADO-RS, C-GET and exports read.

    Args:
        index: Where instances are found.
        content: How their bytes are read.
        authorizer: Asked first.
        immutable: Whether an instance keeps its bytes as long as it exists.
        transcoder: Transcodes pixels; None to deliver them only as they are stored.
        inspection: Looks at the bytes of many instances in front; None trusts them.
    """

    def __init__(
        self,
        index: Index,
        content: Content,
        authorizer: Authorizer,
        *,
        immutable: bool,
        transcoder: Transcoder | None = None,
        inspection: Inspection | None = None,
    ) -> None:
        self._index = index
        self._members = Members(index, inspection)
        self._choice = Choice(None)
        if transcoder is not None:
            self._choice = Choice(transcoder.codecs, transcoder.undecodable)
        self._preamble = content.policy.value
        self._files = FileReader(content, self._choice, transcoder)
        self._bulk = BulkReader(content, transcoder)
        self._authorizer = authorizer
        self._immutable = immutable
        self.outbound = Outbound(index, self._members, self._choice, self._files, authorizer)
        """The same instances, for archives that they are sent to."""

    async def instances(self, context: Context, scope: Scope, wishes: Sequence[Wish]) -> Delivery:
        """The Part 10 files of a study, a series or an instance (PS3.18 10.4.1.1.1).

        Args:
            context: Who asks.
            scope: Which instances.
            wishes: Acceptable forms, best first.

        Raises:
            NotFound: There are none.
            NotAcceptable: None of them can be delivered in an acceptable form.
            BlobDamaged: The bytes of all of them are damaged, as far as a look at them tells.
        """
        await self._authorizer.check(context.principal, Action.RETRIEVE, scope)
        parts: list[DeliveredPart] = []
        missing: list[Undelivered] = []
        digests: list[str] = []
        multipart = True
        record = None
        async for record, harm in self._members.inspected(scope):
            if harm:
                missing.append(Undelivered(record.key, harm, damaged=True))
                continue
            met = _first(
                self._choice.instance_syntax, record, self._choice.preferred(record, wishes)
            )
            if met is None:
                refused = self._choice.refusal(record, wishes)
                missing.append(Undelivered(record.key, refused.detail))
                continue
            syntax, wish, others = met
            multipart = wish.multipart
            parts.append(self._files.part(record, syntax, others))
            digests += [record.blob.digest, _made(record, syntax)]
        if record is None:
            raise _absent(scope)
        if not parts:
            raise all_damaged(missing) or self._choice.refusal(record, wishes)
        tag = tag_of(["instances", self._preamble, str(multipart), *digests])
        immutable = self._immutable and scope.instance is not None
        newest = record.sequence
        return Delivery(tuple(parts), multipart, tag, immutable, tuple(missing), newest)

    def flow(self, scope: Scope, wishes: Sequence[Wish], settled: Delivery) -> Flow:
        """The same answer as `instances` gave, its parts made again while they are sent.

        Instances that arrive meanwhile are not sent.

        Args:
            scope, wishes: As they were given to `instances`.
            settled: What it returned; nothing of it is kept but the numbers.
        """
        count = len(settled.parts)
        damaged = damaged_keys(settled.missing)

        async def parts() -> AsyncIterator[DeliveredPart]:
            left = count
            async for record in self._members.records(scope, settled.newest, damaged):
                met = _first(
                    self._choice.instance_syntax, record, self._choice.preferred(record, wishes)
                )
                if met is None or left == 0:
                    continue
                yield self._files.part(record, met[0], met[2])
                left -= 1
            if left:
                raise Unavailable("instances were deleted while they were sent")

        return Flow(parts, media.APPLICATION_DICOM, settled.tag, settled.missing)

    async def frames(
        self,
        context: Context,
        key: InstanceKey,
        numbers: Sequence[int],
        wishes: Sequence[Wish],
    ) -> Delivery:
        """Pixel data of single frames (PS3.18 10.4.1.1.4).

        Args:
            context: Who asks.
            key: The instance.
            numbers: Frame numbers from 1.
            wishes: Acceptable forms, best first.

        Raises:
            NotFound: No such instance.
            FrameOutOfRange: No such frame.
            NotAcceptable: Its pixels cannot be delivered in an acceptable form.
        """
        return self._frames(await self._record(context, key), numbers, wishes)

    async def bulk(
        self, context: Context, key: InstanceKey, path: str, wishes: Sequence[Wish]
    ) -> Delivery:
        """The value of one bulk element, at any nesting (PS3.18 10.4.1.1.5).

        Args:
            context: Who asks.
            key: The instance.
            path: As in BulkRef.
            wishes: Acceptable forms, best first.

        Raises:
            NotFound: No such instance, or no such bulk element in it.
            NotAcceptable: It cannot be delivered in an acceptable form.
        """
        record = await self._record(context, key)
        found = next((bulk for bulk in record.bulk if bulk.path == path), None)
        if found is None:
            raise NotFound(
                "the instance has no bulk data under this name",
                "use the BulkDataURI values of its metadata",
            )
        return self._one_bulk(record, found, wishes)

    async def pixels(self, context: Context, key: InstanceKey, wishes: Sequence[Wish]) -> Delivery:
        """The pixel data of one instance, without those of icons (PS3.18 10.4.1.1.6).

        Raises:
            NotFound: No such instance, or it has no pixel data.
            NotAcceptable: They cannot be delivered in an acceptable form.
        """
        record = await self._record(context, key)
        found = next(filter(has_pixels, record.bulk), None)
        if found is None:
            raise NotFound("the instance has no pixel data", "see the bulkdata of the instance")
        return self._one_bulk(record, found, wishes)

    async def bulk_set(
        self, context: Context, scope: Scope, wishes: Sequence[Wish], *, pixels: bool
    ) -> Delivery | Flow:
        """All bulk data of a study, a series or an instance (PS3.18 10.4.3.3.5, 10.4.3.3.6).

        Args:
            context: Who asks.
            scope: Which instances.
            wishes: Acceptable forms, best first; each is multipart.
            pixels: Whether only pixel data are wanted, without those of icons.

        Returns:
            One part for each element under its BulkDataURI, for compressed pixels of several
            frames one for each frame.

        Raises:
            NotFound: There are no such instances, or they have no bulk data.
            NotAcceptable: None of it can be delivered in an acceptable form.
            BlobDamaged: The bytes of all instances are damaged, as far as a look at them tells.
        """
        await self._authorizer.check(context.principal, Action.RETRIEVE, scope)
        found = BulkSet(self._choice, wishes, pixels=pixels)
        record = None
        async for record, harm in self._members.inspected(scope):
            found.add(record, harm)
        if record is None:
            raise _absent(scope)
        if found.count == 0 and found.missing:
            raise all_damaged(found.missing) or self._choice.refusal(record, wishes)
        if found.count == 0:
            raise NotFound("there are no bulk data of this kind", "see the metadata")
        tag = tag_of(["bulk-set", maker(), str(pixels), *found.names])
        missing = tuple(found.missing)
        if found.settled is None:
            return Flow(self._flow(scope, found, record.sequence), found.media_type, tag, missing)
        parts = tuple(
            part
            for record, elements in found.settled
            for part in self._bulk.parts(record, elements)
        )
        immutable = self._immutable and scope.instance is not None
        return Delivery(parts, True, tag, immutable, missing)

    def _flow(
        self, scope: Scope, found: BulkSet, newest: int
    ) -> Callable[[], AsyncIterator[DeliveredPart]]:
        """The parts of so many elements that they are chosen once more while they are sent."""

        damaged = damaged_keys(found.missing)

        async def parts() -> AsyncIterator[DeliveredPart]:
            left = found.count
            async for record in self._members.records(scope, newest, damaged):
                for part in self._bulk.parts(record, found.choose(record)):
                    yield part
                    left -= 1
            if left:
                raise Unavailable("instances came or went while their bulk data were sent")

        return parts

    def _one_bulk(self, record: InstanceRecord, found: BulkRef, wishes: Sequence[Wish]) -> Delivery:
        if has_pixels(found):
            return self._pixel_data(record, found, wishes)
        for wish in wishes:
            form = bulk_form(record, found.path, wish)
            if form is not None:
                return self._bulk_delivery(record, found, form, wish)
        raise NotAcceptable(
            "bulk data that are no compressed pixels travel as application/octet-stream",
            "ask for application/octet-stream, single or multipart",
            asked=[wish.media_type for wish in wishes],
            offered=[media.OCTET_STREAM, f'multipart/related; type="{media.OCTET_STREAM}"'],
        )

    async def metadata(self, context: Context, scope: Scope) -> Metadata:
        """DICOM JSON of every instance of a study, a series or an instance (PS3.18 10.4.1.1.2).

        Raises:
            NotFound: There are none.
        """
        revision = await self.revision(context, scope)
        documents = await self._index.documents(scope)
        if not documents.keys:
            raise _absent(scope)
        return Metadata(documents, revision)

    async def revision(self, context: Context, scope: Scope) -> str:
        """A text that changes whenever a scope changes.

        Raises:
            NotFound: Nothing is there.
        """
        await self._authorizer.check(context.principal, Action.RETRIEVE, scope)
        revision = await self._index.revision(scope)
        if revision is None:
            raise _absent(scope)
        return f"{self._index.generation}-{revision}"

    async def _record(self, context: Context, key: InstanceKey) -> InstanceRecord:
        scope = Scope.of(key)
        await self._authorizer.check(context.principal, Action.RETRIEVE, scope)
        record = await self._index.get(key)
        if record is None:
            raise _absent(scope)
        return record

    def _frames(
        self, record: InstanceRecord, numbers: Sequence[int], wishes: Sequence[Wish]
    ) -> Delivery:
        table = table_of(record)
        plan(table, max(numbers))
        met = _first(self._choice.pixel_form, record, self._choice.preferred(record, wishes))
        if met is None:
            raise self._choice.refusal(record, wishes)
        (kind, syntax), wish, others = met
        forms = [self._choice.pixel_form(record, other) for other in others]
        own = own_syntax(record)
        fallback = next((form for form in forms if form and form[1] == own), None)
        parts = tuple(self._bulk.frames(record, numbers, kind, syntax, fallback))
        named = [record.blob.digest, kind, _made(record, syntax), str(fallback)]
        tag = tag_of(["frames", *named, str(wish.multipart), *map(str, numbers)])
        return Delivery(parts, wish.multipart, tag, self._immutable)

    def _bulk_delivery(
        self, record: InstanceRecord, bulk: BulkRef, form: tuple[str, str], wish: Wish
    ) -> Delivery:
        kind, syntax = form
        part = self._bulk.part(record, bulk, kind, syntax)
        named = [record.blob.digest, kind, _made(record, syntax), str(wish.multipart), bulk.path]
        tag = tag_of(["bulk", *named])
        return Delivery((part,), wish.multipart, tag, self._immutable)

    def _pixel_data(
        self, record: InstanceRecord, bulk: BulkRef, wishes: Sequence[Wish]
    ) -> Delivery:
        """Pixel data of an instance: one part, or one for each frame of several compressed ones."""
        for wish in self._choice.preferred(record, wishes):
            form = self._choice.whole_form(record, wish)
            if form is None:
                continue
            count = single_frames(record, form[1])
            if not count:
                return self._bulk_delivery(record, bulk, form, wish)
            if wish.multipart or wish.media_type == ANY_TYPE:
                several = replace(wish, multipart=True)
                return self._frames(record, range(1, count + 1), [several])
        raise self._choice.refusal(record, wishes)


def _first(
    form: Callable[[InstanceRecord, Wish], T | None],
    record: InstanceRecord,
    wishes: Sequence[Wish],
) -> tuple[T, Wish, Sequence[Wish]] | None:
    """The first wish that can be met, with the form in which it is, and those behind it."""
    for place, wish in enumerate(wishes):
        met = form(record, wish)
        if met is not None:
            return met, wish, wishes[place + 1 :]
    return None


def _made(record: InstanceRecord, syntax: str) -> str:
    """A transfer syntax, with what makes the bytes where they are not the stored ones."""
    return syntax if syntax == record.transfer_syntax else f"{syntax} {maker()}"


def _absent(scope: Scope) -> NotFound:
    """The error for a scope in which nothing is."""
    level = scope.level
    what = level.name.lower() if level else "archive"
    return NotFound(f"there is no such {what}", "search at /studies for what there is")
