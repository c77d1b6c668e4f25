"""Palettes of PALETTE COLOR and of supplemental colours (PS3.3 C.7.6.3.1.5, C.7.9, C.7.6.19)."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from dicomweb_server.dicom.appearance.attributes import Attributes, Bulk
from dicomweb_server.dicom.appearance.groups import FrameGroups
from dicomweb_server.dicom.appearance.lookup import (
    Descriptor,
    entries_of,
    greatest,
    table,
)
from dicomweb_server.dicom.appearance.segmented import expand
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.rendering import LookupTable, Palette

_DESCRIPTORS = (0x00281101, 0x00281102, 0x00281103)
_DATA = (0x00281201, 0x00281202, 0x00281203)
_SEGMENTED = (0x00281221, 0x00281222, 0x00281223)
_PIXEL_PRESENTATION = 0x00089205
_FRAME_TYPES = (0x00189226, 0x00189329, 0x00189751)  # MR, CT, PET Image Frame Type Sequence
_COLOURED = frozenset(("COLOR", "MIXED"))


def palette(groups: FrameGroups, bulk: Bulk, pixel: PixelHeader) -> Palette | None:
    """The palette through which a frame is shown, None where it has none or a damaged one.

    Args:
        groups: What is said of the frame.
        bulk: Values given by reference.
        pixel: Its pixels.
    """
    if pixel.samples_per_pixel != 1:
        return None
    if pixel.photometric_interpretation == "PALETTE COLOR":
        return palette_of(groups.document, bulk, bool(pixel.pixel_representation))
    if _DESCRIPTOR_NAME not in groups.document.members or not _is_coloured(groups):
        return None
    found = palette_of(groups.document, bulk, bool(pixel.pixel_representation))
    return replace(found, supplemental=True) if found else None


_DESCRIPTOR_NAME = f"{_DESCRIPTORS[0]:08X}"


def _is_coloured(groups: FrameGroups) -> bool:
    for tag in _FRAME_TYPES:
        told = groups.macro(tag).text(_PIXEL_PRESENTATION)
        if told:
            return told in _COLOURED
    return groups.document.text(_PIXEL_PRESENTATION) in _COLOURED


def palette_of(item: Attributes, bulk: Bulk, signed: bool) -> Palette | None:
    """The palette that a data set holds; None where a part of it is missing or damaged.

    Args:
        item: The data set.
        bulk: Values given by reference.
        signed: Whether stored values have a sign.
    """
    tables = [_channel(item, bulk, signed, channel) for channel in range(3)]
    red, green, blue = tables
    if red is None or green is None or blue is None:
        return None
    if all(each is not None and greatest(each.entries) < 256 for each in tables):
        # 8-bit colours under a descriptor of 16 bits would all be black.
        red, green, blue = replace(red, bits=8), replace(green, bits=8), replace(blue, bits=8)
    return Palette(red, green, blue)


def _channel(item: Attributes, bulk: Bulk, signed: bool, channel: int) -> LookupTable | None:
    descriptor = Descriptor.of(item, _DESCRIPTORS[channel])
    plain = item.data(_DATA[channel], bulk)
    segmented = b"" if plain else item.data(_SEGMENTED[channel], bulk)
    if descriptor is None:
        return None
    if plain:
        return table(descriptor, plain, signed)
    return _expanded(descriptor, segmented, signed)


@lru_cache(maxsize=12)
def _expanded(descriptor: Descriptor, data: bytes, signed: bool) -> LookupTable | None:
    """A segmented table; its words may have the other width than the descriptor tells."""
    count = descriptor.count
    narrow = descriptor.bits == 8
    entries = expand(data, narrow, count)
    if len(entries) < count:
        other = expand(data, not narrow, count)
        narrow, entries = (not narrow, other) if len(other) == count else (narrow, entries)
    if not entries:
        return None
    entries += entries[-1:] * (count - len(entries))
    return LookupTable(descriptor.first_mapped(signed), 8 if narrow else 16, entries_of(entries))
