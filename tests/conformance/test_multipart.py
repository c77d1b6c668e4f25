"""What a server may send as multipart is read to the letter."""

from __future__ import annotations

from email import message_from_bytes

import pytest

from conformance import multipart
from conformance.model import Failed

TYPE = 'multipart/related; type="application/dicom"; boundary="a b"'


def test_parts_are_those_that_the_mail_library_reads() -> None:
    body = multipart.build(
        [({"Content-Type": "application/dicom"}, b"\x00\r\n--a"), ({"X": "y"}, b"")], "a b"
    )
    message = message_from_bytes(f"Content-Type: {TYPE}\r\n\r\n".encode() + body)
    expected = [part.get_payload(decode=True) for part in message.walk()][1:]
    assert [part.body for part in multipart.parse(TYPE, body)] == expected


def test_headers_of_parts() -> None:
    kind = "application/octet-stream; transfer-syntax=1.2.3"
    body = multipart.build([({"Content-Type": kind, "Content-Location": "/x"}, b"1")], "a b")
    part = multipart.parse(TYPE, body)[0]
    assert (part.media_type, part.transfer_syntax) == ("application/octet-stream", "1.2.3")
    assert part.location == "/x"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/dicom", b""),
        ("multipart/related", b"--b--"),
        (TYPE, b"--a b\r\n\r\nhello"),
        (TYPE, b"--a b\r\nX: y\r\n--a b--"),
        (TYPE, b""),
    ],
)
def test_what_is_no_multipart_fails_with_a_reason(content_type: str, body: bytes) -> None:
    with pytest.raises(Failed):
        multipart.parse(content_type, body)
