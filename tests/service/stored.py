"""Files in a store in memory, with what the index would tell of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dicomweb_server.dicom.scan import scan
from dicomweb_server.model.instance import InstanceRecord
from dicomweb_server.model.levels import IndexPlan
from dicomweb_server.model.limits import ScanLimits
from dicomweb_server.model.source import MemorySource
from dicomweb_server.service.choice import Choice
from dicomweb_server.service.content import Content
from dicomweb_server.service.delivery import DeliveredPart
from dicomweb_server.service.derived import Derived
from dicomweb_server.service.files import FileReader
from dicomweb_server.service.transcoding import Transcoder
from dicomweb_server.store.memory import MemoryStore
from dicomweb_server.store.renditions import FilesystemRenditions
from tests.codecs import OwnCodecs

LIMITS = ScanLimits()


@dataclass
class Stored:
    """A store with what reads it."""

    store: MemoryStore
    content: Content
    renditions: FilesystemRenditions
    codecs: OwnCodecs
    transcoder: Transcoder
    files: FileReader

    async def keep(self, data: bytes) -> InstanceRecord:
        """Store a Part 10 file."""
        async with self.store.stage() as staging:
            await staging.write([data])
            blob = (await staging.commit()).blob
        found = scan(MemorySource(data), IndexPlan.of(()), LIMITS)
        return InstanceRecord(
            found.key,
            found.sop_class,
            found.transfer_syntax,
            blob,
            0,
            1,
            found.pixel,
            found.frames,
            found.bulk,
            found.explicit_size,
        )

    def part(self, record: InstanceRecord, transfer_syntax: str) -> DeliveredPart:
        """Its file in a transfer syntax."""
        return self.files.part(record, transfer_syntax, ())


@contextmanager
def opened(folder: Path) -> Iterator[Stored]:
    """An empty store; the folder holds inflated forms."""
    store, codecs = MemoryStore(), OwnCodecs()
    renditions = FilesystemRenditions.open(folder, threads=1, capacity_bytes=1 << 30)
    content = Content(store, renditions, LIMITS)
    transcoder = Transcoder(content, codecs, Derived(renditions), ahead=2)
    files = FileReader(content, Choice(codecs), transcoder)
    yield Stored(store, content, renditions, codecs, transcoder, files)
    asyncio.run(renditions.close())


async def body_of(part: DeliveredPart) -> bytes:
    """All bytes of a part, which has the length that it tells."""
    settled = await part.settled()
    data = b"".join([chunk async for chunk in settled.body(None)])
    assert settled.length in (None, len(data))
    assert part.length in (None, len(data))
    return data
