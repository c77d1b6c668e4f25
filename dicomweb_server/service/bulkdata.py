"""Bulk data of one instance as parts: which form each takes, and how it is read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass

from dicomweb_server.model.ids import Scope
from dicomweb_server.model.instance import BulkRef, ByteRange, InstanceRecord
from dicomweb_server.service import choice
from dicomweb_server.service.content import Content, is_native, within
from dicomweb_server.service.delivery import Body, DeliveredPart, Undelivered, cut
from dicomweb_server.service.frames import FrameReader, plan, table_of
from dicomweb_server.wire.accept import Wish

PIXEL_PATHS = frozenset({"7FE00010", "7FE00008", "7FE00009"})
"""Names of pixel data of the data set itself; those of icons lie deeper (PS3.18 10.4.3.3.6)."""


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


def is_compressed(record: InstanceRecord, bulk: BulkRef) -> bool:
    """Whether a bulk element holds compressed pixels of its instance."""
    return bulk.path in PIXEL_PATHS and not is_native(record.transfer_syntax)


class BulkSet:
    """Collects what of the bulk data of many instances can be delivered as multipart.

    Args:
        wishes: Acceptable forms, best first; each is multipart.
        pixels: Whether only pixel data are wanted, without those of icons.

    Attributes:
        count: Parts in all.
        media_type: Of the first part; empty without one.
        names: What the entity tag is made of.
        missing: Instances of which something cannot be delivered.
        settled: The elements of each instance; None where they are more than can be kept.
    """

    def __init__(self, wishes: Sequence[Wish], *, pixels: bool) -> None:
        self._wishes = wishes
        self._pixels = pixels
        self.count = 0
        self.media_type = ""
        self.names: list[str] = []
        self.missing: list[Undelivered] = []
        self.settled: list[tuple[InstanceRecord, list[ChosenBulk]]] | None = []

    def add(self, record: InstanceRecord) -> None:
        """Take in the next instance."""
        elements = self.choose(record)
        wanted = sum(1 for _ in self._wanted(record))
        if len(elements) < wanted:
            reason = choice.refusal(record, self._wishes).detail
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
        """Those elements of an instance that can be delivered, each with its form.

        Compressed pixels of several frames make one part for each frame (PS3.18 8.7.3.3).
        """
        found = []
        for bulk in self._wanted(record):
            form = _form(record, bulk, self._wishes)
            if form is not None:
                count = record.frames.count if record.frames and is_compressed(record, bulk) else 0
                found.append(ChosenBulk(bulk, *form, count if count > 1 else 0))
        return found

    def _wanted(self, record: InstanceRecord) -> Iterator[BulkRef]:
        if not self._pixels:
            return iter(record.bulk)
        return (bulk for bulk in record.bulk if bulk.path in PIXEL_PATHS)


def _form(record: InstanceRecord, bulk: BulkRef, wishes: Sequence[Wish]) -> tuple[str, str] | None:
    compressed = is_compressed(record, bulk)
    for wish in wishes:
        if compressed:
            form = choice.pixel_form(record, wish)
        else:
            form = choice.bulk_form(record, bulk.path, wish)
        if form is not None:
            return form
    return None


class BulkReader:
    """Makes parts of bulk elements.

    Args:
        content: How bytes are read.
    """

    def __init__(self, content: Content) -> None:
        self._content = content

    def part(
        self, record: InstanceRecord, bulk: BulkRef, media_type: str, transfer_syntax: str
    ) -> DeliveredPart:
        """A whole bulk element as one part, under its BulkDataURI."""
        location = f"{Scope.of(record.key).path}/bulkdata/{bulk.path}"
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
    ) -> Iterator[DeliveredPart]:
        """Single frames as parts; their bodies are to be read in order.

        Raises:
            FrameOutOfRange: There is no such frame.
        """
        table = table_of(record)
        plans = [plan(table, number) for number in numbers]
        reader = FrameReader(self._content, record, plans)
        location = f"{Scope.of(record.key).path}/frames/"
        for place, number in enumerate(numbers):
            yield DeliveredPart(
                media_type,
                transfer_syntax,
                f"{location}{number}",
                plans[place].length,
                reader.body(place),
            )

    def _body(self, record: InstanceRecord, bulk: BulkRef) -> Body:
        def body(part: ByteRange | None) -> AsyncIterator[bytes]:
            if bulk.word == 1:
                return self._content.read_through(record, within(bulk.ranges, part), 1)
            whole = self._content.read_through(record, bulk.ranges, bulk.word)
            return cut(whole, part)

        return body
