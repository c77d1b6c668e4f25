"""Character sets of answers (PS3.18 8.8, STANDARD 3.5 and G8)."""

from __future__ import annotations

import pytest

from dicomweb_server.errors import InvalidParameter, NotAcceptable
from dicomweb_server.wire.characters import named


@pytest.mark.parametrize(
    ("accept", "parameter", "header"),
    [
        ('application/dicom+json; charset="utf-8"', "", ""),
        ('application/dicom+json; charset="ISO_IR 192"', "", ""),
        ("*/*", "utf-8", ""),
        ("*/*", "latin1,UTF-8", "iso-8859-1"),
        ("*/*", '"ISO_IR 192"', ""),
        ("*/*", "iso-8859-1;q=0.9,utf-8;q=0.5", ""),
        ("*/*", "", "utf-8"),
        ("*/*", "", "iso-8859-1, utf-8;q=0.5"),
        ("*/*", "", "iso-8859-1, *;q=0.1"),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_35_utf8_is_labelled_where_it_is_named(
    accept: str, parameter: str, header: str, strict: bool
) -> None:
    values = [parameter] if parameter else []
    assert named([accept], values, [header] if header else [], strict=strict)


@pytest.mark.parametrize(
    ("accept", "header"),
    [
        ('application/dicom+json; charset="ISO_IR 100"', ""),
        ("*/*", "iso-8859-1"),
        ("*/*", "utf-8;q=0, iso-8859-1"),
        ("*/*", "*;q=0"),
    ],
)
def test_35_other_sets_alone_are_refused_only_when_strict(accept: str, header: str) -> None:
    lines = [header] if header else []
    assert not named([accept], [], lines, strict=False)
    with pytest.raises(NotAcceptable) as caught:
        named([accept], [], lines, strict=True)
    assert caught.value.offered == ("utf-8",)


def test_35_nothing_named_is_nothing_labelled() -> None:
    assert not named(["*/*"], [], [], strict=True)
    assert not named(["*/*"], [], [" ; , ;"], strict=False)


def test_g8_unsupported_sets_of_the_parameter_are_ignored() -> None:
    assert not named(["*/*"], ["iso-8859-1,ISO_IR 100"], [], strict=True)
    assert not named(["*/*"], ["utf-8;q=0"], [], strict=True)


@pytest.mark.parametrize("value", ["*", "utf-8,*", '"', "a;b", "utf-8;q=x", "utf-8;q=2", "x" * 65])
def test_g8_the_parameter_has_no_wildcards(value: str) -> None:
    with pytest.raises(InvalidParameter):
        named(["*/*"], [value], [], strict=False)
