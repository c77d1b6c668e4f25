"""Pixels in other transfer syntaxes than the stored one: frames, whole values, Part 10 files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial

from dicomweb_server.codec.port import Codecs
from dicomweb_server.dicom.transcoded import fragment
from dicomweb_server.errors import CodecFailed, FrameUndecodable, Unavailable
from dicomweb_server.model import media
from dicomweb_server.model.frame import Target, frame_bits, frame_length
from dicomweb_server.model.instance import (
    ByteRange,
    InstanceRecord,
    PixelHeader,
)
from dicomweb_server.model.limits import MIB
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
from dicomweb_server.service.walks import Walks

_LARGEST_AHEAD = 2 * MIB
"""Bytes of a decoded frame up to which it is made before anybody asks for it."""


class Transcoder:
    """Makes parts of an answer whose pixels go through codecs.

    Args:
        content: How bytes are read.
        codecs: What transcodes frames.
        derived: Where transcoded frames are kept.
        ahead: Frames of one file that are transcoded while an earlier one is sent.
        walks: Makes single frames ahead of those who go through many; None makes none.

    Attributes:
        codecs: As given.
        undecodable: What turned out to be damaged while whole files or values were made.
    """

    def __init__(
        self,
        content: Content,
        codecs: Codecs,
        derived: Derived,
        ahead: int,
        walks: Walks | None = None,
    ) -> None:
        self._content = content
        self.codecs = codecs
        self.undecodable = Undecodable()
        self._derived = derived
        self._ahead = ahead
        self._walks = walks

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
            only = record.frames is not None and record.frames.count == 1
            make = self.one_of_all if only else self._data
            data = await make(record, syntax, number, keep=True)
            return DeliveredPart(kind, syntax, location, len(data), partial(_slice, data))

        length = None
        if fallback is None and syntax == media.EXPLICIT_LITTLE:
            length = frame_length(self.outcome(record, syntax))
        return made(
            record, DeliveredPart(kind, syntax, location, length, nothing), settle, fallback
        )

    def alone(self, part: DeliveredPart, record: InstanceRecord, number: int) -> DeliveredPart:
        """A frame that is asked for alone: the next one may be, and is made ahead.

        Args:
            part: As `frame` gave it.
            record, number: As they were given to `frame`.
        """
        walks, settle, syntax = self._walks, part.settle, part.transfer_syntax
        if walks is None or settle is None:
            return part

        async def settled() -> DeliveredPart:
            walks.step(record, number, syntax, partial(self._go_ahead, syntax))
            return await settle()

        return replace(part, settle=settled)

    async def _go_ahead(self, syntax: str, record: InstanceRecord, number: int) -> None:
        """Make a frame that nobody has asked for yet, unless it is a large one."""
        pixel = source_pixel(record)
        if pixel is None or self.codecs.obstacle(source_syntax(record), syntax, pixel):
            return
        if frame_bits(pixel) <= 8 * _LARGEST_AHEAD:
            await self._data(record, syntax, number, keep=True)

    def value(self, record: InstanceRecord, kind: str, location: str) -> DeliveredPart:
        """All frames decoded as one part, as they lie in Explicit VR Little Endian.

        Args:
            record: The instance, of one frame or more.
            kind: Media type of the part.
            location: Of the part.
        """
        syntax = media.EXPLICIT_LITTLE
        count = record.frames.count if record.frames else 0
        pixel = replace(self.outcome(record, syntax), number_of_frames=count)
        length = native_length(pixel)
        part = DeliveredPart(kind, syntax, location, length + length % 2, nothing)

        async def settle() -> DeliveredPart:
            first = await self.one_of_all(record, syntax, 1, keep=False)

            async def chunks(skipped: int) -> AsyncIterator[bytes]:
                async with ended(self.pixels(record, syntax, first, skipped)) as pieces:
                    async for piece in pieces:
                        yield piece
                if length % 2:
                    yield b"\0"

            def body(wanted: ByteRange | None) -> AsyncIterator[bytes]:
                skipped, wanted = skipping(pixel, wanted, 0)
                return cut(chunks(skipped), wanted)

            return replace(part, body=body, settle=None)

        return made(record, part, settle, None)

    def outcome(self, record: InstanceRecord, syntax: str) -> PixelHeader:
        """Description of the frames of an instance in a transfer syntax."""
        pixel = source_pixel(record)
        if pixel is None:
            raise ValueError("an instance without frames is not transcoded")
        if source_syntax(record) == syntax:
            return pixel
        return self.codecs.outcome(source_syntax(record), syntax, pixel)

    async def _data(self, record: InstanceRecord, syntax: str, number: int, *, keep: bool) -> bytes:
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

    async def pixels(
        self, record: InstanceRecord, syntax: str, first: bytes, skipped: int = 0
    ) -> AsyncIterator[bytes]:
        """All frames as they lie in the pixel data, without padding of native ones.

        Args:
            record: The instance.
            syntax: Transfer Syntax UID.
            first: The first of them, made already.
            skipped: Frames that are left out in front.
        """
        frames = self._frames(record, syntax, first, skipped)
        pixel = self.outcome(record, syntax)
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
        self, record: InstanceRecord, syntax: str, first: bytes, skipped: int
    ) -> AsyncIterator[bytes]:
        """All frames, in order, but for those in front that are skipped."""
        if not skipped:
            yield first
        # Decoded frames of whole files would push all else out of what is kept.
        keep = syntax != media.EXPLICIT_LITTLE
        count = record.frames.count if record.frames else 0

        async def makers() -> AsyncIterator[Callable[[], Awaitable[bytes]]]:
            for number in range(max(1, skipped) + 1, count + 1):
                one = partial(self.one_of_all, record, syntax, number, keep=keep)
                yield partial(patiently, one)

        async with ended(in_order(makers(), self._ahead)) as others:
            async for frame in others:
                yield frame

    async def one_of_all(
        self, record: InstanceRecord, syntax: str, number: int, *, keep: bool
    ) -> bytes:
        """One frame of what is made as a whole; arguments as of `_data`."""
        try:
            return await self._data(record, syntax, number, keep=keep)
        except (FrameUndecodable, CodecFailed) as error:
            self.undecodable.note(record.blob.digest, syntax, number, error)
            raise


def made(
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


def nothing(_part: ByteRange | None) -> AsyncIterator[bytes]:
    """The body of a part that is not made yet."""
    raise Unavailable("the part was not made")


def _slice(data: bytes, part: ByteRange | None) -> AsyncIterator[bytes]:
    return cut(whole(data), part)


def native_length(pixel: PixelHeader) -> int:
    """Bytes of all frames in native form, without padding."""
    return (frame_bits(pixel) * pixel.number_of_frames + 7) // 8


def skipping(
    pixel: PixelHeader, wanted: ByteRange | None, front: int
) -> tuple[int, ByteRange | None]:
    """How many native frames need not be made for a range, and the range in what is left.

    Args:
        pixel: Description of the frames.
        wanted: Of what stands in front of them, the frames, and what stands behind.
        front: Bytes in front of them.
    """
    length, spare = divmod(frame_bits(pixel), 8)
    if wanted is None or spare or not length or wanted.start < front:
        return 0, wanted
    skipped = min((wanted.start - front) // length, pixel.number_of_frames - 1)
    return skipped, ByteRange(wanted.start - skipped * length, wanted.length)


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
