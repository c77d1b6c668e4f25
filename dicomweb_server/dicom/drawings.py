"""Drawings that stand for objects without pixels, and drawings in other sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import cos, pi, sin

from dicomweb_server.model.drawing import Colour, Drawing, Line, Words

SIDE = 256
"""Pixels of a side of `placeholder`."""

_EDGE: Colour = (150, 160, 170)
_SHADE: Colour = (228, 232, 236)
_INK: Colour = (70, 84, 98)
_ACCENT: Colour = (25, 110, 160)
_LONGEST = 12
_LETTER = 0.7

Path = Sequence[tuple[float, float]]

_LABELS = {
    "1.2.840.10008.5.1.4.1.1.88.59": "KO",
    "1.2.840.10008.5.1.4.1.1.104.1": "PDF",
    "1.2.840.10008.5.1.4.1.1.104.2": "CDA",
    "1.2.840.10008.5.1.4.1.1.104.3": "STL",
    "1.2.840.10008.5.1.4.1.1.104.4": "OBJ",
    "1.2.840.10008.5.1.4.1.1.104.5": "MTL",
    "1.2.840.10008.5.1.4.1.1.66": "RAW",
    "1.2.840.10008.5.1.4.1.1.66.1": "REG",
    "1.2.840.10008.5.1.4.1.1.66.2": "FID",
    "1.2.840.10008.5.1.4.1.1.66.3": "REG",
    "1.2.840.10008.5.1.4.1.1.66.4": "SEG",
    "1.2.840.10008.5.1.4.1.1.481.2": "RTDOSE",
    "1.2.840.10008.5.1.4.1.1.481.3": "RTSTRUCT",
    "1.2.840.10008.5.1.4.1.1.481.5": "RTPLAN",
    "1.2.840.10008.5.1.4.1.1.481.8": "RTPLAN",
}
_FAMILIES = (
    ("1.2.840.10008.5.1.4.1.1.88.", "SR"),
    ("1.2.840.10008.5.1.4.1.1.9.1.", "ECG"),
    ("1.2.840.10008.5.1.4.1.1.9.4.", "AUDIO"),
    ("1.2.840.10008.5.1.4.1.1.9.7.", "EEG"),
    ("1.2.840.10008.5.1.4.1.1.9.", "WAVE"),
    ("1.2.840.10008.5.1.4.1.1.11.", "PR"),
)


def label_of(sop_class: str, modality: str) -> str:
    """A short name for a kind of object, as `placeholder` takes it.

    Args:
        sop_class: SOP Class UID.
        modality: Modality, for kinds that have no short name of their own.
    """
    known = _LABELS.get(sop_class)
    if known is None:
        starts = (label for start, label in _FAMILIES if sop_class.startswith(start))
        known = next(starts, modality if modality.isalnum() and modality.isascii() else "")
    return known[:_LONGEST].upper() or "DICOM"


def placeholder(label: str) -> Drawing:
    """A neutral picture of an object that has none: a sheet with a sign and a word.

    Args:
        label: What the object is, `_LONGEST` characters of it: "SR", "PDF", "ECG".
    """
    label = label[:_LONGEST]
    size = min(40.0, 150 / max(1, len(label)) / _LETTER)
    left = SIDE / 2 - len(label) * size * _LETTER / 2
    sheet = ((48, 20), (168, 20), (208, 60), (208, 236), (48, 236), (48, 20), (168, 20))
    lines = [
        Line(tuple((52.0 + 4 * step, 240.0) for step in range(41)), _SHADE, 5),
        Line(((212.0, 64.0), (212.0, 240.0)), _SHADE, 5),
        Line(tuple((float(x), float(y)) for x, y in sheet), _EDGE, 4),
        Line(((168.0, 20.0), (168.0, 60.0), (208.0, 60.0)), _EDGE, 4),
        *(Line(tuple(path), _ACCENT, 4) for path in _SIGNS.get(label, _text_sign)()),
    ]
    return Drawing(SIDE, SIDE, tuple(lines), (Words(label, left, 212, size, _INK),))


def fitted(drawing: Drawing, width: int, height: int) -> Drawing:
    """The same drawing as large as it can be inside a frame, its aspect kept.

    Args:
        drawing: Any.
        width, height: Of the frame in pixels.
    """
    scale = min(width / drawing.width, height / drawing.height)
    lines = (
        Line(
            tuple((x * scale, y * scale) for x, y in line.points),
            line.colour,
            line.width * scale,
        )
        for line in drawing.lines
    )
    words = (
        replace(word, x=word.x * scale, y=word.y * scale, size=word.size * scale)
        for word in drawing.words
    )
    size = max(1, round(drawing.width * scale)), max(1, round(drawing.height * scale))
    return Drawing(*size, tuple(lines), tuple(words))


def _text_sign() -> list[Path]:
    """Lines of writing."""
    return [((76, y), (180 if y < 140 else 136, y)) for y in (84.0, 104.0, 124.0, 144.0)]


def _wave_sign() -> list[Path]:
    """A heart beat."""
    steps = ((68, 120), (92, 120), (98, 112), (106, 120), (112, 124), (120, 76), (129, 146))
    return [(*steps, (135, 120), (152, 120), (161, 108), (170, 120), (188, 120))]


def _ring(x: float, y: float, radius: float, wave: float = 0.0) -> Path:
    """A closed line around a point, bent by `wave`."""
    turns = [2 * pi * step / 48 for step in range(49)]
    sizes = [radius + wave * sin(3 * turn) for turn in turns]
    return [
        (x + size * cos(turn), y + size * sin(turn))
        for turn, size in zip(turns, sizes, strict=True)
    ]


def _contour_sign() -> list[Path]:
    """Outlines of organs."""
    return [_ring(128, 116, 46, 6), _ring(118, 112, 20, 3), _ring(146, 124, 9)]


def _target_sign() -> list[Path]:
    """A cross in rings."""
    cross: list[Path] = [((128, 62), (128, 170)), ((74, 116), (182, 116))]
    return [*cross, _ring(128, 116, 40), _ring(128, 116, 20)]


def _star_sign() -> list[Path]:
    """What somebody marked."""
    turns = [pi * step / 5 - pi / 2 for step in range(11)]
    sizes = [50 if step % 2 == 0 else 22 for step in range(11)]
    star = [
        (128 + size * cos(turn), 120 + size * sin(turn))
        for turn, size in zip(turns, sizes, strict=True)
    ]
    return [star]


def _half_sign() -> list[Path]:
    """A disc of which one half is dark."""
    strokes: list[Path] = []
    for step in range(-9, 10):
        high = (44**2 - (step * 4.4) ** 2) ** 0.5
        if step >= 0:
            strokes.append(((128 + step * 4.4, 116 - high), (128 + step * 4.4, 116 + high)))
    return [_ring(128, 116, 44), *strokes]


def _solid_sign() -> list[Path]:
    """A cube."""
    front = ((84, 96), (128, 116), (172, 96), (128, 76), (84, 96), (84, 142), (128, 164))
    return [(*front, (172, 142), (172, 96)), ((128, 116), (128, 164))]


def _sheets_sign() -> list[Path]:
    """Two squares, one on the other."""
    return [
        ((78, 80), (146, 80), (146, 140), (78, 140), (78, 80)),
        ((108, 98), (178, 106), (171, 166), (101, 158), (108, 98)),
    ]


def _play_sign() -> list[Path]:
    """What starts a film."""
    return [((110, 92), (110, 144), (154, 118), (110, 92)), _ring(126, 118, 46)]


_SIGNS = {
    "ECG": _wave_sign,
    "EEG": _wave_sign,
    "WAVE": _wave_sign,
    "AUDIO": _wave_sign,
    "RTSTRUCT": _contour_sign,
    "SEG": _contour_sign,
    "RTDOSE": _contour_sign,
    "RTPLAN": _target_sign,
    "FID": _target_sign,
    "KO": _star_sign,
    "PR": _half_sign,
    "STL": _solid_sign,
    "OBJ": _solid_sign,
    "MTL": _solid_sign,
    "M3D": _solid_sign,
    "REG": _sheets_sign,
    "VIDEO": _play_sign,
}
