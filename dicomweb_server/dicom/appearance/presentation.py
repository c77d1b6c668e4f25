"""Grayscale softcopy presentation states: how referenced images are to be shown (PS3.4 N.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from dicomweb_server.dicom.appearance.attributes import Attributes, Bulk
from dicomweb_server.dicom.appearance.display import area, flipped, rotation, shown_aspect
from dicomweb_server.dicom.appearance.frame import Wanted, appearance
from dicomweb_server.dicom.appearance.graphics import drawn, layers
from dicomweb_server.dicom.appearance.grey import (
    is_grey,
    modality_of,
    output_range,
    stored_range,
    voi_of,
)
from dicomweb_server.dicom.appearance.lookup import table_of
from dicomweb_server.dicom.appearance.overlays import GROUPS, overlay, overlay_of
from dicomweb_server.dicom.appearance.references import Reference, first_for, references
from dicomweb_server.dicom.appearance.shutters import presentation_value, shutters
from dicomweb_server.errors import NotAcceptable
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.rendering import Appearance, Overlay, Window, WindowFunction

GRAYSCALE = "1.2.840.10008.5.1.4.1.1.11.1"
_FAMILY = "1.2.840.10008.5.1.4.1.1.11."
_KINDS = {
    "2": "colour",
    "3": "pseudo-colour",
    "4": "blending",
    "5": "X-ray angiography with mask",
    "6": "planar reformatting",
    "7": "composed planar reformatting",
    "8": "advanced blending",
    "9": "volume rendering",
    "10": "segmented volume rendering",
    "11": "multiple volume rendering",
    "12": "variable modality LUT",
}

_SOP_CLASS = 0x00080016
_INSTANCE = 0x00080018
_SHUTTER_SHAPE = 0x00181600
_SHUTTER_GROUP = 0x00181623
_SOFTCOPY_VOI = 0x00283110
_MASKS = 0x00286100
_ACTIVATION_LAYER = 0x60001001
_PRESENTATION_LUT = 0x20500010
_PRESENTATION_LUT_SHAPE = 0x20500020
_MOST_ITEMS = 4096


def is_presentation_state(sop_class: str) -> bool:
    """Whether a SOP class is one of softcopy or volumetric presentation states.

    Args:
        sop_class: SOP Class UID.
    """
    return sop_class.startswith(_FAMILY)


def presentation_bulk(document: Attributes) -> tuple[str, ...]:
    """The values given by reference that a presentation state needs, as BulkRef.path.

    Args:
        document: Data set of the presentation state.
    """
    wanted = Wanted()
    modality_of(document, wanted, (0, 0xFFFF))
    for item in document.children(_SOFTCOPY_VOI, _MOST_ITEMS):
        voi_of(item, wanted, 0.0)
    table_of(document.child(_PRESENTATION_LUT), wanted, 0.0)
    for group in GROUPS:
        overlay(document, group, 1, wanted)
    return wanted.paths()


@dataclass(frozen=True, slots=True)
class PresentationState:
    """A grayscale softcopy presentation state.

    What it does not tell about the grey pipeline is identity: transformations that the image
    holds do not count, neither does MONOCHROME1 (PS3.4 N.2, PS3.3 C.11.6).

    Args:
        document: Its data set.
        bulk: Values given by reference, those of `presentation_bulk`.
    """

    document: Attributes
    bulk: Bulk

    @classmethod
    def of(cls, document: Attributes, bulk: Bulk) -> PresentationState:
        """A presentation state that can be applied.

        Args:
            document, bulk: As for the class.

        Raises:
            NotAcceptable: It is of another kind, or asks for the subtraction of masks.
        """
        sop_class = document.text(_SOP_CLASS)
        if sop_class != GRAYSCALE:
            kind = _KINDS.get(sop_class.removeprefix(_FAMILY), "other")
            raise NotAcceptable(
                f"presentation states of this kind ({kind}) are not rendered",
                "grayscale softcopy presentation states are, and so are the referenced images",
                stored=sop_class,
            )
        if document.values(_MASKS):
            raise NotAcceptable(
                "the presentation state subtracts masks, which is not rendered",
                "the referenced images are rendered without it",
                stored=sop_class,
            )
        return cls(document, bulk)

    @property
    def references(self) -> tuple[Reference, ...]:
        """The images that it is for, in its order; see `references.in_order`."""
        return references(self.document)

    def appearance(
        self, image: Attributes, frame: int, bulk: Bulk, pixel: PixelHeader
    ) -> Appearance:
        """How a frame of a referenced image is to be shown.

        Its overlays are those that the state asks for: they are always to be drawn.

        Args:
            image: Data set of the image.
            frame: From 1.
            bulk: Values given by reference of the image, those of `frame.bulk_needed`.
            pixel: Its pixels as stored.
        """
        instance = image.text(_INSTANCE)
        shown = appearance(image, frame, bulk, pixel, planes=False)
        if is_grey(pixel):
            shown = self._grey(shown, instance, frame, pixel)
        graphics, texts = drawn(self.document, instance, frame)
        return replace(
            shown,
            overlays=tuple(self._overlays(image, frame, bulk, pixel)),
            shutters=shutters(self.document),
            graphics=graphics,
            texts=texts,
            aspect=shown_aspect(self.document, instance, frame) or shown.aspect,
            area=area(self.document, instance, frame, pixel),
            rotation=rotation(self.document),
            flip=flipped(self.document),
        )

    def _grey(self, shown: Appearance, instance: str, frame: int, pixel: PixelHeader) -> Appearance:
        document = self.document
        values = modality_of(document, self.bulk, stored_range(pixel))
        ends = output_range(values, pixel)
        item = first_for(document, _SOFTCOPY_VOI, instance, frame)
        voi = voi_of(item, self.bulk, ends[0] if ends else 0.0)
        return replace(
            shown,
            modality=values,
            voi=voi or (_whole(ends) if ends else None),
            inverse=document.text(_PRESENTATION_LUT_SHAPE) == "INVERSE",
            presentation=table_of(document.child(_PRESENTATION_LUT), self.bulk, 0.0),
            palette=None,
        )

    def _bitmap_shutter(self) -> int | None:
        """The group of the plane whose set bits are masked; None where there is none."""
        if "BITMAP" not in self.document.texts(_SHUTTER_SHAPE)[:8]:
            return None
        group = self.document.whole(_SHUTTER_GROUP)
        return group if group in GROUPS else None

    def _overlays(
        self, image: Attributes, frame: int, bulk: Bulk, pixel: PixelHeader
    ) -> Iterator[Overlay]:
        """The bitmap shutter, then the planes of the layers (PS3.3 C.7.6.15, C.11.7)."""
        document = self.document
        known = layers(document)
        mask = self._bitmap_shutter()
        if mask is not None:
            found = overlay(document, mask, frame, self.bulk)
            if found is not None:
                yield replace(found, value=presentation_value(document))
        for group in GROUPS:
            layer = document.text(_ACTIVATION_LAYER + (group - 0x6000 << 16))
            if not layer or group == mask:
                continue
            found = overlay(document, group, frame, self.bulk)
            found = found or overlay_of(image, group, frame, bulk, pixel)
            if found is not None:
                yield replace(found, value=known[layer].value if layer in known else 1.0)


def _whole(ends: tuple[float, float]) -> Window:
    """A window that shows a range of values from end to end."""
    least, most = ends
    width = max(most - least, 1e-30)
    return Window((least + most) / 2, width, WindowFunction.LINEAR_EXACT)
