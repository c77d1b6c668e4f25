"""How one frame is meant to look, from the stored metadata alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from dicomweb_server.dicom.appearance import colours, segmentation
from dicomweb_server.dicom.appearance.attributes import Attributes, Bulk
from dicomweb_server.dicom.appearance.geometry import aspect
from dicomweb_server.dicom.appearance.grey import (
    is_grey,
    is_inverse,
    modality,
    output_range,
    padding,
    voi,
)
from dicomweb_server.dicom.appearance.groups import FrameGroups
from dicomweb_server.dicom.appearance.overlays import overlays
from dicomweb_server.dicom.appearance.palette import palette
from dicomweb_server.dicom.appearance.profile import icc_profile
from dicomweb_server.dicom.appearance.shutters import shutters
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.rendering import Appearance, Rescale, Window, WindowFunction

RT_DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
MOST_BULK = 64 << 20
"""Bytes of one value given by reference that are worth reading; longer ones are to be left out."""

_SOP_CLASS = 0x00080016
_DOSE_GRID_SCALING = 0x3004000E
_LARGEST_VALUES = (0x00280109, 0x00280107)
_FRAME_SHUTTER = 0x00189472


def bulk_needed(
    document: Attributes, frame: int, pixel: PixelHeader, planes: bool = True
) -> tuple[str, ...]:
    """The values given by reference that `appearance` looks at.

    Args:
        document, frame, pixel, planes: As for `appearance`.

    Returns:
        Their BulkRef.path; mostly none.
    """
    wanted = Wanted()
    appearance(document, frame, wanted, pixel, planes)
    return wanted.paths()


def appearance(
    document: Attributes, frame: int, bulk: Bulk, pixel: PixelHeader, planes: bool = True
) -> Appearance:
    """How the stored values of a frame are meant to look; what is damaged is left out.

    Args:
        document: The data set.
        frame: From 1.
        bulk: Values given by reference, in little endian; those of `bulk_needed`. One that is
            missing counts as damaged.
        pixel: The pixels as stored.
        planes: Whether overlay planes are wanted; without them less has to be read.
    """
    groups = FrameGroups(document, frame)
    sop_class = document.text(_SOP_CLASS)
    if sop_class == segmentation.SEGMENTATION:
        return _segment(groups)
    if sop_class == segmentation.LABEL_MAP:
        return _labels(groups, bulk, pixel)
    if sop_class == RT_DOSE:
        return _dose(groups)
    look = _image(groups, bulk, pixel)
    return replace(look, overlays=overlays(document, frame, bulk, pixel)) if planes else look


def up_to(look: Appearance, greatest: float) -> Appearance:
    """A dose from none to the greatest stored value of its grid, where nothing else is told.

    Args:
        look: How frames of the dose look.
        greatest: Stored value.
    """
    slope = look.modality.slope if isinstance(look.modality, Rescale) else 1.0
    window = _from_none(greatest * slope)
    return look if look.voi is not None or window is None else replace(look, voi=window)


class Wanted(Mapping[str, bytes]):
    """Holds no value and remembers which ones were looked for."""

    def __init__(self) -> None:
        self._paths: dict[str, None] = {}

    def __getitem__(self, path: str) -> bytes:
        self._paths[path] = None
        raise KeyError(path)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def paths(self) -> tuple[str, ...]:
        """What was looked for, in order."""
        return tuple(self._paths)


def _image(groups: FrameGroups, bulk: Bulk, pixel: PixelHeader) -> Appearance:
    document = groups.document
    grey = is_grey(pixel)
    colour_map = palette(groups, bulk, pixel)
    values = modality(groups, bulk, pixel) if grey else None
    # Values of float pixels have no least one; their tables cannot begin below zero.
    ends = output_range(values, pixel) or (0.0, 0.0)
    return Appearance(
        modality=values,
        voi=voi(groups, bulk, ends[0]) if grey else None,
        inverse=grey and is_inverse(document, pixel),
        padding=padding(document, pixel) if grey else None,
        palette=colour_map,
        shutters=shutters(groups.macro(_FRAME_SHUTTER)) or shutters(document),
        aspect=aspect(groups),
        profile=b"" if grey and colour_map is None else icc_profile(groups, bulk),
    )


def _segment(groups: FrameGroups) -> Appearance:
    return Appearance(
        aspect=aspect(groups),
        colour=segmentation.colour(groups),
        greatest=segmentation.greatest(groups.document),
    )


def _labels(groups: FrameGroups, bulk: Bulk, pixel: PixelHeader) -> Appearance:
    document = groups.document
    return Appearance(
        palette=palette(groups, bulk, pixel) or segmentation.label_palette(document, pixel),
        transparent=segmentation.background_label(document),
        aspect=aspect(groups),
        profile=icc_profile(groups, bulk),
    )


def _dose(groups: FrameGroups) -> Appearance:
    """Dose from none to the greatest one, as far as that is told (PS3.3 C.8.8.3)."""
    document = groups.document
    scaling = document.float_at(_DOSE_GRID_SCALING)
    rescale = Rescale(scaling) if scaling else None
    told = [document.float_at(tag) for tag in _LARGEST_VALUES]
    top = next((value for value in told if value), 0.0) * (scaling or 1.0)
    return Appearance(
        modality=rescale,
        voi=_from_none(top),
        tint=colours.hot_iron(),
        aspect=aspect(groups),
    )


def _from_none(top: float) -> Window | None:
    return Window(top / 2, top, WindowFunction.LINEAR_EXACT) if top > 0 else None
