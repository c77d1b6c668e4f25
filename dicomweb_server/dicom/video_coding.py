"""How videos are coded: profile and level out of their own headers.

MP4 tells them in the configuration of the track (ISO/IEC 14496-15), bare streams in their parameter
sets (ITU-T H.264 7.3.2.1, H.265 7.3.2.1) or sequence headers (H.262 6.2.2.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from dicomweb_server.dicom.boxes import Boxes
from dicomweb_server.dicom.elements import Misfit
from dicomweb_server.model.instance import ByteRange
from dicomweb_server.model.limits import KIB
from dicomweb_server.model.source import ByteSource

HEAD = 64 * KIB
"""Bytes of a bare stream that are searched for headers."""

_P = "1.2.840.10008.1.2.4."
_START = b"\0\0\1"
_ENTRY = 78
"""Bytes of a visual sample entry in front of its boxes (ISO/IEC 14496-12 12.1.3)."""
_AVC_SETS = frozenset((0x27, 0x47, 0x67))
"""First bytes of sequence parameter sets, by their importance."""
_AVC_PROFILES = frozenset((44, 66, 77, 83, 86, 88, 100, 110, 118, 122, 128, 244))


class Family(Enum):
    """What a video is coded as."""

    MPEG2 = "MPEG-2"
    AVC = "H.264"
    HEVC = "H.265"
    OTHER = "a coding that DICOM does not have"


@dataclass(frozen=True, slots=True)
class Coding:
    """How a video is coded.

    Args:
        family: Which standard.
        profile, level: As its headers tell them: profile_idc and level_idc; of MPEG-2 the two
            halves of profile_and_level_indication.
        stereo: Whether a frame holds the views of both eyes.
    """

    family: Family
    profile: int = 0
    level: int = 0
    stereo: bool = False


def read_coding(source: ByteSource, place: ByteRange) -> Coding | None:
    """Read the coding of a video.

    Args:
        source: Holds the video.
        place: Where.

    Returns:
        None where no header tells it.
    """
    head = source.read_at(place.start, min(place.length, HEAD))
    if head[4:8] == b"ftyp":
        return _mp4(source, place)
    return next(_bare(head), None)


def transfer_syntax(coding: Coding) -> str:
    """Transfer Syntax UID that a coding belongs to (PS3.5 8.2.5 to 8.2.9).

    Where several fit the first is taken that promises no more than the headers say.

    Raises:
        Misfit: There is none.
    """
    found = _SYNTAXES[coding.family](coding)
    if not found:
        told = coding.family.value
        if coding.profile:
            told += f" of profile {coding.profile} at level {coding.level}"
        raise Misfit(
            f"the video is {told}, for which DICOM has no transfer syntax",
            "encode it as H.264 High Profile up to level 4.2, or as H.265 Main or Main 10 up to "
            "level 5.1; or say with transfer-syntax what it is",
        )
    return f"{_P}{found}"


def _mpeg2(coding: Coding) -> str:
    """Main Profile at Main Level is 100; at High and High-1440 Level it is 101."""
    if coding.profile not in (4, 5):
        return ""
    return {8: "100", 10: "100", 6: "101", 4: "101"}.get(coding.level, "")


def _avc(coding: Coding) -> str:
    """Constrained Baseline, Main and High share a decoder; 118 and 128 are views of two eyes."""
    if coding.profile in (66, 77, 100) and coding.level <= 42:
        if coding.stereo:
            return "105"
        return "102" if coding.level <= 41 else "104"
    return "106" if coding.profile == 128 and coding.level <= 42 else ""


def _hevc(coding: Coding) -> str:
    """general_level_idc is 30 times the level."""
    if coding.level > 153:
        return ""
    return {1: "107", 2: "108"}.get(coding.profile, "")


def _none(_coding: Coding) -> str:
    return ""


_SYNTAXES = {Family.MPEG2: _mpeg2, Family.AVC: _avc, Family.HEVC: _hevc, Family.OTHER: _none}


def _mp4(source: ByteSource, place: ByteRange) -> Coding | None:
    """The coding of the first track of pictures."""
    boxes = Boxes(source)
    for movie in boxes.inside(place, b"moov"):
        for track in boxes.inside(movie, b"trak"):
            media = boxes.down(track, b"mdia")
            handler = boxes.read(boxes.down(media, b"hdlr") if media else None, 8, 4)
            tables = boxes.down(media, b"minf", b"stbl", b"stsd") if media else None
            if tables is None or handler not in (b"vide", b""):
                continue
            entries = ByteRange(tables.start + 8, max(0, tables.length - 8))
            found = _entry(boxes, entries)
            if found is not None or handler:
                return found or Coding(Family.OTHER)
    return None


def _entry(boxes: Boxes, entries: ByteRange) -> Coding | None:
    """What the first known entry tells; one without its configuration tells the family alone."""
    for kind, box, length, read in (
        (b"avc1", b"avcC", 4, _avc_record),
        (b"avc3", b"avcC", 4, _avc_record),
        (b"hvc1", b"hvcC", 13, _hevc_record),
        (b"hev1", b"hvcC", 13, _hevc_record),
    ):
        entry = boxes.down(entries, kind)
        if entry is not None:
            inner = ByteRange(entry.start + _ENTRY, max(0, entry.length - _ENTRY))
            record = boxes.read(boxes.down(inner, box), 0, length)
            stereo = boxes.read(boxes.down(inner, b"st3d"), 4, 1)
            return read(record, stereo in (b"\1", b"\2"))
    return None


def _avc_record(record: bytes, stereo: bool) -> Coding:
    return Coding(Family.AVC, record[1], record[3], stereo) if record else Coding(Family.AVC, 100)


def _hevc_record(record: bytes, stereo: bool) -> Coding:
    if not record:
        return Coding(Family.HEVC, 1)
    return Coding(Family.HEVC, _hevc_profile(record[1:6]), record[12], stereo)


def _hevc_profile(head: bytes) -> int:
    """general_profile_idc, or what the compatibility flags behind it promise instead."""
    profile = head[0] & 0x1F
    flags = int.from_bytes(head[1:5], "big")
    if profile not in (1, 2):
        profile = next((each for each in (1, 2) if flags >> (31 - each) & 1), profile)
    return profile


def _bare(head: bytes) -> Iterator[Coding]:
    """Codings that headers of a bare stream tell, in their order."""
    place = head.find(_START)
    is_mpeg = False
    while place >= 0:
        unit = head[place + 3 : place + 64].replace(b"\0\0\3", b"\0\0")
        is_mpeg = is_mpeg or unit[:1] == b"\xb3"
        found = _sequence(unit) if is_mpeg else _parameters(unit)
        if found is not None:
            yield found
        place = head.find(_START, place + 3)


def _sequence(unit: bytes) -> Coding | None:
    """The sequence extension of MPEG-2: profile and level behind four bits.

    A picture without one before it is of MPEG-1.
    """
    if unit[:1] == b"\0":
        return Coding(Family.OTHER)
    if len(unit) < 3 or unit[0] != 0xB5 or unit[1] >> 4 != 1:
        return None
    told = (unit[1] << 4 | unit[2] >> 4) & 0xFF
    return Coding(Family.MPEG2, told >> 4 & 7, told & 0xF)


def _parameters(unit: bytes) -> Coding | None:
    """A video parameter set of H.265, or a sequence parameter set of H.264.

    The reserved bits of the first tell the two apart: 16 ones.
    """
    if len(unit) > 17 and unit[:2] == b"\x40\x01" and unit[4:6] == b"\xff\xff":
        return Coding(Family.HEVC, _hevc_profile(unit[6:11]), unit[17])
    if len(unit) > 3 and unit[0] in _AVC_SETS and unit[1] in _AVC_PROFILES:
        return Coding(Family.AVC, unit[1], unit[3])
    return None
