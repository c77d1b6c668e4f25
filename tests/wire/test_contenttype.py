"""Content-Type: quoted, unquoted and slightly wrong, as clients send it."""

from __future__ import annotations

from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.errors import InvalidRequest
from dicomweb_server.wire import contenttype
from dicomweb_server.wire.contenttype import ContentType


@pytest.mark.parametrize(
    "text",
    [
        'multipart/related; type="application/dicom"; boundary="a-b"',
        "multipart/related; type=application/dicom; boundary=a-b",
        'Multipart/Related;TYPE="application/dicom";Boundary=a-b;',
        'multipart/related ; type = "application/dicom" ;; boundary="a-b" ; ',
        'multipart/related;\r\n\ttype="application/dicom"; boundary=a-b',
    ],
)
def test_all_spellings_of_a_store_request_read_the_same(text: str) -> None:
    found = contenttype.parse(text)
    assert found.media_type == "multipart/related"
    assert found.parameter("type") == "application/dicom"
    assert found.parameter("BOUNDARY") == "a-b"


def test_escapes_in_quoted_strings_are_undone() -> None:
    assert contenttype.parse(r'a/b; c="x\"y;\\z"').parameter("c") == 'x"y;\\z'


def test_values_keep_their_case_and_names_do_not() -> None:
    assert contenttype.parse("a/b; Name=VaLue").parameters == (("name", "VaLue"),)


@pytest.mark.parametrize(
    "text",
    ["", ";", "multipart", "/", "a/", "/b", "a/b/c", "a b/c", "a/b; c", 'a/b; c="d', 'a/b; c=d"e'],
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        contenttype.parse(text)


def test_the_length_is_limited() -> None:
    with pytest.raises(InvalidRequest):
        contenttype.parse("a/b; c=" + "d" * contenttype.MAXIMUM_LENGTH)


def test_a_value_with_a_slash_is_written_quoted() -> None:
    written = ContentType("multipart/related", (("type", "application/dicom"), ("boundary", "x")))
    assert str(written) == 'multipart/related; type="application/dicom"; boundary=x'


def test_dicom_with_a_transfer_syntax_reads_and_writes() -> None:
    text = "application/dicom; transfer-syntax=1.2.840.10008.1.2.1"
    assert str(contenttype.parse(text)) == text


tokens = st.text("abcdefgh-.+", min_size=1, max_size=8)
values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)


@given(tokens, tokens, st.dictionaries(tokens, values, max_size=4))
def test_what_is_written_reads_back(major: str, minor: str, pairs: dict[str, str]) -> None:
    written = ContentType(f"{major}/{minor}", tuple(pairs.items()))
    assert contenttype.parse(str(written)) == written


# The email package does not undo escapes at the end of a quoted string.
plain_values = values.filter(lambda text: text.strip() and not set(text) & {"\\", chr(34)})


@given(tokens, tokens, st.dictionaries(tokens, plain_values, max_size=3))
def test_the_email_package_reads_the_same(major: str, minor: str, pairs: dict[str, str]) -> None:
    message = Message()
    message["Content-Type"] = str(ContentType(f"{major}/{minor}", tuple(pairs.items())))
    assert dict(message.get_params([])[1:]) == pairs


@given(st.text(max_size=60) | st.text('";=\\/ ab', max_size=60))
def test_any_text_gives_a_media_type_or_an_invalid_request(text: str) -> None:
    try:
        found = contenttype.parse(text)
    except InvalidRequest:
        return
    assert contenttype.is_media_type(found.media_type)
