"""Drawings as SVG, read back by an XML parser."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from dicomweb_server.dicom.svg import svg
from dicomweb_server.model.drawing import Drawing, Line, Words

_NAMESPACE = "{http://www.w3.org/2000/svg}"
_NUMBER = st.floats(-5000, 5000).map(lambda number: round(number, 2))
_LINES = st.builds(
    Line,
    st.lists(st.tuples(_NUMBER, _NUMBER), min_size=1, max_size=5).map(tuple),
    st.tuples(*[st.integers(0, 255)] * 3),
)


@given(st.lists(_LINES, max_size=4))
def test_lines_are_polylines_with_the_same_points(lines: list[Line]) -> None:
    drawing = Drawing(300, 200, tuple(lines))
    tree = etree.fromstring(svg(drawing).encode())
    assert (tree.get("width"), tree.get("height"), tree.get("viewBox")) == (
        "300",
        "200",
        "0 0 300 200",
    )
    found = [
        tuple(tuple(map(float, pair.split(","))) for pair in str(each.get("points")).split())
        for each in tree.iter(f"{_NAMESPACE}polyline")
    ]
    assert found == [line.points for line in lines]
    strokes = [str(each.get("stroke")) for each in tree.iter(f"{_NAMESPACE}polyline")]
    assert [tuple(bytes.fromhex(stroke[1:])) for stroke in strokes] == [
        line.colour for line in lines
    ]


@given(st.text(max_size=30))
def test_words_are_texts_that_say_the_same(words: str) -> None:
    drawing = Drawing(10, 10, (), (Words(words, 1, 2, 3),))
    tree = etree.fromstring(svg(drawing).encode())
    (found,) = tree.iter(f"{_NAMESPACE}text")
    kept = words.replace("\r\n", "\n").replace("\r", "\n")
    shown = "".join(c for c in kept if c in "\t\n" or not _is_control(c))
    assert (found.text or "") == shown
    assert found.get("font-size") == "3"


def _is_control(character: str) -> bool:
    code = ord(character)
    return code < 32 or 127 <= code < 160 or code in (0xFFFE, 0xFFFF)
