"""Signs of objects without pixels, and drawings in other sizes."""

from __future__ import annotations

import pytest

from dicomweb_server.dicom.drawings import SIDE, fitted, label_of, placeholder
from dicomweb_server.model.drawing import Drawing, Line, Words

_STORAGE = "1.2.840.10008.5.1.4.1.1."


@pytest.mark.parametrize(
    ("sop_class", "modality", "expected"),
    [
        ("88.11", "SR", "SR"),
        ("88.67", "SR", "SR"),
        ("88.59", "KO", "KO"),
        ("104.1", "DOC", "PDF"),
        ("104.2", "DOC", "CDA"),
        ("104.3", "M3D", "STL"),
        ("9.1.1", "ECG", "ECG"),
        ("9.7.1", "EEG", "EEG"),
        ("9.2.1", "HD", "WAVE"),
        ("11.1", "PR", "PR"),
        ("481.3", "RTSTRUCT", "RTSTRUCT"),
        ("481.5", "RTPLAN", "RTPLAN"),
        ("66.1", "REG", "REG"),
        ("999", "xy", "XY"),
        ("999", "", "DICOM"),
        ("999", "<b>", "DICOM"),
        ("999", "ÄÖ", "DICOM"),
    ],
)
def test_each_kind_has_a_short_name(sop_class: str, modality: str, expected: str) -> None:
    assert label_of(_STORAGE + sop_class, modality) == expected


@pytest.mark.parametrize("label", ["SR", "RTSTRUCT", "ECG", "KO", "PR", "STL", "REG", "VIDEO", "?"])
def test_signs_stay_on_their_page(label: str) -> None:
    drawing = placeholder(label)
    assert (drawing.width, drawing.height) == (SIDE, SIDE)
    (words,) = drawing.words
    assert words.text == label
    assert words.x >= 0
    for line in drawing.lines:
        assert all(0 <= x <= SIDE and 0 <= y <= SIDE for x, y in line.points)


def test_long_labels_are_cut() -> None:
    assert placeholder("X" * 5000).words[0].text == "X" * 12
    assert placeholder("").words[0].text == ""


@pytest.mark.parametrize(
    ("frame", "size"), [((100, 100), (100, 50)), ((400, 1000), (400, 200)), ((1, 1), (1, 1))]
)
def test_drawings_fit_into_a_frame_with_their_aspect(
    frame: tuple[int, int], size: tuple[int, int]
) -> None:
    drawing = Drawing(200, 100, (Line(((200, 100),), (1, 2, 3), 2),), (Words("x", 50, 50, 10),))
    small = fitted(drawing, *frame)
    assert (small.width, small.height) == size
    scale = min(frame[0] / 200, frame[1] / 100)
    assert small.lines[0].points == ((200 * scale, 100 * scale),)
    assert (small.lines[0].width, small.words[0].size) == (2 * scale, 10 * scale)
