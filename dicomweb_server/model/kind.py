"""What a stored instance is when somebody wants to look at it."""

from __future__ import annotations

from enum import Enum

from dicomweb_server.model.instance import InstanceRecord
from dicomweb_server.model.media import TRANSFER_SYNTAXES, Encoding

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_REPORTS = (f"{_STORAGE}88.",)
_STATES = (f"{_STORAGE}11.",)
_WAVEFORMS = (f"{_STORAGE}9.",)
SEGMENTATION = (f"{_STORAGE}66.4", f"{_STORAGE}66.7")
WHOLE_SLIDE = f"{_STORAGE}77.1.6"

DOCUMENT_TYPES = {
    f"{_STORAGE}104.1": "application/pdf",
    f"{_STORAGE}104.2": "text/xml",
    f"{_STORAGE}104.3": "model/stl",
    f"{_STORAGE}104.4": "model/obj",
    f"{_STORAGE}104.5": "model/mtl",
}
"""Media type of Encapsulated Document by SOP Class UID (PS3.3 A.45, A.85, A.104)."""


class Kind(Enum):
    """Resource categories of PS3.18 8.7.2, told apart by how they are rendered."""

    IMAGE = "a single-frame image"
    MULTIFRAME = "a multi-frame image"
    VIDEO = "a video"
    REPORT = "a structured report"
    DOCUMENT = "an encapsulated document"
    WAVEFORM = "a waveform"
    PRESENTATION = "a presentation state"
    NOTHING = "an object without a picture"

    @property
    def is_picture(self) -> bool:
        """Whether it has frames that are rendered as pictures."""
        return self in (Kind.IMAGE, Kind.MULTIFRAME)


def kind_of(record: InstanceRecord) -> Kind:
    """What an instance is, told by its index row alone."""
    known = TRANSFER_SYNTAXES.get(record.transfer_syntax)
    if known is not None and known.encoding is Encoding.VIDEO:
        return Kind.VIDEO
    if record.pixel is not None and record.frames is not None and record.frames.count:
        return Kind.IMAGE if record.frames.count == 1 else Kind.MULTIFRAME
    sop_class = record.sop_class
    if sop_class in DOCUMENT_TYPES:
        return Kind.DOCUMENT
    for beginnings, kind in (
        (_REPORTS, Kind.REPORT),
        (_STATES, Kind.PRESENTATION),
        (_WAVEFORMS, Kind.WAVEFORM),
    ):
        if sop_class.startswith(beginnings):
            return kind
    return Kind.NOTHING


def has_background(record: InstanceRecord) -> bool:
    """Whether frames of an instance are laid on images of other instances."""
    return record.sop_class in SEGMENTATION
