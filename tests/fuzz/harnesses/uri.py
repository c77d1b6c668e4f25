"""Query strings of the URI service, of rendered resources and of thumbnails."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from dicomweb_server.errors import InvalidParameter, NotAcceptable, NotSupported
from dicomweb_server.model.limits import QueryLimits
from dicomweb_server.model.rendering import RenderOptions
from dicomweb_server.wire import querystring, rendered, uri
from dicomweb_server.wire.querystring import Parameter
from dicomweb_server.wire.uri import RenderedRequest
from tests.fuzz.dice import Dice
from tests.fuzz.harness import Harness, require_told

_LIMITS = QueryLimits()


def _run(data: bytes) -> None:
    dice = Dice(data)
    which = dice.number(3)
    head, _, raw = dice.rest().partition(b"\n")
    try:
        parameters = querystring.parse(raw, _LIMITS)
    except InvalidParameter:
        return
    readers: tuple[Callable[[tuple[Parameter, ...], str], RenderOptions | None], ...] = (
        _uri,
        _rendered,
        _thumbnail,
    )
    try:
        options = readers[which](parameters, head.decode("latin-1"))
    except (InvalidParameter, NotAcceptable, NotSupported) as refusal:
        require_told(refusal)
        return
    if options is not None:
        _require_sound(options)


def _uri(parameters: tuple[Parameter, ...], header: str) -> RenderOptions | None:
    found = uri.parse(parameters, [header] if header else [], strict=header == "strict")
    assert uri.is_uri_request(parameters)
    assert found.key.study
    return found.options if isinstance(found, RenderedRequest) else None


def _rendered(parameters: tuple[Parameter, ...], _header: str) -> RenderOptions:
    return rendered.parse(parameters).options


def _thumbnail(parameters: tuple[Parameter, ...], _header: str) -> RenderOptions:
    return rendered.parse_thumbnail(parameters).options


def _require_sound(options: RenderOptions) -> None:
    assert options.quality is None or 1 <= options.quality <= 100
    if options.viewport is not None:
        assert options.viewport.width >= 0
        assert options.viewport.height >= 0
    if options.window is not None:
        assert math.isfinite(options.window.center)
        assert math.isfinite(options.window.width)
        assert options.window.width > 0


def _seeds() -> Iterable[bytes]:
    one = b"requestType=WADO&studyUID=1.2&seriesUID=1.2.3&objectUID=1.2.3.4"
    yield b"\0*/*\n" + one
    yield b"\0\n" + one + b"&contentType=application%2Fdicom&transferSyntax=1.2.840.10008.1.2.1"
    yield b"\0image/png\n" + one + b"&rows=64&columns=64&region=0.1,0.2,0.3,0.4&frameNumber=2"
    yield b"\0\n" + one + b"&windowCenter=40&windowWidth=400&imageQuality=50&annotation=patient"
    yield b"\0\n" + one + b"&presentationUID=1.5&presentationSeriesUID=1.4"
    yield b"\1\nviewport=10,20,0,0,-5,5&window=40,400,linear&quality=5&annotation=patient"
    yield b"\1\niccprofile=srgb&viewport=,,1.5,2,3,4"
    yield b"\2\nviewport=64,64"


HARNESS = Harness(
    promise="what is asked of a picture is understood or refused; sizes and windows are finite",
    run=_run,
    seeds=_seeds,
    words=(
        b"&viewport=",
        b"&window=",
        b"&rows=",
        b"&region=",
        b"1e308",
        b"nan",
        b"inf",
        b"-0",
        b"&anonymize=yes",
        b"&charset=",
        b"&annotation=",
        b"&iccprofile=displayp3",
    ),
    longest=768,
)
