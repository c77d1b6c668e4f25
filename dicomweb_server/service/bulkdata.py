"""Bulk data of one instance as parts: which form each takes, and how it is read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass

from dicomweb_server.model import media
from dicomweb_server.model.ids import Scope
from dicomweb_server.model.instance import BulkRef, ByteRange, InstanceRecord
from dicomweb_server.service.choice import Choice, bulk_form, has_pixels, own_syntax
from dicomweb_server.service.content import Content, within
from dicomweb_server.service.delivery import Body, DeliveredPart, Undelivered, cut
from dicomweb_server.service.frames import FrameReader, plan, table_of
from dicomweb_server.service.transcoding import Transcoder
from dicomweb_server.wire.accept import Wish

_MOST_SETTLED = 4096


@dataclass(frozen=True, slots=True)
class ChosenBulk:
    """One bulk element with the form in which it is delivered.

    Args:
        bulk: The element.
        media_type: Of its parts.
        transfer_syntax: Of its parts.
        frames: How many parts it makes as single frames; 0 where it is one part.
    """

    bulk: BulkRef
    media_type: str
    transfer_syntax: str
    frames: int

    @property
    def parts(self) -> int:
        """How many parts it makes."""
        return self.frames or 1


def single_frames(record: InstanceRecord, transfer_syntax: str) -> int:
    """How many parts the pixels of an instance make as single frames; 0 where they are one part.

    Compressed pixels of several frames make one part for each frame (PS3.18 8.7.3.3).
    """
    count = record.frames.count if record.frames else 0
    return count if count > 1 and transfer_syntax != media.EXPLICIT_LITTLE else 0


class BulkSet:
    """Collects what of the bulk data of many instances can be delivered as multipart.

    Args:
        choice: Chooses the form of each.
        wishes: Acceptable forms, best first; each is multipart.
        pixels: Whether only pixel data are wanted, without those of icons.

    Attributes:
        count: Parts in all.
        media_type: Of the first part; empty without one.
        names: What the entity tag is made of.
        missing: Instances of which something cannot be delivered.
        settled: The elements of each instance; None where they are more than can be kept.
    """

    def __init__(self, choice: Choice, wishes: Sequence[Wish], *, pixels: bool) -> None:
        self._choice = choice
        self._wishes = wishes
        self._pixels = pixels
        self.count = 0
        self.media_type = ""
        self.names: list[str] = []
        self.missing: list[Undelivered] = []
        self.settled: list[tuple[InstanceRecord, list[ChosenBulk]]] | None = []

    def add(self, record: InstanceRecord, harm: str = "") -> None:
        """Take in the next instance.

        Args:
            record: The instance.
            harm: Why nothing of it can be delivered; empty where that is not so.
        """
        wanted = sum(1 for _ in self._wanted(record))
        if harm:
            if wanted:
                self.missing.append(Undelivered(record.key, harm, damaged=True))
            return
        elements = self.choose(record)
        if len(elements) < wanted:
            reason = self._choice.refusal(record, self._wishes).detail
            self.missing.append(Undelivered(record.key, reason))
        if not elements:
            return
        self.count += sum(element.parts for element in elements)
        self.media_type = self.media_type or elements[0].media_type
        self.names.append(record.blob.digest)
        self.names += [f"{e.bulk.path} {e.media_type} {e.transfer_syntax}" for e in elements]
        if self.settled is not None:
            self.settled.append((record, elements))
            if self.count > _MOST_SETTLED:
                self.settled = None

    def choose(self, record: InstanceRecord) -> list[ChosenBulk]:
        """Those elements of an instance that can be delivered, each with its form."""
        found = []
        for bulk in self._wanted(record):
            form = self._form(record, bulk)
            if form is not None:
                count = single_frames(record, form[1]) if has_pixels(bulk) else 0
                found.append(ChosenBulk(bulk, *form, count))
        return found

    def _wanted(self, record: InstanceRecord) -> Iterator[BulkRef]:
        if not self._pixels:
            return iter(record.bulk)
        return filter(has_pixels, record.bulk)

    def _form(self, record: InstanceRecord, bulk: BulkRef) -> tuple[str, str] | None:
        for wish in self._choice.preferred(record, self._wishes):
            if has_pixels(bulk):
                form = self._choice.whole_form(record, wish)
            else:
                form = bulk_form(record, bulk.path, wish)
            if form is not None:
                return form
        return None


class BulkReader:
    """Makes parts of bulk elements.

    Args:
        content: How bytes are read.
        transcoder: Makes those whose pixels go through codecs; None where none do.
    """

    def __init__(self, content: Content, transcoder: Transcoder | None) -> None:
        self._content = content
        self._transcoder = transcoder

    def part(
        self, record: InstanceRecord, bulk: BulkRef, media_type: str, transfer_syntax: str
    ) -> DeliveredPart:
        """A whole bulk element as one part, under its BulkDataURI."""
        location = f"{Scope.of(record.key).path}/bulkdata/{bulk.path}"
        transcoder = self._transcoder
        if transcoder and has_pixels(bulk) and transfer_syntax != own_syntax(record):
            if transfer_syntax == media.EXPLICIT_LITTLE:
                return transcoder.value(record, media_type, location)
            return transcoder.frame(record, 1, (media_type, transfer_syntax), location)
        body = self._body(record, bulk)
        return DeliveredPart(media_type, transfer_syntax, location, bulk.size, body)

    def parts(
        self, record: InstanceRecord, elements: Iterable[ChosenBulk]
    ) -> Iterator[DeliveredPart]:
        """The parts of chosen elements of an instance, in order."""
        for element in elements:
            kind, syntax = element.media_type, element.transfer_syntax
            if element.frames:
                yield from self.frames(record, range(1, element.frames + 1), kind, syntax)
            else:
                yield self.part(record, element.bulk, kind, syntax)

    def frames(
        self,
        record: InstanceRecord,
        numbers: Sequence[int],
        media_type: str,
        transfer_syntax: str,
        fallback: tuple[str, str] | None = None,
    ) -> Iterator[DeliveredPart]:
        """Single frames as parts; bodies of those that lie stored are to be read in order.

        Args:
            record: The instance.
            numbers: Frame numbers from 1.
            media_type, transfer_syntax: Of the parts.
            fallback: Media type and transfer syntax of the stored form, where it will do for
                frames that cannot be decoded.

        Raises:
            FrameOutOfRange: There is no such frame.
        """
        table = table_of(record)
        plans = [plan(table, number) for number in numbers]
        location = f"{Scope.of(record.key).path}/frames/"
        form = (media_type, transfer_syntax)
        stored = transfer_syntax == own_syntax(record)
        told = form if stored else fallback
        reader = FrameReader(self._content, record, plans)
        for place, number in enumerate(numbers):
            where, part = f"{location}{number}", None
            if told is not None:
                part = DeliveredPart(*told, where, plans[place].length, reader.body(place))
            if not stored and self._transcoder:
                part = self._transcoder.frame(record, number, form, where, part)
                if len(numbers) == 1:
                    part = self._transcoder.alone(part, record, number)
            if part is not None:
                yield part

    def _body(self, record: InstanceRecord, bulk: BulkRef) -> Body:
        def body(part: ByteRange | None) -> AsyncIterator[bytes]:
            if bulk.word == 1:
                return self._content.read_through(record, within(bulk.ranges, part), 1)
            whole = self._content.read_through(record, bulk.ranges, bulk.word)
            return cut(whole, part)

        return body
