"""Warning headers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.wire.warnings import warning


def test_the_form_is_that_of_the_standard() -> None:
    text = "There are 5 additional results that can be requested"
    assert warning("http://a/dicom-web", text) == f"299 http://a/dicom-web: {text}"


@given(st.text(), st.text())
def test_a_warning_is_one_line_of_ascii(service: str, text: str) -> None:
    written = warning(service, text)
    assert written.isascii()
    assert written.isprintable()


def test_line_breaks_cannot_add_headers() -> None:
    assert warning("s", "a\r\nSet-Cookie: b") == "299 s: a?Set-Cookie: b"
