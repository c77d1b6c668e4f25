"""Text on pictures: which letters there are, and outlined lines in the corners.

The font that comes with Pillow has the letters of ASCII and a few signs. Letters with marks lose
these where no other font is installed, and what has no letter at all becomes a question mark: a
picture never fails for its words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from types import MappingProxyType

from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_FONTS = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "NotoSerifCJK-Regular.ttc",
    "wqy-zenhei.ttc",
    "FreeSans.ttf",
)
"""Looked for where the letters of a text need more than the font that is always there."""
_LARGEST_FONT = 32 << 20
"""Bytes of a font file; each process keeps those that it has."""
_SPELT = {
    "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O",
    "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th",
    "\u0131": "i", "\u2010": "-", "\u2013": "-", "\u2014": "-", "\u2018": "'", "\u2019": "'",
    "“": '"', "”": '"', "µ": "u", "\u00d7": "x",
    "°": " deg", "·": "-", "±": "+/-", "≤": "<=", "≥": ">=", "Ω": "Ohm", "…": "...",
}  # fmt: skip
_LONGEST = 200
"""Letters of a line; more do not fit onto any picture."""
_MISSING = "\uffff"


def preload() -> None:
    """Read the fonts of this system, as long as files can be opened."""
    _font_files()


def font_for(text: str, size: float) -> tuple[Font, str]:
    """A font, and the text in letters that it has.

    Args:
        text: Never trusted; control characters are dropped.
        size: Height of the font in pixels.
    """
    plain = "".join(" " if each == "\t" else each for each in text[:_LONGEST])
    plain = "".join(each for each in plain if unicodedata.category(each)[0] != "C")
    height = min(max(round(size), 4), 400)
    built_in = _built_in(height)
    if plain.isascii():
        return built_in, plain
    fonts = [each for each in (_installed(name, height) for name in _FONTS) if each is not None]
    known = [sum(_has(font, each) for each in plain) for font in fonts]
    if not fonts:
        return built_in, "".join(_spelt(each) for each in plain)
    font = fonts[known.index(max(known))]
    return font, "".join(each if _has(font, each) else _spelt(each) for each in plain)


def write_text(
    picture: Image.Image, place: tuple[float, float], text: str, size: float, fill: int
) -> None:
    """Write one line with an outline in the opposite shade.

    Args:
        picture: Grey or RGB.
        place: Left and top.
        text: What it says.
        size: Height of the font in pixels.
        fill: Level of the letters.
    """
    font, letters = font_for(text, size)
    if not letters.strip():
        return
    ImageDraw.Draw(picture).text(
        place,
        letters,
        fill=shade(picture, fill),
        font=font,
        stroke_width=max(1, round(size / 12)),
        stroke_fill=shade(picture, 0 if fill > 127 else 255),
    )


def annotate(picture: Image.Image, lines: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
    """Write lines into the top left and the top right corner.

    The letters fit the picture: a 32nd of its shorter side, less where a line is too long.
    """
    size = _fitting(picture, lines)
    margin = max(2, round(size / 2))
    for right, corner in enumerate(lines):
        top = float(margin)
        for line in corner:
            left = float(margin)
            if right:
                left = picture.width - margin - text_width(line, size)
            write_text(picture, (left, top), line, size, 255)
            top += size * 1.3


def text_width(text: str, size: float) -> float:
    """Pixels from the left to the right end of a line."""
    font, letters = font_for(text, size)
    return float(font.getlength(letters))


def shade(picture: Image.Image, level: int) -> int | tuple[int, int, int]:
    """A grey in the mode of a picture."""
    return level if picture.mode == "L" else (level, level, level)


def _fitting(picture: Image.Image, lines: tuple[tuple[str, ...], tuple[str, ...]]) -> float:
    size = min(max(min(picture.size) / 32, 10.0), 48.0)
    widths = [max((text_width(line, size) for line in corner), default=0.0) for corner in lines]
    room = max(picture.width - 2.5 * size, 8.0)
    wide = sum(widths)
    high = max(len(corner) for corner in lines) * size * 1.3 + size
    return max(size * min(1.0, room / wide if wide else 1.0, picture.height / high), 6.0)


def _spelt(letter: str) -> str:
    """A letter in those that are always there."""
    if letter.isascii():
        return letter
    if letter in _SPELT:
        return _SPELT[letter]
    plain = "".join(each for each in unicodedata.normalize("NFKD", letter) if each.isascii())
    return plain or ("" if unicodedata.combining(letter) else "?")


@lru_cache(maxsize=16)
def _built_in(size: int) -> Font:
    return ImageFont.load_default(size)


@lru_cache(maxsize=64)
def _installed(name: str, size: int) -> ImageFont.FreeTypeFont | None:
    data = _font_files().get(name)
    return None if data is None else ImageFont.truetype(BytesIO(data), size)


@lru_cache(maxsize=1)
def _font_files() -> Mapping[str, bytes]:
    """The font files that this system has, in memory: none can be opened once work begins."""
    found = {}
    for name in _FONTS:
        with suppress(OSError):
            path = Path(str(ImageFont.truetype(name, 10).path))
            if path.stat().st_size <= _LARGEST_FONT:
                found[name] = path.read_bytes()
    return MappingProxyType(found)


def _has(font: ImageFont.FreeTypeFont, letter: str) -> bool:
    """Whether a font draws something of its own for a letter."""
    if letter.isspace():
        return True
    return bytes(font.getmask(letter)) != bytes(font.getmask(_MISSING))
