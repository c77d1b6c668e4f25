"""What is written onto a picture: who it is of, and how it was made (PS3.18 8.3.5.1.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dicomweb_server.dicom import wording
from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.appearance.groups import FrameGroups
from dicomweb_server.model.rendering import Window

_STUDY_DATE = 0x00080020
_STUDY_TIME = 0x00080030
_MODALITY = 0x00080060
_INSTITUTION = 0x00080080
_STATION = 0x00081010
_SERIES_DESCRIPTION = 0x0008103E
_PATIENT_NAME = 0x00100010
_PATIENT_ID = 0x00100020
_BIRTH_DATE = 0x00100030
_SEX = 0x00100040
_SERIES_NUMBER = 0x00200011
_INSTANCE_NUMBER = 0x00200013
_NUMBER_OF_FRAMES = 0x00280008
_SPACING = 0x00280030
_PIXEL_MEASURES = 0x00289110

_MEASURES = (
    # Label, unit, and where it stands: functional group (0 for none) and attribute.
    ("", "kV", ((0x00189325, 0x00180060), (0, 0x00180060))),
    ("", "mA", ((0x00189321, 0x00189330), (0, 0x00181151))),
    ("TR", "ms", ((0x00189112, 0x00180080), (0, 0x00180080))),
    ("TE", "ms", ((0x00189114, 0x00189082), (0, 0x00180081))),
    ("Thickness", "mm", ((_PIXEL_MEASURES, 0x00180050), (0, 0x00180050))),
    ("Location", "mm", ((0, 0x00201041),)),
)
_MOST_CHARACTERS = 64


def patient_lines(document: Attributes) -> tuple[str, ...]:
    """Name, identifier, birth date and sex, one line each; what is not known is left out.

    Args:
        document: The data set.
    """
    born = wording.date(document.text(_BIRTH_DATE))
    return _shown(
        (
            wording.names(document, _PATIENT_NAME),
            _labelled("ID", document.text(_PATIENT_ID)),
            _labelled("Born", born),
            _labelled("Sex", wording.sex(document.text(_SEX))),
        )
    )


def technique_lines(
    document: Attributes, frame: int = 1, window: Window | None = None
) -> tuple[str, ...]:
    """When, where and how an image was made; nothing that tells who is on it.

    Args:
        document: The data set.
        frame: From 1.
        window: The window in which it is shown.
    """
    groups = FrameGroups(document, frame)
    return _shown(
        (
            wording.day_and_time(document, _STUDY_DATE, _STUDY_TIME),
            _joined((document.text(_MODALITY), document.text(_SERIES_DESCRIPTION))),
            _joined((document.text(_INSTITUTION), document.text(_STATION))),
            _number_line(document, frame),
            *_measures(groups),
            _spacing(groups),
            _window(window),
        )
    )


def _number_line(document: Attributes, frame: int) -> str:
    frames = document.whole(_NUMBER_OF_FRAMES) or 1
    return _joined(
        (
            _labelled("Series", document.text(_SERIES_NUMBER)),
            _labelled("Image", document.text(_INSTANCE_NUMBER)),
            f"Frame {frame} of {frames}" if frames > 1 else "",
        )
    )


def _measures(groups: FrameGroups) -> Iterator[str]:
    """Tube voltage and current, echo times, thickness and place of the slice."""
    found = []
    for label, unit, places in _MEASURES:
        for macro, tag in places:
            value = (groups.macro(macro) if macro else groups.document).float_at(tag)
            if value is not None:
                found.append(_labelled(label, f"{wording.number(round(value, 3))} {unit}"))
                break
    for start in range(0, len(found), 2):
        yield _joined(found[start : start + 2])


def _spacing(groups: FrameGroups) -> str:
    for holder in groups.holders(_PIXEL_MEASURES):
        told = [value for value in holder.floats(_SPACING, 2) if value is not None]
        if len(told) == 2:
            rows, columns = (wording.number(round(value, 3)) for value in told)
            return f"Pixels {rows} x {columns} mm"
    return ""


def _window(window: Window | None) -> str:
    if window is None:
        return ""
    center, width = (wording.number(round(value, 2)) for value in (window.center, window.width))
    return f"Window {center} / {width}"


def _labelled(label: str, value: str) -> str:
    return f"{label} {value}".strip() if value.strip() else ""


def _joined(words: Iterable[str]) -> str:
    return ", ".join(word for word in words if word.strip())


def _shown(lines: Iterable[str]) -> tuple[str, ...]:
    """Lines that are not empty, each of one row and no longer than a corner is wide."""
    plain = (" ".join(wording.clean(line).split()) for line in lines)
    return tuple(line[:_MOST_CHARACTERS] for line in plain if line)
