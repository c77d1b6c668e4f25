"""Documents and videos that objects carry, told as what they are (PS3.3 C.24.2, PS3.5 8.2.5)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dicomweb_server.dicom.json_item import Json, JsonItem
from dicomweb_server.model.kind import DOCUMENT_TYPES
from dicomweb_server.model.media import OCTET_STREAM, media_type_of

DOCUMENT_PATH = "00420011"
"""Path of Encapsulated Document as in BulkRef."""

_DOCUMENT = 0x00420011
_TYPE = 0x00420012
_LENGTH = 0x00420015
_SOP_CLASS = 0x00080016
_TRUSTED = frozenset(
    (
        *DOCUMENT_TYPES.values(),
        "application/xml",
        "text/plain",
        "text/rtf",
        "application/rtf",
        "image/jpeg",
        "image/png",
    )
)
"""What a document may be told as on its own word: nothing in which a browser runs scripts."""
_SPELLINGS = {"application/xml": "text/xml", "application/rtf": "text/rtf"}

HEAD = 1024
"""Bytes of a video from which `video_type` tells its kind."""
_PACKET = 188
_START = re.compile(rb"\x00\x00\x01(.)", re.DOTALL)
_BRANDS = {b"qt  ": "video/quicktime"}
_MPEG2 = frozenset(
    f"1.2.840.10008.1.2.4.{number}{part}" for number in (100, 101) for part in ("", ".1")
)
_H265 = frozenset(("1.2.840.10008.1.2.4.107", "1.2.840.10008.1.2.4.108"))


@dataclass(frozen=True, slots=True)
class EncapsulatedDocument:
    """A document inside an object.

    Args:
        media_type: What it is; application/octet-stream where that is not known or not to be
            trusted.
        length: Its bytes without the one that makes them even, None where it is not told.
        data: The document where it is so small that it is in the DICOM JSON; else empty, and the
            bulk value `DOCUMENT_PATH` holds it.
    """

    media_type: str
    length: int | None
    data: bytes

    def length_of(self, stored: int) -> int:
        """How many of the bytes that are stored belong to it (PS3.3 C.24.2).

        Args:
            stored: Bytes of the value.
        """
        told = self.length
        return told if told is not None and stored - 1 <= told <= stored else stored


def read_document(document: Json) -> EncapsulatedDocument | None:
    """The document that an object carries, None where it carries none.

    Args:
        document: DICOM JSON of the instance.
    """
    item = JsonItem(document)
    data = item.binary(_DOCUMENT)
    if not data and not item.bulk_path(_DOCUMENT):
        return None
    told = item.text(_TYPE).lower().partition(";")[0].strip()
    kind = DOCUMENT_TYPES.get(item.text(_SOP_CLASS))
    if kind is None:
        kind = _SPELLINGS.get(told, told) if told in _TRUSTED else OCTET_STREAM
    found = EncapsulatedDocument(kind, item.integer(_LENGTH), b"")
    return EncapsulatedDocument(kind, found.length, data[: found.length_of(len(data))])


def video_type(head: bytes, transfer_syntax: str) -> str:
    """Media type of the stream that a video object carries, by what it begins with.

    Only a file in the MP4 format is video/mp4; elementary and transport streams of the same coding
    are told as what they are, so that no browser waits for boxes that never come.

    Args:
        head: The first `HEAD` bytes of the stream.
        transfer_syntax: Transfer Syntax UID of the object.
    """
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    if head[:1] == b"G" and head[_PACKET : _PACKET + 1] in (b"G", b""):
        return "video/mp2t"
    found = _START.search(head[:16])
    if found is None:
        return media_type_of(transfer_syntax) if transfer_syntax in _MPEG2 else OCTET_STREAM
    if found.group(1)[0] in (0xB3, 0xBA):
        return "video/mpeg"
    if transfer_syntax.removesuffix(".1") in _H265:
        return "video/H265"
    return "video/mpeg" if transfer_syntax in _MPEG2 else "video/H264"
