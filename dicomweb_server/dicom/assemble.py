"""Metadata and bulk data put together to a data set that can be written (PS3.18 10.5.1.4).

What the standard leaves open is decided here: without a `transfer-syntax` parameter compressed
pixels get the syntax that their own headers tell, else the default of their media type.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from struct import pack

from dicomweb_server.dicom import codestream, writer
from dicomweb_server.dicom.elements import (
    SOP_CLASS,
    SOP_INSTANCE,
    Bulk,
    DataSet,
    Element,
    Frames,
    Misfit,
    Reference,
    named,
)
from dicomweb_server.dicom.frames import (
    EXTENDED_LENGTHS,
    EXTENDED_OFFSETS,
    PIXEL_DATA,
)
from dicomweb_server.dicom.image_description import (
    describe,
    describe_picture,
    describe_video,
    is_described,
    with_frames,
)
from dicomweb_server.dicom.video import read_video
from dicomweb_server.dicom.video_coding import Family, read_coding, transfer_syntax
from dicomweb_server.errors import InstanceRejected
from dicomweb_server.model import media
from dicomweb_server.model.ids import is_uid
from dicomweb_server.model.instance import ByteRange
from dicomweb_server.model.outcome import FailureReason
from dicomweb_server.model.picture import Picture
from dicomweb_server.model.source import ByteSource
from dicomweb_server.model.tags import keyword_of

_NATIVE = frozenset((media.IMPLICIT_LITTLE, media.EXPLICIT_LITTLE, media.DEFLATED_LITTLE))
_BITS_ALLOCATED = 0x00280100
_DOCUMENT = 0x00420011
_DOCUMENT_TYPE = 0x00420012
_DOCUMENT_LENGTH = 0x00420015
_LONGEST_FRAGMENT = 0xFFFFFFFE
_BOXED_TYPES = {"image/jph": "image/jphc", "image/j2c": "image/jp2", "image/j2k": "image/jp2"}
"""Media types of files with boxes, and of bare codestreams, by the name that DICOM uses."""


@dataclass(frozen=True, slots=True)
class BulkPart:
    """One part of bulk data that has arrived.

    Args:
        media_type: Its media type, aliases resolved.
        transfer_syntax: The parameter of its Content-Type, None without one.
        place: Where its bytes lie.
        picture: What it is where it was decoded; its bytes are pixels then.
        refusal: Why it cannot be used as pixel data, empty if it can.
    """

    media_type: str
    transfer_syntax: str | None
    place: ByteRange
    picture: Picture | None = None
    refusal: str = ""


Finder = Callable[[str], tuple[BulkPart, ...]]


@dataclass(frozen=True, slots=True)
class Assembled:
    """A data set without references, and the transfer syntax of its file."""

    data_set: DataSet
    transfer_syntax: str


def assemble(found: DataSet, find: Finder, source: ByteSource) -> Assembled:
    """Put the bulk data in the places of references.

    Args:
        found: The metadata.
        find: The parts of a BulkDataURI in their order; none where there are none.
        source: Holds the bytes of all parts.

    Raises:
        InstanceRejected: The two do not make up an instance; the text says where.
    """
    try:
        return _assemble(found, find, source)
    except Misfit as misfit:
        raise misfit.rejection(found) from None
    except InstanceRejected as refused:
        raise named(refused, found) from None


def _assemble(found: DataSet, find: Finder, source: ByteSource) -> Assembled:
    for tag in (SOP_CLASS, SOP_INSTANCE):
        if not is_uid(found.text(tag)):
            raise Misfit(
                f"{keyword_of(tag)} is missing or no UID", "each instance needs its four UIDs"
            ).at(f"{tag:08X}")
    syntax = media.EXPLICIT_LITTLE
    element = found.get(PIXEL_DATA)
    if element is not None and isinstance(element.value, Reference):
        parts = _parts(element, find)
        try:
            found, syntax = _pixels(found, element, parts, source)
        except Misfit as misfit:
            raise misfit.at(f"{PIXEL_DATA:08X}") if not misfit.placed else misfit from None
    document = found.get(_DOCUMENT)
    if document is not None and isinstance(document.value, Reference):
        found = _document(found, _parts(document, find))
    found = _resolved(found, find, syntax)
    for tag in writer.too_long(found):
        raise Misfit("is longer than 4 GiB", "no element can hold it").at(f"{tag:08X}")
    return Assembled(found, syntax)


def _parts(element: Element, find: Finder) -> tuple[BulkPart, ...]:
    parts = find(element.value.uri) if isinstance(element.value, Reference) else ()
    if not parts:
        raise Misfit(
            "no part of the request has this BulkDataURI as its Content-Location",
            "send the value as a part behind the metadata; nothing is fetched from elsewhere",
        ).at(f"{element.tag:08X}")
    return parts


def _resolved(found: DataSet, find: Finder, syntax: str) -> DataSet:
    """The same with every reference replaced."""
    elements = []
    for element in found.elements:
        value = element.value
        if isinstance(value, tuple):
            value = tuple(_items(element, find, syntax))
        elif isinstance(value, Reference):
            value = _bulk(element, _parts(element, find), syntax)
        elements.append(Element(element.tag, element.vr, value))
    return DataSet(tuple(elements))


def _items(element: Element, find: Finder, syntax: str) -> list[DataSet]:
    items = []
    for number, item in enumerate(element.value if isinstance(element.value, tuple) else (), 1):
        try:
            items.append(_resolved(item, find, syntax))
        except Misfit as misfit:
            raise misfit.at_item(number).at(f"{element.tag:08X}") from None
    return items


def _bulk(element: Element, parts: tuple[BulkPart, ...], syntax: str) -> Bulk | Frames:
    """A value that is not the image; the pixels of an icon may be compressed like the image."""
    ranges = tuple(part.place for part in parts)
    if element.tag == PIXEL_DATA and parts[0].media_type != media.OCTET_STREAM:
        if syntax in _NATIVE:
            raise Misfit(
                "compressed pixels need a transfer syntax that is not native",
                "send the icon as application/octet-stream",
            ).at(f"{element.tag:08X}")
        return Frames(ranges, basic_table=False)
    return Bulk(ranges)


def _document(found: DataSet, parts: tuple[BulkPart, ...]) -> DataSet:
    """An Encapsulated Document: typed like its part (PS3.18 10.5.1.4)."""
    kind = parts[0].media_type
    told = found.text(_DOCUMENT_TYPE)
    if kind != media.OCTET_STREAM and not told:
        found = found.replaced(Element(_DOCUMENT_TYPE, "LO", kind.encode("ascii")))
    elif kind not in (media.OCTET_STREAM, told.lower().partition(";")[0].strip()):
        raise Misfit(
            "MIMETypeOfEncapsulatedDocument differs from the media type of the part",
            "type the part as the metadata say (PS3.18 10.5.1.4)",
        ).at(f"{_DOCUMENT_TYPE:08X}")
    bulk = Bulk(tuple(part.place for part in parts))
    if bulk.size % 2 and found.get(_DOCUMENT_LENGTH) is None:
        length = Element(_DOCUMENT_LENGTH, "UL", pack("<I", bulk.size))
        found = found.replaced(length)
    return found.replaced(Element(_DOCUMENT, "OB", bulk))


def _pixels(
    found: DataSet, element: Element, parts: tuple[BulkPart, ...], source: ByteSource
) -> tuple[DataSet, str]:
    """The data set with its pixels in place, and its transfer syntax."""
    for part in parts:
        if part.refusal:
            raise Misfit(part.refusal, "send pictures that can be decoded")
    kinds = {(part.media_type, part.transfer_syntax, part.picture is None) for part in parts}
    if len(kinds) > 1:
        raise Misfit("its parts differ in media type", "send all frames in one media type")
    if parts[0].picture is not None:
        return _decoded(found, parts), media.EXPLICIT_LITTLE
    syntax, image = _syntax(parts[0], source)
    if syntax in _NATIVE:
        return _native(found, element, parts), media.EXPLICIT_LITTLE
    ranges = tuple(part.place for part in parts)
    if parts[0].transfer_syntax is None:  # files, not frames: boxes have no place in DICOM
        ranges = tuple(codestream.unboxed(source, place) for place in ranges)
    if media.TRANSFER_SYNTAXES[syntax].encoding is media.Encoding.VIDEO:
        video = None if is_described(found) else read_video(source, ranges[0])
        found = found if video is None else describe_video(found, video, syntax)
    elif not is_described(found):
        image = image or codestream.read_image(source, ranges[0])
        if image is not None:
            found = describe(found, image, syntax)
    return _encapsulated(found, ranges, syntax)


def _syntax(part: BulkPart, source: ByteSource) -> tuple[str, codestream.Image | None]:
    """Transfer Syntax UID of pixels by media type, parameter and header."""
    kind = _BOXED_TYPES.get(part.media_type, part.media_type)
    stated = part.transfer_syntax
    if stated is None and kind == media.OCTET_STREAM:
        return media.EXPLICIT_LITTLE, None
    belonging = [s for s in media.TRANSFER_SYNTAXES.values() if s.media_type.lower() == kind]
    if stated is not None:
        known = media.TRANSFER_SYNTAXES.get(stated)
        if known is None or stated == media.EXPLICIT_BIG:
            raise _unsupported("the transfer-syntax of the pixel data is not taken")
        if known not in belonging and kind != media.OCTET_STREAM:
            raise _unsupported(f"{stated} does not belong to {kind[:40]} (PS3.18 8.7.3)")
        return stated, None
    if not belonging:
        raise _unsupported(f"pixel data as {kind[:40]} have no transfer syntax")
    if belonging[0].encoding is media.Encoding.VIDEO:
        return _video_syntax(part, belonging, source), None
    image = codestream.read_image(source, part.place)
    if image is not None and any(s.uid == image.transfer_syntax for s in belonging):
        return image.transfer_syntax, image
    if image is not None:
        raise Misfit(f"the image is not {kind[:40]}", "send it with its own media type")
    return next((s.uid for s in belonging if s.default), belonging[0].uid), None


def _video_syntax(part: BulkPart, belonging: list[media.TransferSyntax], source: ByteSource) -> str:
    """Transfer Syntax UID of a video: MP4 may hold more codings than its media type names."""
    coding = read_coding(source, part.place)
    if coding is None:
        return next((s.uid for s in belonging if s.default), belonging[0].uid)
    found = transfer_syntax(coding)
    is_file = part.media_type == "video/mp4" and coding.family is not Family.MPEG2
    if not is_file and all(s.uid != found for s in belonging):
        raise Misfit(
            f"the video is {coding.family.value}, not {part.media_type[:40]}",
            "send it with its own media type",
        )
    return found


def _unsupported(detail: str) -> InstanceRejected:
    return InstanceRejected(
        FailureReason.TRANSFER_SYNTAX_NOT_SUPPORTED,
        f"{PIXEL_DATA:08X}: {detail}",
        "send application/octet-stream, or compressed images as PS3.18 Table 8.7.3-5 names them",
    )


def _native(found: DataSet, element: Element, parts: tuple[BulkPart, ...]) -> DataSet:
    vr = element.vr
    wide = int.from_bytes(found.field(_BITS_ALLOCATED), "little") > 8
    if vr != "OW" and (wide or vr != "OB"):
        vr = "OW" if wide else "OB"
    bulk = Bulk(tuple(part.place for part in parts))
    return found.replaced(Element(PIXEL_DATA, vr, bulk))


def _decoded(found: DataSet, parts: tuple[BulkPart, ...]) -> DataSet:
    pictures = [part.picture for part in parts if part.picture is not None]
    first = pictures[0]
    sizes = {(p.rows, p.columns, p.samples, p.bits) for p in pictures}
    if len(sizes) > 1:
        raise Misfit("its pictures differ in size or kind", "send frames of one size")
    count = sum(picture.frames for picture in pictures)
    whole = Picture(first.rows, first.columns, first.samples, first.bits, count)
    vr = "OW" if first.bits > 8 else "OB"
    bulk = Bulk(tuple(part.place for part in parts))
    return describe_picture(found, whole).replaced(Element(PIXEL_DATA, vr, bulk))


def _encapsulated(
    found: DataSet, ranges: tuple[ByteRange, ...], syntax: str
) -> tuple[DataSet, str]:
    """Compressed pixels as fragments: one for each frame; a video in one where it fits."""
    known = media.TRANSFER_SYNTAXES[syntax]
    if known.encoding is media.Encoding.VIDEO:
        if len(ranges) > 1:
            raise Misfit("a video is one part", "send it whole (PS3.18 10.5.1.4)")
        fragments = _cut(ranges[0])
        if len(fragments) > 1 and f"{syntax}.1" in media.TRANSFER_SYNTAXES:
            syntax = f"{syntax}.1"
        return found.replaced(Element(PIXEL_DATA, "OB", Frames(fragments, False))), syntax
    if any(part.length > _LONGEST_FRAGMENT for part in ranges):
        raise Misfit("a frame is longer than 4 GiB", "no fragment can hold it")
    found = with_frames(found, len(ranges))
    extended = found.get(EXTENDED_OFFSETS) is not None
    frames = Frames(ranges, basic_table=not extended)
    starts = writer.offsets(frames)
    found = found.without(EXTENDED_OFFSETS, EXTENDED_LENGTHS)
    if extended or starts[-1] > _LONGEST_FRAGMENT:
        lengths = [part.length for part in ranges]
        found = found.replaced(
            Element(EXTENDED_OFFSETS, "OV", pack(f"<{len(starts)}Q", *starts)),
            Element(EXTENDED_LENGTHS, "OV", pack(f"<{len(lengths)}Q", *lengths)),
        )
    return found.replaced(Element(PIXEL_DATA, "OB", frames)), syntax


def _cut(whole: ByteRange) -> tuple[ByteRange, ...]:
    starts = range(0, whole.length, _LONGEST_FRAGMENT) if whole.length else (0,)
    return tuple(
        ByteRange(whole.start + start, min(_LONGEST_FRAGMENT, whole.length - start))
        for start in starts
    )
