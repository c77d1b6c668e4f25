"""One bounded pass over a Part 10 file: everything that the archive knows of an instance.

What becomes of irregular files is told in docs/input.md.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from struct import unpack

from dicomweb_server.dicom import document, fragments, refusal, values
from dicomweb_server.dicom.charset import CharacterSets
from dicomweb_server.dicom.frames import (
    EXTENDED_LENGTHS,
    EXTENDED_OFFSETS,
    NUMBER_OF_FRAMES,
    PHOTOMETRIC_INTERPRETATION,
    PIXEL_DATA,
    SHORT_TAGS,
    NativeValue,
    native_frames,
    pixel_header,
)
from dicomweb_server.dicom.inflate import inflate
from dicomweb_server.dicom.meta import FileMeta, read_meta, rewritten
from dicomweb_server.dicom.passes import DocumentTooLong, Pass, Setup
from dicomweb_server.dicom.plain import CLASS_UID, INSTANCE_UID, SERIES_UID, STUDY_UID, vocabulary
from dicomweb_server.dicom.rewrite import explicit
from dicomweb_server.dicom.scope import Scope
from dicomweb_server.dicom.window import Window
from dicomweb_server.errors import InstanceRejected
from dicomweb_server.model import disk
from dicomweb_server.model.ids import InstanceKey, Level, is_uid
from dicomweb_server.model.instance import (
    FragmentedFrames,
    FrameTable,
    LevelAttributes,
    PixelHeader,
    ScannedInstance,
)
from dicomweb_server.model.levels import IndexPlan
from dicomweb_server.model.limits import KIB, MIB, ScanLimits
from dicomweb_server.model.media import (
    DEFLATED_LITTLE,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    TRANSFER_SYNTAXES,
    Encoding,
)
from dicomweb_server.model.outcome import FailureReason
from dicomweb_server.model.source import ByteSource

_SHORT_TEXT = KIB
"""Bytes of text that stay in a document which would be too long otherwise."""
_MOST_WARNINGS = 16
_NON_PATIENT = frozenset(
    f"1.2.840.10008.5.1.4.{tail}"
    for tail in (
        "38.1",  # Hanging Protocol
        "39.1",  # Color Palette
        "43.1",  # Generic Implant Template
        "44.1",  # Implant Assembly Template
        "45.1",  # Implant Template Group
        "1.1.200.1",  # CT Defined Procedure Protocol
        "1.1.200.3",  # Protocol Approval
        "1.1.200.7",  # XA Defined Procedure Protocol
        "1.1.201.1",  # Inventory
    )
)
"""SOP classes whose instances belong to no study (PS3.4 GG.3)."""


class Warnings:
    """Deviations that were tolerated, each told once."""

    def __init__(self) -> None:
        self._texts: dict[str, None] = {}

    def __call__(self, text: str) -> None:
        """Take in one; beyond a number of them they are dropped."""
        if len(self._texts) < _MOST_WARNINGS:
            self._texts[text] = None

    def texts(self) -> tuple[str, ...]:
        """All of them in order."""
        return tuple(self._texts)


class DescriptorSource:
    """A ByteSource over an open file, read at offsets."""

    __slots__ = ("_descriptor", "_size")

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._size = os.fstat(descriptor).st_size

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self._size

    def read_at(self, offset: int, length: int) -> bytes:
        """Read a range; shorter than asked only where the source ends."""
        return os.pread(self._descriptor, length, offset)


def scan(
    source: ByteSource, plan: IndexPlan, limits: ScanLimits, scratch: Path | None = None
) -> ScannedInstance:
    """Read everything that the archive needs of a Part 10 file, in one pass with flat memory.

    Offsets in the outcome count from the begin of the file; of a deflated file, from the begin of
    what `inflate` writes.

    Args:
        source: The file as received.
        plan: Which attributes become searchable.
        limits: Bounds.
        scratch: Folder for the inflated form of a deflated file while it is scanned; None is the
            system's one.

    Raises:
        InstanceRejected: It cannot be stored; nothing else is raised for any input.
        StoreFull, StoreReadOnly: The disk refuses the temporary file.
    """
    warnings = Warnings()
    window = Window(source)
    meta = read_meta(window, warnings)
    work = _Work(plan, limits, meta, warnings)
    try:
        if meta.transfer_syntax != DEFLATED_LITTLE:
            return work.scan(window)
        with tempfile.TemporaryFile(dir=scratch) as inflated:
            size = inflate(source, inflated.write, limits)
            inflated.flush()
            work.meta = replace(meta, end=len(rewritten(window, meta, EXPLICIT_LITTLE)))
            found = work.scan(Window(DescriptorSource(inflated.fileno())))
            return replace(found, explicit_size=size)
    except OSError as error:
        raise disk.refusal(error) from error
    except InstanceRejected as refused:
        refused.sop_class, refused.instance = work.known_identifiers()
        raise


class _Work:
    """The scan of one file whose File Meta Information is known."""

    def __init__(
        self, plan: IndexPlan, limits: ScanLimits, meta: FileMeta, warnings: Warnings
    ) -> None:
        self.vocabulary = vocabulary(plan.paths)
        self.limits = limits
        self.meta = meta
        self.warn = warnings
        self.scope = Scope(None, 0, implicit=False, big=False, definite=True)
        self.last: Pass | None = None

    def scan(self, window: Window) -> ScannedInstance:
        """Go over the data set and draw the conclusions."""
        done = self._passes(window)
        syntax = self._transfer_syntax(done)
        key, sop_class = self._identifiers(done)
        pixel = self._pixel(done)
        frames = self._frames(window, done, pixel, syntax)
        text = document.finish(done.root)
        objects = document.level_objects(done.root, done.given)
        return ScannedInstance(
            key=key,
            sop_class=sop_class,
            transfer_syntax=syntax,
            pixel=pixel,
            frames=frames,
            bulk=tuple(done.bulk),
            attributes=LevelAttributes(*(objects[level] for level in Level)),
            values=tuple(done.indexed),
            document=document.cut(text, key),
            explicit_size=self._explicit_size(window, done, syntax),
            warnings=self.warn.texts(),
        )

    def known_identifiers(self) -> tuple[str, str]:
        """SOP Class and SOP Instance UID as far as they are known; empty where not."""
        told = [self.meta.sop_class, self.meta.sop_instance]
        if self.last is not None:
            kept = [_first(self.last, tag) for tag in (CLASS_UID, INSTANCE_UID)]
            told = [uid or other for uid, other in zip(kept, told, strict=True)]
        sop_class, instance = (uid if is_uid(uid) else "" for uid in told)
        return sop_class, instance

    def _passes(self, window: Window) -> Pass:
        """The pass that gives the outcome: the first one, unless it finds a need for another."""
        sizing = self.meta.transfer_syntax in (IMPLICIT_LITTLE, EXPLICIT_BIG)
        setup = Setup(self.limits, self.vocabulary, self.limits.inline_text, sizing)
        try:
            done = self._pass(window, setup)
        except DocumentTooLong:
            setup = replace(setup, inline_text=min(_SHORT_TEXT, setup.inline_text))
            done = self._last_pass(window, setup)
        if done.late:
            done = self._last_pass(window, replace(setup, charsets=done.late))
        return done

    def _last_pass(self, window: Window, setup: Setup) -> Pass:
        try:
            return self._pass(window, setup)
        except DocumentTooLong:
            raise refusal.too_large(
                f"its attributes take more than {self.limits.document} bytes as text"
            ) from None

    def _pass(self, window: Window, setup: Setup) -> Pass:
        syntax = self.meta.transfer_syntax
        implicit, big = syntax == IMPLICIT_LITTLE, syntax == EXPLICIT_BIG
        self.scope = Scope(None, window.size, implicit, big, definite=True)
        one = self.last = Pass(window, setup, self.warn)
        try:
            one.run(self.meta.end, self.scope)
        except InstanceRejected as refused:
            if syntax in TRANSFER_SYNTAXES or refused.reason is FailureReason.OUT_OF_RESOURCES:
                raise
            raise _unknown_syntax(syntax) from refused
        return one

    def _transfer_syntax(self, done: Pass) -> str:
        """The transfer syntax in which the file really is.

        Raises:
            InstanceRejected: It contradicts the pixel data.
        """
        said = self.meta.transfer_syntax
        known = TRANSFER_SYNTAXES.get(said)
        pixels = done.pixels
        fragmented = pixels is not None and pixels.fragments is not None
        if known is None and (not fragmented or self.scope.implicit):
            raise _unknown_syntax(said)
        if known is not None and known.is_native and fragmented:
            raise refusal.not_understood(
                "the pixel data lie in fragments, but the transfer syntax is a native one"
            )
        if said == DEFLATED_LITTLE and self.scope.implicit:
            raise refusal.not_understood(
                "the deflated data set is in implicit VR, it must be explicit (PS3.5 A.5)"
            )
        if known is None or known.is_native:
            return IMPLICIT_LITTLE if self.scope.implicit else said
        if pixels is not None and not fragmented and pixels.tag == PIXEL_DATA and pixels.length:
            raise refusal.not_understood(
                "the pixel data do not lie in fragments as the transfer syntax says"
            )
        return said

    def _identifiers(self, done: Pass) -> tuple[InstanceKey, str]:
        instance = _uid(done, INSTANCE_UID, "SOPInstanceUID")
        sop_class = _uid(done, CLASS_UID, "SOPClassUID")
        if sop_class in _NON_PATIENT:
            self._give_study(done, instance)
        study = _uid(done, STUDY_UID, "StudyInstanceUID")
        series = _uid(done, SERIES_UID, "SeriesInstanceUID")
        if self.meta.sop_instance not in ("", instance):
            self.warn("the SOP Instance UID of the File Meta Information is another one")
        if self.meta.sop_class not in ("", sop_class):
            self.warn("the SOP Class UID of the File Meta Information is another one")
        return InstanceKey(study, series, instance), sop_class

    def _give_study(self, done: Pass, instance: str) -> None:
        """An object that belongs to no study gets a place under its own UID."""
        for tag in (STUDY_UID, SERIES_UID):
            if tag not in done.kept:
                done.give_uid(tag, instance)
                self.warn("the object belongs to no study: it lies under its own UID")

    def _pixel(self, done: Pass) -> PixelHeader | None:
        if done.pixels is None:
            return None
        numbers = {}
        for tag in SHORT_TAGS:
            vr, raw, big = done.kept.get(tag, ("", b"", False))
            if vr == "US" and len(raw) >= 2:
                numbers[tag] = int.from_bytes(raw[:2], "big" if big else "little")
        numbers[NUMBER_OF_FRAMES] = _frame_number(_first(done, NUMBER_OF_FRAMES))
        photometric = _first(done, PHOTOMETRIC_INTERPRETATION)
        return pixel_header(done.pixels.tag, numbers, photometric)

    def _frames(
        self, window: Window, done: Pass, pixel: PixelHeader | None, syntax: str
    ) -> FrameTable | None:
        pixels = done.pixels
        if pixels is None or pixel is None:
            return None
        if pixels.fragments is None:
            value = NativeValue(pixels.offset, pixels.length, pixels.word)
            return native_frames(pixel, value, self.warn)
        found = pixels.fragments
        known = TRANSFER_SYNTAXES.get(syntax)
        if known is not None and known.encoding is Encoding.VIDEO:
            parts = tuple(part for part in found.ranges if part.length)
            return FragmentedFrames((parts,)) if parts else None
        tables = self._offset_tables(window, done, found)
        frames = fragments.frames(window, found, tables, pixel.number_of_frames, self.warn)
        return FragmentedFrames(frames) if frames else None

    def _offset_tables(
        self, window: Window, done: Pass, found: fragments.Fragments
    ) -> fragments.OffsetTables:
        most = self.limits.frames
        numbers: dict[int, Sequence[int]] = {}
        for tag, place in done.tables.items():
            if place.length % 8 == 0 and place.length <= 8 * most:
                raw = window.read(place.start, place.length)
                numbers[tag] = unpack(f"<{place.length // 8}Q", raw)
        return fragments.OffsetTables(
            fragments.basic_table(window, found, most),
            numbers.get(EXTENDED_OFFSETS, ()),
            numbers.get(EXTENDED_LENGTHS, ()),
        )

    def _explicit_size(self, window: Window, done: Pass, syntax: str) -> int | None:
        if syntax not in (IMPLICIT_LITTLE, EXPLICIT_BIG):
            return None
        if self.meta.transfer_syntax == EXPLICIT_LITTLE:  # it only says so
            return sum(map(len, explicit(window.source, self.limits)))
        return len(rewritten(window, self.meta, EXPLICIT_LITTLE)) + done.explicit_size


def _unknown_syntax(syntax: str) -> InstanceRejected:
    named = syntax if is_uid(syntax) else "that is not a UID"
    return refusal.syntax_not_supported(
        f"transfer syntax {named} is not known",
        "of unknown ones only those with encapsulated pixel data can be stored",
    )


def _first(done: Pass, tag: int) -> str:
    """First value of a text element of the root, empty where there is none."""
    vr, raw, big = done.kept.get(tag, ("", b"", False))
    texts = values.texts(vr, raw[:MIB], CharacterSets.default(), big) if raw else []
    return texts[0] if texts else ""


def _frame_number(text: str) -> int:
    """Number of Frames; 1 where it is absent or no number."""
    text = text.removeprefix("+")
    return int(text) if text.isdecimal() and text.isascii() and len(text) <= 12 else 1


def _uid(done: Pass, tag: int, keyword: str) -> str:
    if tag not in done.kept:
        raise refusal.not_understood(f"{keyword} is missing", "each instance needs its four UIDs")
    uid = _first(done, tag)
    if not uid:
        raise refusal.not_understood(f"{keyword} is empty", "each instance needs its four UIDs")
    if not is_uid(uid):
        raise refusal.not_understood(
            f"{keyword} is not a UID", "a UID has 1 to 64 characters, digits and dots only"
        )
    return uid
