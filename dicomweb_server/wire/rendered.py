"""Query parameters of rendered resources and thumbnails (PS3.18 8.3.5.1, 8.3.5.2)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dicomweb_server.errors import InvalidParameter
from dicomweb_server.model.rendering import (
    Annotation,
    IccProfile,
    RenderOptions,
    Viewport,
    Window,
    WindowFunction,
)
from dicomweb_server.wire.querystring import Parameter

MAXIMUM_SIDE = 8192
"""Pixels of a viewport at the most, each way."""

_WHOLE = re.compile(r"[0-9]{1,9}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,16}(?:\.[0-9]{0,16})?|\.[0-9]{1,16})", re.ASCII)
_SCIENTIFIC = re.compile(_DECIMAL.pattern + r"(?:[eE][+-]?[0-9]{1,2})?", re.ASCII)
_KEYWORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}", re.ASCII)

_RENDERED = ("accept", "charset", "quality", "viewport", "window", "annotation", "iccprofile")
_THUMBNAIL = ("accept", "charset", "viewport")

_VIEWPORT_HINT = (
    f"viewport=width,height of 1 to {MAXIMUM_SIDE} pixels each, and behind them the part of the "
    "image: left,top,width,height as decimal numbers; values that are left out keep their commas, "
    "a negative width or height mirrors"
)
_WINDOW_HINT = (
    "window=center,width,function where function is linear, linear-exact or sigmoid; the width of "
    "linear is 1 or more, that of the others above 0"
)


@dataclass(frozen=True, slots=True)
class RenderQuery:
    """What the query string of a rendered resource says.

    Args:
        options: About the picture.
        warnings: What was asked and is not done, as sentences.
    """

    options: RenderOptions
    warnings: tuple[str, ...] = ()


def parse(parameters: Sequence[Parameter]) -> RenderQuery:
    """Read the parameters of a rendered resource (PS3.18 8.3.5.1).

    Args:
        parameters: The whole query string; `accept` and `charset` are read elsewhere.

    Raises:
        InvalidParameter: One has a value that its rule does not allow, or is there twice.
    """
    given = _once(parameters, _RENDERED)
    annotations, warnings = _annotations(given.get("annotation"))
    options = RenderOptions(
        quality=_quality(given.get("quality")),
        viewport=_viewport(given.get("viewport"), crop=True),
        window=_window(given.get("window")),
        annotations=annotations,
        profile=_profile(given.get("iccprofile")),
    )
    return RenderQuery(options, (*warnings, *_ignored(parameters, _RENDERED)))


def parse_thumbnail(parameters: Sequence[Parameter]) -> RenderQuery:
    """Read the parameters of a thumbnail (PS3.18 8.3.5.2): of the viewport only its size.

    Args:
        parameters: The whole query string.

    Raises:
        InvalidParameter: The viewport is malformed, or names a part of the image.
    """
    given = _once(parameters, _THUMBNAIL)
    options = RenderOptions(viewport=_viewport(given.get("viewport"), crop=False), profile=None)
    return RenderQuery(options, _ignored(parameters, _THUMBNAIL))


def quality_of(text: str, name: str = "quality") -> int:
    """A quality of 1 to 100 (PS3.18 8.3.5.1.2).

    Args:
        text: Its decoded value.
        name: Of the parameter, for the message.

    Raises:
        InvalidParameter: It is anything else.
    """
    number = int(text) if _WHOLE.fullmatch(text) else 0
    if not 1 <= number <= 100:
        raise InvalidParameter(
            name, "is not a whole number from 1 to 100", f"{name}=1 (worst) to {name}=100 (best)"
        )
    return number


def annotations_of(text: str, name: str = "annotation") -> tuple[tuple[Annotation, ...], list[str]]:
    """Annotation keywords, and those that are not supported (PS3.18 8.3.5.1.1).

    Args:
        text: The decoded value, a comma list.
        name: Of the parameter, for the message.

    Raises:
        InvalidParameter: It is empty, or a member is no keyword.
    """
    known = {annotation.value: annotation for annotation in Annotation}
    found: dict[Annotation, None] = {}
    unknown: list[str] = []
    for member in (piece.strip(" ") for piece in text.split(",")):
        if not _KEYWORD.fullmatch(member):
            raise InvalidParameter(
                name,
                "a member is not a keyword",
                f"{name}=patient,technique,overlay or fewer",
            )
        if member in known:
            found[known[member]] = None
        else:
            unknown.append(member)
    return tuple(found), unknown


def unsupported_annotations(values: Sequence[str]) -> str:
    """The sentence that the standard wants for annotation values that are ignored."""
    return f"The following annotation values are not supported: {', '.join(values)}"


def number_of(text: str) -> float | None:
    """A finite decimal number with or without exponent, None where a text is none."""
    return float(text) if _SCIENTIFIC.fullmatch(text) else None


def _once(parameters: Sequence[Parameter], names: Sequence[str]) -> dict[str, str]:
    """The values of parameters that may be there once; lists of types may be repeated."""
    given: dict[str, str] = {}
    for parameter in parameters:
        if parameter.name not in names[2:]:
            continue
        if parameter.name in given:
            raise InvalidParameter(parameter.name, "is there twice", "give it once")
        given[parameter.name] = parameter.value
    return given


def _ignored(parameters: Sequence[Parameter], names: Sequence[str]) -> tuple[str, ...]:
    unknown = dict.fromkeys(p.name for p in parameters if p.name not in names)
    if not unknown:
        return ()
    return (f"The following parameters are not supported: {', '.join(unknown)}",)


def _quality(text: str | None) -> int | None:
    return None if text is None else quality_of(text)


def _annotations(text: str | None) -> tuple[tuple[Annotation, ...], tuple[str, ...]]:
    if text is None:
        return (), ()
    found, unknown = annotations_of(text)
    return found, (unsupported_annotations(unknown),) if unknown else ()


def _profile(text: str | None) -> IccProfile | None:
    if text is None:
        return None
    known = {profile.value: profile for profile in IccProfile}
    if text not in known:
        raise InvalidParameter(
            "iccprofile", "is not one of its values", f"iccprofile={' or '.join(known)}"
        )
    return known[text]


def _window(text: str | None) -> Window | None:
    if text is None:
        return None
    members = [piece.strip(" ") for piece in text.split(",")]
    functions = {function.value: function for function in WindowFunction}
    if len(members) != 3 or members[2] not in functions:
        raise InvalidParameter("window", "is not center, width and function", _WINDOW_HINT)
    center, width = number_of(members[0]), number_of(members[1])
    if center is None or width is None:
        raise InvalidParameter("window", "center or width is not a number", _WINDOW_HINT)
    function = functions[members[2]]
    if width <= 0 or (function is WindowFunction.LINEAR and width < 1):
        raise InvalidParameter("window", "the width is too small", _WINDOW_HINT)
    return Window(center, width, function)


def _viewport(text: str | None, *, crop: bool) -> Viewport | None:
    if text is None:
        return None
    members = [piece.strip(" ") for piece in text.split(",")]
    if not crop and any(members[2:]):
        raise InvalidParameter(
            "viewport", "a thumbnail shows the whole image", "viewport=width,height alone"
        )
    if not 2 <= len(members) <= 6:
        raise InvalidParameter("viewport", f"has {len(members)} values", _VIEWPORT_HINT)
    width, height = _side(members[0]), _side(members[1])
    x, y, source_width, source_height = (
        _decimal(member) for member in (*members[2:], *([""] * (6 - len(members))))
    )
    if (x or 0) < 0 or (y or 0) < 0 or source_width == 0 or source_height == 0:
        raise InvalidParameter("viewport", "names no part of the image", _VIEWPORT_HINT)
    return Viewport(width, height, x or 0.0, y or 0.0, source_width, source_height)


def _side(text: str) -> int:
    number = int(text) if _WHOLE.fullmatch(text) else 0
    if not 1 <= number <= MAXIMUM_SIDE:
        raise InvalidParameter(
            "viewport", f"width and height are whole numbers of 1 to {MAXIMUM_SIDE}", _VIEWPORT_HINT
        )
    return number


def _decimal(text: str) -> float | None:
    if not text:
        return None
    if not _DECIMAL.fullmatch(text):
        raise InvalidParameter("viewport", "a value is not a decimal number", _VIEWPORT_HINT)
    return float(text)
