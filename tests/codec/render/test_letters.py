"""Text on pictures, whatever the letters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dicomweb_server.codec.render import letters
from dicomweb_server.codec.render.letters import annotate, font_for, text_width, write_text

LINES = (("Doe^Jane", "12345", "1970-01-01"), ("CT", "120 kV"))


def annotated(
    width: int, height: int, lines: tuple[tuple[str, ...], tuple[str, ...]] = LINES
) -> Image.Image:
    picture = Image.new("L", (width, height), 90)
    annotate(picture, lines)
    return picture


def test_lines_stand_in_the_top_corners() -> None:
    changed = np.asarray(annotated(512, 400)) != 90
    assert changed[:100, :200].any()
    assert changed[:100, 400:].any()
    assert not changed[200:].any()
    assert not changed[:, 250:350].any()


def test_letters_are_light_with_a_dark_edge() -> None:
    levels = np.asarray(annotated(512, 400))
    assert levels.max() == 255
    assert levels.min() == 0


@pytest.mark.parametrize("size", [(1, 1), (8, 300), (300, 8), (64, 64), (4000, 3000)])
def test_pictures_of_any_size(size: tuple[int, int]) -> None:
    assert annotated(*size).size == size


def test_long_lines_get_smaller_letters() -> None:
    lines = (("W" * 60,), ("M" * 60,))
    changed = np.asarray(annotated(512, 512, lines)) != 90
    assert changed.any()
    assert not changed[:, :2].any()
    assert not changed[:, -1:].any()


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Müller", "Muller"),
        ("Łódź", "Lodz"),
        ("Straße", "Strasse"),
        ("山田^太郎", "??^??"),
        ("a\u0301b\x00c\x1b", "abc"),
        ("\u202eevil", "evil"),
        ("\ud800", ""),
    ],
)
def test_letters_without_a_font_are_replaced(
    text: str, plain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "_FONTS", ())
    assert font_for(text, 20)[1] == plain


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=40), st.floats(1, 60))
def test_no_text_ever_fails(text: str, size: float) -> None:
    picture = Image.new("RGB", (40, 30))
    write_text(picture, (3, 3), text, size, 255)
    assert text_width(text, size) >= 0


def test_endless_lines_are_cut() -> None:
    assert len(font_for("x" * 100_000, 12)[1]) <= 200
