"""Parameters of rendered resources: what is read, what is refused (PS3.18 8.3.5.1, 8.3.5.2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.errors import InvalidParameter
from dicomweb_server.model.limits import QueryLimits
from dicomweb_server.model.rendering import (
    Annotation,
    IccProfile,
    RenderOptions,
    Viewport,
    Window,
    WindowFunction,
)
from dicomweb_server.wire import querystring, rendered

LIMITS = QueryLimits()
SIDES = st.integers(1, rendered.MAXIMUM_SIDE)
PLACES = st.decimals(0, 100_000, places=3, allow_nan=False)
SIZES = st.decimals(-100_000, 100_000, places=3, allow_nan=False).filter(lambda size: size != 0)


def parsed(query: str) -> rendered.RenderQuery:
    return rendered.parse(querystring.parse(query.encode(), LIMITS))


def thumbnail(query: str) -> rendered.RenderQuery:
    return rendered.parse_thumbnail(querystring.parse(query.encode(), LIMITS))


def test_nothing_asked_is_the_image_as_it_is() -> None:
    assert parsed("") == rendered.RenderQuery(RenderOptions(profile=None))


@pytest.mark.parametrize("value", ["1", "50", "100", "007"])
def test_quality_is_a_whole_number_from_1_to_100(value: str) -> None:
    assert parsed(f"quality={value}").options.quality == int(value)


@pytest.mark.parametrize(
    "query",
    [
        "quality=0",
        "quality=101",
        "quality=",
        "quality",
        "quality=best",
        "quality=1.5",
        "quality=-1",
        "quality=1e1",
        "quality=99999999999999999999",
        "quality=%D9%A5",
        "quality=1&quality=2",
        "viewport=16",
        "viewport=",
        "viewport=,",
        "viewport=0,16",
        "viewport=16,0",
        "viewport=16,-16",
        "viewport=16.5,16",
        "viewport=wide,high",
        "viewport=8193,16",
        "viewport=1,2,3,4,5,6,7",
        "viewport=16,16,-1",
        "viewport=16,16,0,-1",
        "viewport=16,16,0,0,0,8",
        "viewport=16,16,0,0,8,0",
        "viewport=16,16,a",
        "viewport=16,16,,,nan",
        "viewport=16,16,,,inf",
        "viewport=16,16,,,1e3",
        "viewport=16,16&viewport=16,16",
        "window=2048,4096",
        "window=2048,4096,",
        "window=2048,4096,cubic",
        "window=2048,4096,LINEAR",
        "window=2048,4096,linear,1",
        "window=a,b,linear",
        "window=nan,1,linear",
        "window=1,inf,linear",
        "window=1,0.5,linear",
        "window=1,0,linear-exact",
        "window=1,-1,sigmoid",
        "window=",
        "annotation=",
        "annotation=,",
        "annotation=patient,",
        "annotation=%3Cscript%3E",
        "annotation=a%20b",
        "iccprofile=",
        "iccprofile=SRGB",
        "iccprofile=unknown",
        "iccprofile=no&iccprofile=no",
    ],
)
def test_what_breaks_a_rule_is_refused_with_the_rule(query: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        parsed(query)
    assert refused.value.name == query.partition("=")[0]
    assert refused.value.hint


@given(SIDES, SIDES, PLACES, PLACES, SIZES, SIZES)
def test_a_viewport_is_read_as_it_is_written(
    width: int, height: int, x: object, y: object, across: object, down: object
) -> None:
    found = parsed(f"viewport={width},{height},{x},{y},{across},{down}").options.viewport
    assert found is not None
    assert (found.width, found.height) == (width, height)
    numbers = [found.x, found.y, found.source_width, found.source_height]
    assert numbers == [float(str(number)) for number in (x, y, across, down)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("16,8", Viewport(16, 8)),
        ("16,8,,,4,2", Viewport(16, 8, 0, 0, 4, 2)),
        ("16,8,1,2", Viewport(16, 8, 1, 2)),
        ("16,8,1", Viewport(16, 8, 1)),
        ("16,8,,2", Viewport(16, 8, 0, 2)),
        ("16,8,,,-4", Viewport(16, 8, 0, 0, -4)),
        ("16,8,,,,-2.5", Viewport(16, 8, 0, 0, None, -2.5)),
        ("16,8,.5,0.25", Viewport(16, 8, 0.5, 0.25)),
        ("16%2C8%2C%2C%2C4%2C2", Viewport(16, 8, 0, 0, 4, 2)),
    ],
)
def test_elided_values_of_a_viewport_keep_their_commas(value: str, expected: Viewport) -> None:
    assert parsed(f"viewport={value}").options.viewport == expected


@pytest.mark.parametrize("function", list(WindowFunction))
def test_a_window_has_center_width_and_function(function: WindowFunction) -> None:
    found = parsed(f"window=-1.5e2,400,{function.value}").options.window
    assert found == Window(-150.0, 400.0, function)


def test_known_annotations_are_kept_once_and_in_order() -> None:
    found = parsed("annotation=technique,patient,technique")
    assert found.options.annotations == (Annotation.TECHNIQUE, Annotation.PATIENT)
    assert found.warnings == ()


def test_overlays_are_an_annotation_of_this_server() -> None:
    found = parsed("annotation=overlay,patient")
    assert found.options.annotations == (Annotation.OVERLAY, Annotation.PATIENT)
    assert found.options.has_overlays
    assert not parsed("annotation=patient").options.has_overlays
    assert not found.warnings


def test_annotations_that_are_not_supported_are_told_in_the_words_of_the_standard() -> None:
    found = parsed("annotation=patient,study,Patient")
    assert found.options.annotations == (Annotation.PATIENT,)
    assert found.warnings == ("The following annotation values are not supported: study, Patient",)


@pytest.mark.parametrize("profile", list(IccProfile))
def test_profiles(profile: IccProfile) -> None:
    assert parsed(f"iccprofile={profile.value}").options.profile is profile


def test_no_profile_is_not_the_same_as_saying_nothing() -> None:
    assert parsed("").options.profile is None
    assert thumbnail("").options.profile is None


def test_parameters_that_are_not_known_are_ignored_with_a_warning() -> None:
    found = parsed("accept=image/png&accept=image/gif&charset=utf-8&zoom=2&_=1")
    assert found.options == RenderOptions(profile=None)
    assert found.warnings == ("The following parameters are not supported: zoom, _",)


def test_a_thumbnail_has_a_size_and_nothing_else() -> None:
    found = thumbnail("viewport=64,32&window=1,2,linear")
    assert found.options == RenderOptions(viewport=Viewport(64, 32), profile=None)
    assert found.warnings == ("The following parameters are not supported: window",)


@pytest.mark.parametrize("value", ["4,4,0,0,2,2", "4,4,,,2", "4,4,1", "4", "0,4", "4,4,,,,,,9"])
def test_a_thumbnail_is_never_cropped(value: str) -> None:
    with pytest.raises(InvalidParameter):
        thumbnail(f"viewport={value}")


@given(st.text(max_size=40), st.sampled_from(["quality", "viewport", "window", "annotation"]))
def test_whatever_a_value_is_it_is_read_or_refused(value: str, name: str) -> None:
    query = querystring.build([querystring.Parameter(name, value.replace("\0", ""), True)])
    try:
        found = parsed(query)
    except InvalidParameter:
        return
    viewport, window = found.options.viewport, found.options.window
    assert viewport is None or 1 <= viewport.width <= rendered.MAXIMUM_SIDE
    assert window is None or window.width > 0
