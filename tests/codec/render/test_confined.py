"""The engine inside a codec process, which can open no file: the same bytes as outside."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dicomweb_server.codec.port import Background
from dicomweb_server.codec.render import animate, draw, render
from dicomweb_server.model.drawing import Drawing, Line, Words
from dicomweb_server.model.rendering import (
    RAW_PICTURE,
    Appearance,
    Graphic,
    GraphicType,
    IccProfile,
    Rendering,
    RenderOptions,
    Text,
    Viewport,
    Window,
)
from tests.codec.pools import Bench, bench, grey

TYPES = (
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/jp2",
    "image/jph",
    "image/webp",
    RAW_PICTURE,
)
LOOK = Appearance(
    voi=Window(100, 300),
    graphics=(Graphic(GraphicType.CIRCLE, ((30, 30), (40, 30))),),
    texts=(Text(("Größe µ °",), (5.0, 5.0)),),
)
LINES = (("Żółć^Anna", "Δοκιμή", "Проба"), ("山田", "CT"))


@pytest.fixture(scope="module")
def pool() -> Iterator[Bench]:
    with bench() as opened:
        yield opened


def test_all_types_are_made_without_files(pool: Bench) -> None:
    frame = grey(90, 120)
    for media_type in TYPES:
        for profile in (IccProfile.NO, IccProfile.ADOBERGB):
            options = RenderOptions(viewport=Viewport(200, 100), profile=profile)
            rendering = Rendering(media_type, LOOK, options, LINES)
            assert pool.run(pool.pool.render(frame, rendering)) == render(frame, rendering)


def test_backgrounds_and_colours(pool: Bench) -> None:
    rendering = Rendering("image/png", Appearance(colour=(255, 0, 0), greatest=65535))
    background = Background(grey(40, 50, seed=9), LOOK)
    made = pool.run(pool.pool.render(grey(90, 120), rendering, background))
    assert made == render(grey(90, 120), rendering, background)


@pytest.mark.parametrize("media_type", ["image/gif", "image/webp"])
def test_animations(pool: Bench, media_type: str) -> None:
    raw = Rendering(RAW_PICTURE, LOOK)
    frames = [render(grey(20, 30, seed=each), raw) for each in (0, 70)]
    made = pool.run(pool.pool.animate(frames, media_type, [100, 100]))
    assert made == animate(frames, media_type, [100, 100])


def test_drawings(pool: Bench) -> None:
    words = (Words("II 25 mm/s", 5, 20), Words("Ä Ω Ж", 5, 40))
    page = Drawing(200, 100, (Line(((0, 0), (200, 100))),), words)
    made = pool.run(pool.pool.draw(page, "image/png", 90))
    assert made == draw(page, "image/png", 90)
