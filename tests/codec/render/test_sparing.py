"""What phones ask for costs little: large frames are never decoded whole for a small picture."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from dicomweb_server.codec import decode as whole
from dicomweb_server.codec import part, reduced, table
from dicomweb_server.codec.render import reading, render, still
from dicomweb_server.codec.transcode import transcode
from dicomweb_server.model.frame import Frame, Target
from dicomweb_server.model.limits import QueryLimits
from dicomweb_server.model.rendering import Appearance, Rendering, RenderOptions, Window
from dicomweb_server.service.thumbnail import usual_size
from dicomweb_server.wire import querystring, rendered, uri
from tests.codec.phantoms import header, native_frame, samples_of

if TYPE_CHECKING:
    from dicomweb_server.codec.raster import Raster
    from dicomweb_server.codec.render.arrays import Levels

ROWS, COLUMNS = 1600, 1280
GREY = header(ROWS, COLUMNS, 12)
SEEN = Appearance(voi=Window(2048, 4096))
URI = "requestType=WADO&studyUID=1.2&seriesUID=1.2.3&objectUID=1.2.3.4&contentType=image/png&"


def _tiled(syntax: str) -> Frame:
    pixel = header(ROWS, COLUMNS, 8)
    samples = samples_of(pixel)
    if syntax != table.J2K_LOSSLESS:
        data = imagecodecs.htj2k_encode(samples, reversible=True, tile=(256, 256), tlm=True)
        return Frame(pixel, syntax, bytes(data))
    target = BytesIO()
    Image.fromarray(samples).save(
        target, "JPEG2000", irreversible=False, tile_size=(256, 256), no_jp2=True
    )
    return Frame(pixel, syntax, target.getvalue())


UNTILED = (table.J2K_LOSSLESS, table.J2K, table.HTJ2K_LOSSLESS, table.HTJ2K_RPCL, table.HTJ2K)
FRAMES = {
    **{f"{syntax} whole": transcode(native_frame(GREY), Target(syntax)) for syntax in UNTILED},
    "J2K tiles": _tiled(table.J2K_LOSSLESS),
    "HTJ2K tiles": _tiled(table.HTJ2K_LOSSLESS),
}


@dataclass
class Decoded:
    """Pixels that codecs gave."""

    pixels: int = 0


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Decoded:
    """Counts what is decoded, whoever asks for it."""
    count = Decoded()
    real, real_reduced = whole.decode, reduced.decode_reduced

    def decode(frame: Frame) -> Raster:
        raster = real(frame)
        count.pixels += raster.pixel.rows * raster.pixel.columns
        return raster

    def decode_reduced(frame: Frame, halvings: int) -> tuple[Raster, int]:
        raster, done = real_reduced(frame, halvings)
        if done:
            count.pixels += raster.pixel.rows * raster.pixel.columns
        return raster, done

    for module in (part, reduced, reading, still):
        monkeypatch.setattr(module, "decode", decode)
    monkeypatch.setattr(reading, "decode_reduced", decode_reduced)
    return count


def _parameters(query: str) -> tuple[querystring.Parameter, ...]:
    return querystring.parse(query.encode(), QueryLimits())


def _options(query: str) -> RenderOptions:
    return rendered.parse(_parameters(query)).options


def _uri_options(query: str) -> RenderOptions:
    found = uri.parse(_parameters(URI + query), [])
    assert isinstance(found, uri.RenderedRequest)
    return found.options


def _bits(frame: Frame) -> Appearance:
    half = float(1 << frame.pixel.bits_stored - 1)
    return Appearance(voi=Window(half, 2 * half))


def _shown(frame: Frame, options: RenderOptions, look: Appearance) -> Levels:
    picture = render(frame, Rendering("image/png", look, options))
    return np.asarray(Image.open(BytesIO(picture)))


SMALL = {
    "rendered": (_options("viewport=320,320"), 8),
    "thumbnail": (RenderOptions(viewport=usual_size()), 16),
    "rows of the URI service": (_uri_options("rows=200"), 32),
    "columns of the URI service": (_uri_options("columns=160"), 32),
}


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("request_", SMALL)
def test_a_small_picture_decodes_a_lower_resolution(
    decoded: Decoded, kind: str, request_: str
) -> None:
    frame = FRAMES[kind]
    options, share = SMALL[request_]
    picture = _shown(frame, options, _bits(frame))
    assert max(picture.shape) <= 320
    assert 0 < decoded.pixels <= ROWS * COLUMNS // share


PARTS = {
    "rendered": _options("viewport=200,200,600,700,200,200"),
    "region of the URI service": _uri_options("region=0.5,0.5,0.6,0.6"),
}


@pytest.mark.parametrize("kind", ["J2K tiles", "HTJ2K tiles"])
@pytest.mark.parametrize("request_", PARTS)
def test_a_part_of_a_tiled_frame_decodes_its_tiles(
    decoded: Decoded, kind: str, request_: str
) -> None:
    frame = FRAMES[kind]
    picture = _shown(frame, PARTS[request_], _bits(frame))
    assert min(picture.shape) > 100
    assert 0 < decoded.pixels <= 6 * 256 * 256


@pytest.mark.parametrize(("kind", "share"), [("J2K tiles", 1), ("HTJ2K tiles", 16)])
def test_a_small_picture_of_a_part_decodes_its_tiles_and_these_smaller_where_it_can(
    decoded: Decoded, kind: str, share: int
) -> None:
    frame = FRAMES[kind]
    options = _options("viewport=100,100,512,512,512,512")
    assert _shown(frame, options, _bits(frame)).shape == (100, 100)
    assert 0 < decoded.pixels <= 512 * 512 // share


def test_the_window_may_come_from_the_request(decoded: Decoded) -> None:
    frame = FRAMES[f"{table.HTJ2K_RPCL} whole"]
    for options in (
        _options("viewport=320,320&window=2048,4096,linear"),
        _uri_options("rows=320&windowCenter=2048&windowWidth=4096"),
    ):
        decoded.pixels = 0
        _shown(frame, options, Appearance())
        assert 0 < decoded.pixels <= ROWS * COLUMNS // 8


def test_without_any_window_all_values_have_to_be_known(decoded: Decoded) -> None:
    """The least and the greatest value of a lower resolution are others than those of the frame."""
    frame = FRAMES[f"{table.HTJ2K_RPCL} whole"]
    _shown(frame, _options("viewport=320,320"), Appearance())
    assert decoded.pixels == ROWS * COLUMNS


def test_colours_need_no_window(decoded: Decoded) -> None:
    frame = transcode(native_frame(header(ROWS, COLUMNS, colour="RGB")), Target(table.J2K_LOSSLESS))
    assert _shown(frame, _options("viewport=320,320"), Appearance()).shape == (320, 256, 3)
    assert decoded.pixels <= ROWS * COLUMNS // 8
