"""Pixels in other transfer syntaxes than the stored one: frames, whole values, Part 10 files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from dicomweb_server.codec.port import Codecs
from dicomweb_server.dicom import lossy
from dicomweb_server.dicom.transcoded import Rewriting, fragment, image_edits, transcoded
from dicomweb_server.errors import FrameUndecodable, Unavailable
from dicomweb_server.model import media
from dicomweb_server.model.frame import Target, frame_bits, frame_length
from dicomweb_server.model.ids import Scope
from dicomweb_server.model.instance import (
    ByteRange,
    FragmentedFrames,
    InstanceRecord,
    PixelHeader,
)
from dicomweb_server.model.limits import MIB
from dicomweb_server.model.source import ByteSource
from dicomweb_server.service.content import Content
from dicomweb_server.service.delivery import (
    DeliveredPart,
    cut,
    ended,
    in_order,
    patiently,
    whole,
)
from dicomweb_server.service.derived import Derived
from dicomweb_server.service.frames import read_frame, source_pixel, source_syntax
from dicomweb_server.service.undecodable import Undecodable

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


class Transcoder:
    """Makes parts of an answer whose pixels go through codecs.

    Args:
        content: How bytes are read.
        codecs: What transcodes frames.
        derived: Where transcoded frames are kept.
        ahead: Frames of one file that are transcoded while an earlier one is sent.

    Attributes:
        codecs: As given.
        undecodable: What turned out to be damaged while whole files or values were made.
    """

    def __init__(self, content: Content, codecs: Codecs, derived: Derived, ahead: int) -> None:
        self._content = content
        self.codecs = codecs
        self.undecodable = Undecodable()
        self._derived = derived
        self._ahead = ahead

    def frame(
        self,
        record: InstanceRecord,
        number: int,
        form: tuple[str, str],
        location: str,
        fallback: DeliveredPart | None = None,
    ) -> DeliveredPart:
        """One frame as a part.

        Args:
            record: The instance.
            number: Frame number from 1.
            form: Media type and transfer syntax.
            location: Of the part.
            fallback: What is delivered instead where the frame cannot be decoded.
        """
        kind, syntax = form

        async def settle() -> DeliveredPart:
            data = await self._data(record, syntax, number)
            return DeliveredPart(kind, syntax, location, len(data), partial(_slice, data))

        length = None
        if fallback is None and syntax == media.EXPLICIT_LITTLE:
            length = frame_length(self._outcome(record, syntax))
        return _made(
            record, DeliveredPart(kind, syntax, location, length, _nothing), settle, fallback
        )

    def value(self, record: InstanceRecord, kind: str, location: str) -> DeliveredPart:
        """All frames decoded as one part, as they lie in Explicit VR Little Endian.

        Args:
            record: The instance, of one frame or more.
            kind: Media type of the part.
            location: Of the part.
        """
        syntax = media.EXPLICIT_LITTLE
        pixel = self._outcome(record, syntax)
        length = _native_length(pixel)
        part = DeliveredPart(kind, syntax, location, length + length % 2, _nothing)

        async def settle() -> DeliveredPart:
            first = await self._one_of_all(record, syntax, 1)

            async def chunks() -> AsyncIterator[bytes]:
                async with ended(self._pixels(record, syntax, first)) as pieces:
                    async for piece in pieces:
                        yield piece
                if length % 2:
                    yield b"\0"

            return replace(part, body=lambda wanted: cut(chunks(), wanted), settle=None)

        return _made(record, part, settle, None)

    def file(
        self, record: InstanceRecord, syntax: str, fallback: DeliveredPart | None
    ) -> DeliveredPart:
        """A Part 10 file as a part.

        Args:
            record: The instance; its bulk table does not matter.
            syntax: Transfer syntax of the part.
            fallback: What is delivered instead where its first frame cannot be decoded.
        """
        location = Scope.of(record.key).path
        part = DeliveredPart(media.APPLICATION_DICOM, syntax, location, None, _nothing)

        async def settle() -> DeliveredPart:
            first = b"" if record.pixel is None else await self._one_of_all(record, syntax, 1)
            rewriting = self._rewriting(record, syntax, first)
            around = await self._around(record, rewriting)
            found = _File(record, rewriting, first, around)
            body = partial(self._body, found)
            return replace(part, length=found.length, body=body, settle=None)

        return _made(record, part, settle, fallback)

    def _outcome(self, record: InstanceRecord, syntax: str) -> PixelHeader:
        pixel = source_pixel(record)
        if pixel is None:
            raise ValueError("an instance without frames is not transcoded")
        if source_syntax(record) == syntax:
            return pixel
        return self.codecs.outcome(source_syntax(record), syntax, pixel)

    async def _data(
        self, record: InstanceRecord, syntax: str, number: int, *, keep: bool = True
    ) -> bytes:
        """One frame in a transfer syntax.

        Args:
            record: The instance.
            syntax: Transfer Syntax UID.
            number: Frame number from 1.
            keep: Whether it is looked for, and kept, among derived results.
        """
        target = Target(syntax)

        async def make() -> bytes:
            stored = await read_frame(self._content, record, number)
            if stored.transfer_syntax == syntax:
                return stored.data
            return (await self.codecs.transcode(stored, target)).data

        if not keep or source_syntax(record) == syntax:
            return await make()
        name = f"frame {number} {syntax} {target.quality if media.is_lossy(syntax) else 0}"
        return await self._derived.get(record.blob.digest, name, make)

    async def _pixels(
        self, record: InstanceRecord, syntax: str, first: bytes
    ) -> AsyncIterator[bytes]:
        """All frames as they lie in the pixel data, without padding of native ones."""
        frames = self._frames(record, syntax, first)
        pixel = self._outcome(record, syntax)
        async with ended(frames):
            if syntax != media.EXPLICIT_LITTLE:
                async for frame in frames:
                    yield fragment(frame)
            elif frame_bits(pixel) % 8 == 0:
                async for frame in frames:
                    yield frame
            else:
                async for piece in _joined(frames, frame_bits(pixel)):
                    yield piece

    async def _frames(
        self, record: InstanceRecord, syntax: str, first: bytes
    ) -> AsyncIterator[bytes]:
        """All frames, in order."""
        yield first
        count = record.frames.count if record.frames else 0

        async def makers() -> AsyncIterator[Callable[[], Awaitable[bytes]]]:
            for number in range(2, count + 1):
                yield partial(patiently, partial(self._one_of_all, record, syntax, number))

        async with ended(in_order(makers(), self._ahead)) as others:
            async for frame in others:
                yield frame

    async def _one_of_all(self, record: InstanceRecord, syntax: str, number: int) -> bytes:
        """One frame of a file or value that is made as a whole."""
        # Decoded frames of whole files would push all else out of what is kept.
        keep = syntax != media.EXPLICIT_LITTLE
        try:
            return await self._data(record, syntax, number, keep=keep)
        except FrameUndecodable as error:
            self.undecodable.note(record.blob.digest, f"frame {number}: {error.detail}")
            raise

    def _rewriting(self, record: InstanceRecord, syntax: str, first: bytes) -> Rewriting:
        """What the file of an instance becomes."""
        uid, sop_class = record.key.instance, record.sop_class
        if record.pixel is None:
            return Rewriting(syntax, sop_class, uid, None, None)
        after = self._outcome(record, syntax)
        edits = image_edits(record.pixel, after)
        appended: dict[int, bytes] = {}
        length = _native_length(after) if syntax == media.EXPLICIT_LITTLE else None
        way = (record.transfer_syntax, syntax)
        if media.is_lossy(syntax) and way not in _RECOMPRESSED:
            quality = str(Target(syntax).quality)
            uid = lossy.derived_uid(uid, record.blob.digest, syntax, quality)
            name = media.TRANSFER_SYNTAXES[syntax].name
            ratio = frame_length(after) / max(len(first), 1)
            derivation = lossy.Derivation(sop_class, record.key.instance, uid, syntax, name, ratio)
            edits |= derivation.edits()
            appended = derivation.appended()
        else:
            edits |= lossy.marks(record.transfer_syntax, _ratio(record, after))
        return Rewriting(syntax, sop_class, uid, after, length, edits, appended, icons=True)

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
        return cut(self._chunks(found), part)

    async def _chunks(self, found: _File) -> AsyncIterator[bytes]:
        """The file: what stands around the frames, and they in their place."""
        async with ended(self._surroundings(found)) as pieces:
            async for piece in pieces:
                if piece:
                    yield piece
                    continue
                syntax = found.rewriting.transfer_syntax
                frames = self._pixels(found.record, syntax, found.first)
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


def _made(
    record: InstanceRecord,
    part: DeliveredPart,
    make: Callable[[], Awaitable[DeliveredPart]],
    fallback: DeliveredPart | None,
) -> DeliveredPart:
    """A part that is made when it is needed."""

    async def settle() -> DeliveredPart:
        try:
            return await make()
        except FrameUndecodable as error:
            if fallback is None:
                raise _refusal(record, part, error) from error
            return fallback

    async def body(wanted: ByteRange | None) -> AsyncIterator[bytes]:
        async with ended((await settle()).body(wanted)) as chunks:
            async for chunk in chunks:
                yield chunk

    return replace(part, body=body, settle=settle)


def _refusal(
    record: InstanceRecord, part: DeliveredPart, error: FrameUndecodable
) -> FrameUndecodable:
    """Why a part cannot be made, and what would work: the stored form."""
    syntax = record.transfer_syntax
    stored = media.named(syntax)
    kinds = [media.media_type_of(syntax), media.OCTET_STREAM]
    if part.media_type == media.APPLICATION_DICOM:
        kinds = [media.APPLICATION_DICOM]
    return FrameUndecodable(
        f"stored as {stored}; {error.detail}",
        "ask for transfer-syntax=* to have it as it is stored",
        asked=[f"{part.media_type}; transfer-syntax={part.transfer_syntax}"],
        stored=stored,
        offered=[f"{kind}; transfer-syntax={syntax}" for kind in dict.fromkeys(kinds)],
    )


def _nothing(_part: ByteRange | None) -> AsyncIterator[bytes]:
    raise Unavailable("the part was not made")


def _slice(data: bytes, part: ByteRange | None) -> AsyncIterator[bytes]:
    return cut(whole(data), part)


def _native_length(pixel: PixelHeader) -> int:
    """Bytes of all frames in native form, without padding."""
    return (frame_bits(pixel) * pixel.number_of_frames + 7) // 8


def _ratio(record: InstanceRecord, pixel: PixelHeader) -> float:
    """Bytes uncompressed to bytes stored."""
    if not isinstance(record.frames, FragmentedFrames):
        return 1.0
    stored = sum(part.length for ranges in record.frames.frames for part in ranges)
    return _native_length(pixel) / max(stored, 1)


async def _joined(frames: AsyncIterator[bytes], bits: int) -> AsyncIterator[bytes]:
    """Frames that do not end at a byte, one behind the other without padding (PS3.5 8.1.1)."""
    carried, held = 0, 0
    mask = (1 << bits) - 1
    async for frame in frames:
        carried |= (int.from_bytes(frame, "little") & mask) << held
        held += bits
        full = held // 8
        yield (carried & ((1 << 8 * full) - 1)).to_bytes(full, "little")
        carried >>= 8 * full
        held -= 8 * full
    if held:
        yield carried.to_bytes(1, "little")
