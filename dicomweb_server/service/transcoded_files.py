"""Part 10 files whose frames go through codecs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from functools import partial

from dicomweb_server.dicom import lossy
from dicomweb_server.dicom.planes import Cells
from dicomweb_server.dicom.transcoded import Rewriting, fragment, image_edits, transcoded
from dicomweb_server.model import media
from dicomweb_server.model.frame import Target, frame_length
from dicomweb_server.model.ids import Scope
from dicomweb_server.model.instance import (
    ByteRange,
    FragmentedFrames,
    InstanceRecord,
    NativeFrames,
    PixelHeader,
)
from dicomweb_server.model.limits import MIB
from dicomweb_server.model.source import ByteSource
from dicomweb_server.service.content import Content
from dicomweb_server.service.delivery import DeliveredPart, cut, ended
from dicomweb_server.service.transcoding import (
    Transcoder,
    made,
    native_length,
    nothing,
    skipping,
)

_MOST_KEPT = MIB
"""Bytes around the frames of a file that may wait in memory; larger files have them read twice."""
_RECOMPRESSED = frozenset((("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.111"),))
"""Ways from one lossy transfer syntax to another on which nothing is lost (PS3.5 8.2.15)."""


@dataclass(frozen=True, slots=True)
class _File:
    """A Part 10 file about to be sent.

    Args:
        record: The stored instance.
        rewriting: What it is to become.
        first: Its first frame.
        around: What stands in front of the frames and behind them, where it is short.
    """

    record: InstanceRecord
    rewriting: Rewriting
    first: bytes
    around: tuple[bytes, bytes] | None

    @property
    def length(self) -> int | None:
        """Bytes of the file, where they are known."""
        if self.around is None:
            return None
        length, pixel = self.rewriting.length, self.rewriting.pixel
        if pixel is None:
            length = 0
        elif length is None and pixel.number_of_frames == 1:
            length = len(fragment(self.first))
        return None if length is None else sum(map(len, self.around)) + length


class TranscodedFiles:
    """Makes parts of Part 10 files in other transfer syntaxes.

    Args:
        content: How bytes are read.
        transcoder: Makes their frames.
    """

    def __init__(self, content: Content, transcoder: Transcoder) -> None:
        self._content = content
        self._transcoder = transcoder

    def part(
        self, record: InstanceRecord, syntax: str, fallback: DeliveredPart | None
    ) -> DeliveredPart:
        """A Part 10 file as a part.

        Args:
            record: The instance; its bulk table does not matter.
            syntax: Transfer syntax of the part.
            fallback: What is delivered instead where its first frame cannot be decoded.
        """
        location = Scope.of(record.key).path
        part = DeliveredPart(media.APPLICATION_DICOM, syntax, location, None, nothing)

        async def settle() -> DeliveredPart:
            first, keep = b"", syntax != media.EXPLICIT_LITTLE
            if record.pixel is not None:
                first = await self._transcoder.one_of_all(record, syntax, 1, keep=keep)
            rewriting = self._rewriting(record, syntax, first)
            around = await self._around(record, rewriting)
            found = _File(record, rewriting, first, around)
            body = partial(self._body, found)
            return replace(part, length=found.length, body=body, settle=None)

        return made(record, part, settle, fallback)

    def _rewriting(self, record: InstanceRecord, syntax: str, first: bytes) -> Rewriting:
        """What the file of an instance becomes."""
        uid, sop_class = record.key.instance, record.sop_class
        if record.pixel is None:
            return Rewriting(syntax, sop_class, uid, None, None)
        after = self._transcoder.outcome(record, syntax)
        edits = image_edits(record.pixel, after)
        appended: dict[int, bytes] = {}
        length = native_length(after) if syntax == media.EXPLICIT_LITTLE else None
        way = (record.transfer_syntax, syntax)
        if media.is_lossy(syntax) and way not in _RECOMPRESSED:
            quality = str(Target(syntax).quality)
            uid = lossy.derived_uid(uid, record.blob.digest, syntax, quality)
            name = media.TRANSFER_SYNTAXES[syntax].name
            ratio = frame_length(after) / max(len(first), 1)
            before = lossy.method_and_ratio(record.transfer_syntax, _ratio(record, after))
            source = record.key.instance
            derivation = lossy.Derivation(sop_class, source, uid, syntax, name, ratio, before)
            edits |= derivation.edits()
            appended = derivation.appended()
        else:
            edits |= lossy.marks(record.transfer_syntax, _ratio(record, after))
        icons = isinstance(record.frames, FragmentedFrames)
        cells = Cells(
            record.pixel, record.frames if isinstance(record.frames, NativeFrames) else None
        )
        return Rewriting(syntax, sop_class, uid, after, length, edits, appended, icons, cells)

    async def _around(
        self, record: InstanceRecord, rewriting: Rewriting
    ) -> tuple[bytes, bytes] | None:
        """What stands in front of the frames and behind them; None where it is long."""
        front: list[bytes] = []
        behind: list[bytes] = []
        filled, held = front, 0
        async with ended(self._file_pieces(record, rewriting)) as pieces:
            async for piece in pieces:
                held += len(piece)
                if held > _MOST_KEPT:
                    return None
                if piece:
                    filled.append(piece)
                else:
                    filled = behind
        return b"".join(front), b"".join(behind)

    def _file_pieces(self, record: InstanceRecord, rewriting: Rewriting) -> AsyncIterator[bytes]:
        limits = self._content.limits

        def work(source: ByteSource) -> Iterator[bytes]:
            return transcoded(source, limits, rewriting)

        return self._content.transform(record, work)

    def _body(self, found: _File, part: ByteRange | None) -> AsyncIterator[bytes]:
        skipped, pixel = 0, found.rewriting.pixel
        if pixel is not None and found.around is not None and found.rewriting.length is not None:
            skipped, part = skipping(pixel, part, len(found.around[0]))
        return cut(self._chunks(found, skipped), part)

    async def _chunks(self, found: _File, skipped: int) -> AsyncIterator[bytes]:
        """The file: what stands around the frames, and they in their place."""
        async with ended(self._surroundings(found)) as pieces:
            async for piece in pieces:
                if piece:
                    yield piece
                    continue
                syntax = found.rewriting.transfer_syntax
                frames = self._transcoder.pixels(found.record, syntax, found.first, skipped)
                async with ended(frames):
                    async for frame in frames:
                        yield frame

    async def _surroundings(self, found: _File) -> AsyncIterator[bytes]:
        if found.around is None:
            async with ended(self._file_pieces(found.record, found.rewriting)) as pieces:
                async for piece in pieces:
                    yield piece
            return
        front, behind = found.around
        yield front
        if found.rewriting.pixel is not None:
            yield b""
        if behind:
            yield behind


def _ratio(record: InstanceRecord, pixel: PixelHeader) -> float:
    """Bytes uncompressed to bytes stored."""
    if not isinstance(record.frames, FragmentedFrames):
        return 1.0
    stored = sum(part.length for ranges in record.frames.frames for part in ranges)
    return native_length(pixel) / max(stored, 1)
