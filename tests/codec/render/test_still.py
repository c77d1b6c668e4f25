"""Whole pictures: nothing but the input shows, and no more is decoded than is needed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dicomweb_server.codec.render as engine
from dicomweb_server.codec.encode import encode
from dicomweb_server.codec.raster import Raster
from dicomweb_server.codec.render import render
from dicomweb_server.codec.render.geometry import geometry_of
from dicomweb_server.codec.render.reading import read
from dicomweb_server.errors import FrameUndecodable
from dicomweb_server.model.frame import Frame, Target
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.media import EXPLICIT_LITTLE
from dicomweb_server.model.rendering import (
    Appearance,
    LookupTable,
    Overlay,
    Palette,
    Rendering,
    RenderOptions,
    Rescale,
    Shutter,
    ShutterShape,
    Viewport,
    Window,
)
from tests.codec.render.files import pixels_of
from tests.codec.render.made import frame_of, opened, shown

HTJ2K, J2K, JPEG = (f"1.2.840.10008.1.2.4.{end}" for end in (201, 90, 50))
SEEN = Appearance(voi=Window(500, 1000))


def small(width: int, height: int) -> RenderOptions:
    return RenderOptions(viewport=Viewport(width, height))


def smooth() -> Frame:
    rows, columns = np.indices((200, 300))
    values = 500 + 480 * np.sin(rows / 25) * np.cos(columns / 31)
    return frame_of(values.astype(np.uint16), bits=12)


def coded(frame: Frame, syntax: str) -> Frame:
    raster = Raster(
        frame.pixel,
        np.frombuffer(frame.data, np.uint16).reshape(frame.pixel.rows, frame.pixel.columns),
    )
    return encode(raster, Target(syntax))


# --- T12: pictures are a pure function of what they are made of


def test_no_memory_is_used_before_it_is_written() -> None:
    folder = Path(str(engine.__file__)).parent
    for path in folder.glob("*.py"):
        assert not re.search(r"\bempty(_like)?\(|np\.ndarray\(|resize\(\(", path.read_text()), path


tables = st.builds(
    LookupTable,
    st.integers(-70000, 70000),
    st.integers(-3, 40),
    st.binary(max_size=80),
)
headers = st.builds(
    PixelHeader,
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    samples_per_pixel=st.sampled_from((1, 3)),
    bits_allocated=st.sampled_from((1, 8, 16, 32)),
    bits_stored=st.integers(0, 40),
    high_bit=st.integers(-1, 40),
    pixel_representation=st.integers(0, 1),
    planar_configuration=st.integers(0, 1),
    photometric_interpretation=st.sampled_from(("MONOCHROME2", "RGB", "YBR_FULL", "PALETTE COLOR")),
    number_of_frames=st.just(1),
    tag=st.just(0x7FE00010),
)
looks = st.builds(
    Appearance,
    modality=st.one_of(st.none(), tables, st.builds(Rescale, st.floats(), st.floats())),
    voi=st.one_of(st.none(), tables, st.builds(Window, st.floats(), st.floats())),
    inverse=st.booleans(),
    presentation=st.one_of(st.none(), tables),
    padding=st.one_of(st.none(), st.tuples(st.floats(), st.floats())),
    palette=st.one_of(st.none(), st.builds(Palette, tables, tables, tables, st.booleans())),
    tint=st.one_of(st.none(), st.builds(Palette, tables, tables, tables)),
    overlays=st.lists(
        st.builds(
            Overlay,
            st.integers(-2, 70000),
            st.integers(-2, 70000),
            st.integers(-9, 9),
            st.integers(-9, 9),
            st.binary(max_size=9),
            st.integers(-1, 40),
            st.floats(),
        ),
        max_size=2,
    ).map(tuple),
    shutters=st.lists(
        st.builds(
            Shutter,
            st.sampled_from(ShutterShape),
            st.lists(st.floats(), max_size=9).map(tuple),
            st.floats(),
        ),
        max_size=2,
    ).map(tuple),
    aspect=st.sampled_from((1.0, 0.0, 3.0, float("nan"), float("inf"))),
    rotation=st.sampled_from((0, 90, 45, 270)),
    flip=st.booleans(),
    colour=st.one_of(st.none(), st.just((300, -1, 7))),
    opacity=st.floats(),
    greatest=st.integers(-5, 300),
)


@settings(max_examples=250, deadline=None)
@given(headers, looks, st.binary(min_size=0, max_size=1100))
def test_whatever_lies_the_picture_depends_on_the_input_alone(
    pixel: PixelHeader, look: Appearance, data: bytes
) -> None:
    frame = Frame(pixel, EXPLICIT_LITTLE, data)
    options = RenderOptions(overlays=True)
    first = attempt(frame, look, options)
    poison = [np.full(size, 0xA5, np.uint8) for size in (64, 700, 70_000, 600_000)]
    del poison
    assert attempt(frame, look, options) == first


def attempt(frame: Frame, look: Appearance, options: RenderOptions) -> bytes | str:
    try:
        return render(frame, Rendering("image/png", look, options))
    except FrameUndecodable as error:
        return str(error)


def test_pictures_come_in_the_size_that_was_asked_for_whatever_the_media_type() -> None:
    for media_type in ("image/jpeg", "image/png", "image/gif", "image/webp"):
        picture = render(smooth(), Rendering(media_type, SEEN, small(60, 60)))
        assert opened(picture).shape[:2] == (40, 60)


# --- no more is decoded than is needed


def decoded_size(frame: Frame, look: Appearance, options: RenderOptions) -> tuple[int, ...]:
    geometry = geometry_of(frame.pixel.columns, frame.pixel.rows, look, options)
    return read(frame, look, options, geometry)[0].samples.shape


@pytest.mark.parametrize("syntax", [J2K, HTJ2K])
def test_small_pictures_are_decoded_at_a_lower_resolution(syntax: str) -> None:
    frame = coded(smooth(), syntax)
    options = small(60, 60)
    assert decoded_size(frame, SEEN, options) == (51, 76)
    difference = shown(frame, SEEN, options).astype(int) - shown(smooth(), SEEN, options)
    assert np.abs(difference).mean() < 1


def test_small_parts_are_decoded_at_a_lower_resolution() -> None:
    frame = coded(smooth(), J2K)
    options = RenderOptions(viewport=Viewport(30, 30, 100, 40, 120, 120))
    assert max(decoded_size(frame, SEEN, options)) < 100
    difference = shown(frame, SEEN, options).astype(int) - shown(smooth(), SEEN, options)
    assert np.abs(difference).mean() < 1


@pytest.mark.parametrize("look", [SEEN, replace(SEEN, rotation=90, flip=True)])
def test_turned_pictures_too(look: Appearance) -> None:
    frame, options = (
        coded(smooth(), J2K),
        RenderOptions(viewport=Viewport(30, 30, 50, 40, 130, 110)),
    )
    assert max(decoded_size(frame, look, options)) < 200
    difference = shown(frame, look, options).astype(int) - shown(smooth(), look, options)
    assert np.abs(difference).mean() < 1


FULL = (200, 300)


@pytest.mark.parametrize(
    "look",
    [
        Appearance(),
        replace(SEEN, padding=(900, 900)),
        replace(SEEN, modality=LookupTable(0, 16, bytes(200))),
        replace(SEEN, colour=(1, 2, 3)),
        replace(SEEN, shutters=(Shutter(ShutterShape.CIRCULAR, (9, 9, 9)),)),
    ],
)
def test_what_needs_all_pixels_gets_them(look: Appearance) -> None:
    assert decoded_size(coded(smooth(), J2K), look, small(60, 60)) == FULL


def test_padding_that_is_dark_anyway_does_not_matter() -> None:
    look = replace(SEEN, padding=(0, 0))
    assert decoded_size(coded(smooth(), J2K), look, small(60, 60)) == (51, 76)


def test_a_window_in_the_request_is_enough() -> None:
    options = replace(small(60, 60), window=Window(500, 1000))
    assert decoded_size(coded(smooth(), J2K), Appearance(), options) == (51, 76)


def test_parts_of_native_frames_are_cut_out() -> None:
    options = RenderOptions(viewport=Viewport(40, 30, 200, 100, 40, 30))
    assert decoded_size(smooth(), SEEN, options) == (30, 40)
    assert np.array_equal(shown(smooth(), SEEN, options), shown(smooth(), SEEN)[100:130, 200:240])


@pytest.mark.parametrize(
    "name", ["ts/jpeg-baseline-50/TestPattern_JPEG-Baseline_YBRFull.dcm", "ts/j2k-91/RG1_J2KI.dcm"]
)
def test_thumbnails_of_real_files_look_like_the_whole(data_folder: Path, name: str) -> None:
    pixels = pixels_of(data_folder / "valid" / name)
    assert pixels is not None
    frame, look, options = pixels.frame(1), pixels.appearance(1), small(100, 100)
    assert decoded_size(frame, look, options)[0] < frame.pixel.rows
    whole = shown(frame, look)
    small_whole = shown(frame_of(whole), Appearance(voi=Window(128, 256)), options)
    assert np.abs(shown(frame, look, options).astype(int) - small_whole).mean() < 3
