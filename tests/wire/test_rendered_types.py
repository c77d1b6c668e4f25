"""Forms of rendered resources and their negotiation (PS3.18 8.7.4, 8.7.8, 10.4.4)."""

from __future__ import annotations

import pytest

from dicomweb_server.errors import InvalidParameter, NotAcceptable
from dicomweb_server.model.kind import Kind
from dicomweb_server.wire.rendered_types import (
    FRAME_FORMS,
    FRAMES_FORMS,
    MULTIFRAME_FORMS,
    THUMBNAIL_FORMS,
    RenderedForm,
    Wanted,
    forms_of,
    parts_only,
)

BROWSER = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"


def chosen(forms: tuple[RenderedForm, ...], *header: str, parameter: str = "") -> str:
    return Wanted(header, (parameter,) if parameter else ()).of(forms)[0].text


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("*/*", "image/jpeg"),
        ("image/*", "image/jpeg"),
        ("image/png", "image/png"),
        ("image/jpeg; q=0.1, image/png", "image/png"),
        ("image/jp2", "image/jp2"),
        ("multipart/related", 'multipart/related; type="image/jpeg"'),
        ('multipart/related; type="image/png"', 'multipart/related; type="image/png"'),
        ("application/dicom, image/gif;q=0.5", "image/gif"),
        (BROWSER, "image/webp"),
    ],
)
def test_one_frame(header: str, expected: str) -> None:
    assert chosen(FRAME_FORMS, header) == expected


def test_the_accept_parameter_decides_where_the_header_covers_it() -> None:
    assert chosen(FRAME_FORMS, "*/*", parameter="image/png") == "image/png"
    assert chosen(FRAME_FORMS, "image/jpeg", parameter="image/png") == "image/jpeg"


def test_the_accept_parameter_does_not_mix_kinds_of_types() -> None:
    with pytest.raises(InvalidParameter):
        chosen(FRAME_FORMS, "*/*", parameter="application/dicom,image/png")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("*/*", 'multipart/related; type="image/jpeg"'),
        ("image/jpeg", "image/jpeg"),
        ("image/gif", "image/gif"),
        ("image/*", "image/gif"),
        (BROWSER, "image/webp"),
    ],
)
def test_many_frames(header: str, expected: str) -> None:
    assert chosen(MULTIFRAME_FORMS, header) == expected


def test_a_list_of_frames_is_never_one_of_them() -> None:
    with pytest.raises(NotAcceptable) as refused:
        chosen(FRAMES_FORMS, "image/jpeg")
    assert refused.value.asked == ("image/jpeg",)
    assert 'multipart/related; type="image/jpeg"' in refused.value.offered


def test_members_of_a_study_come_as_parts_alone() -> None:
    with pytest.raises(NotAcceptable):
        chosen(parts_only(FRAME_FORMS), "image/jpeg")
    assert chosen(parts_only(FRAME_FORMS), "*/*") == 'multipart/related; type="image/jpeg"'


def test_thumbnails_are_single_pictures() -> None:
    assert all(not form.multipart for form in THUMBNAIL_FORMS)
    assert chosen(THUMBNAIL_FORMS, "image/avif,*/*;q=0.8") == "image/jpeg"


@pytest.mark.parametrize(
    ("kind", "own", "default"),
    [
        (Kind.REPORT, "", "text/html"),
        (Kind.NOTHING, "", "text/html"),
        (Kind.WAVEFORM, "", "image/png"),
        (Kind.DOCUMENT, "application/pdf", "application/pdf"),
        (Kind.VIDEO, "video/mp4", "video/mp4"),
        (Kind.IMAGE, "", "image/jpeg"),
        (Kind.PRESENTATION, "", 'multipart/related; type="image/jpeg"'),
    ],
)
def test_what_anything_means(kind: Kind, own: str, default: str) -> None:
    assert chosen(forms_of(kind, own), "*/*") == default


def test_a_missing_header_is_refused_where_that_is_set() -> None:
    assert Wanted(()).of(FRAME_FORMS)[0].media_type == "image/jpeg"
    with pytest.raises(NotAcceptable):
        Wanted((), strict=True).of(FRAME_FORMS)
