"""Drawings of lines and words as pictures."""

from __future__ import annotations

import math

from PIL import Image, ImageDraw

from dicomweb_server.codec.render.geometry import LARGEST_PICTURE, LONGEST_SIDE
from dicomweb_server.codec.render.letters import font_for
from dicomweb_server.codec.render.output import write_picture
from dicomweb_server.errors import FrameUndecodable
from dicomweb_server.model.drawing import Drawing, Line, Words

_FINER = 2
_HALF = 0.5
"""Pillow counts from the centre of the first pixel, drawings from its corner."""
_MOST_FINER = 16_000_000
"""Pixels of a page up to which lines are drawn finer than they are shown."""


def draw(drawing: Drawing, media_type: str, quality: int) -> bytes:
    """Make a picture of a drawing.

    Args:
        drawing: Lines and words.
        media_type: As in Rendering.
        quality: 1 to 100 for lossy media types.

    Raises:
        FrameUndecodable: The page is empty or too large, or the media type is unknown.
    """
    width, height = drawing.width, drawing.height
    if min(width, height) < 1 or max(width, height) > LONGEST_SIDE:
        raise FrameUndecodable(f"a page of {width} x {height} pixels is not made")
    if width * height > LARGEST_PICTURE:
        raise FrameUndecodable(f"a page of {width} x {height} pixels is larger than is made")
    finer = _FINER if width * height <= _MOST_FINER else 1
    page = Image.new("RGB", (width * finer, height * finer), (255, 255, 255))
    pen = ImageDraw.Draw(page)
    for line in drawing.lines:
        _draw_line(pen, line, drawing, finer)
    if finer > 1:
        page = page.reduce(finer)
    pen = ImageDraw.Draw(page)
    for words in drawing.words:
        _write(pen, words, drawing)
    return write_picture(page, media_type, quality)


def _draw_line(pen: ImageDraw.ImageDraw, line: Line, drawing: Drawing, finer: int) -> None:
    far_x, far_y = 2.0 * drawing.width, 2.0 * drawing.height
    points = [
        (min(max(x, -far_x), far_x) * finer - _HALF, min(max(y, -far_y), far_y) * finer - _HALF)
        for x, y in line.points
        if math.isfinite(x) and math.isfinite(y)
    ]
    thick = line.width if math.isfinite(line.width) else 1.0
    width = max(1, round(min(max(thick, 0.0), 1000.0) * finer))
    if len(points) > 1:
        pen.line(points, fill=line.colour, width=width, joint="curve" if width > 2 else None)


def _write(pen: ImageDraw.ImageDraw, words: Words, drawing: Drawing) -> None:
    if not all(math.isfinite(each) for each in (words.x, words.y, words.size)):
        return
    if abs(words.x) > 2 * drawing.width or abs(words.y) > 2 * drawing.height:
        return
    font, letters = font_for(words.text, words.size)
    if letters.strip():
        pen.text((words.x, words.y), letters, fill=words.colour, font=font, anchor="ls")
