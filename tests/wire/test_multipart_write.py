"""The multipart writer: what the strictest clients can read."""

from __future__ import annotations

import io
from email import policy
from email.parser import BytesParser

import pytest
import requests
from dicomweb_client.web import DICOMwebClient
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.errors import InvalidRequest
from dicomweb_server.model.limits import MultipartLimits
from dicomweb_server.wire import contenttype, multipart
from dicomweb_server.wire.multipart import MultipartReader, PartBegin, PartData

BOUNDARY = "frontier"


def body_of(payloads: list[bytes], boundary: str) -> tuple[bytes, int]:
    """A whole body, and the length foretold for it."""
    body, sizes = b"", []
    for number, payload in enumerate(payloads):
        headers = [
            ("Content-Location", f"http://a/{number}"),
            ("content-type", "application/dicom; transfer-syntax=1.2.840.10008.1.2.1"),
        ]
        head = multipart.part_head(boundary, headers, number == 0)
        body += head + payload
        sizes.append((len(head), len(payload)))
    body += multipart.closing(boundary, first=not payloads)
    return body, multipart.body_length(sizes, boundary)


def test_the_first_bytes_are_the_boundary_and_the_first_header_is_content_type() -> None:
    headers = [("Content-Location", "u"), ("content-type", "application/dicom")]
    assert multipart.part_head(BOUNDARY, headers, first=True) == (
        b"--frontier\r\nContent-Type: application/dicom\r\nContent-Location: u\r\n\r\n"
    )
    assert multipart.part_head(BOUNDARY, headers, first=False).startswith(b"\r\n--frontier\r\n")


def test_the_body_ends_with_the_closing_boundary() -> None:
    assert multipart.closing(BOUNDARY) == b"\r\n--frontier--\r\n"
    assert multipart.closing(BOUNDARY, first=True) == b"--frontier--\r\n"


def test_boundaries_are_random_and_need_no_quotes() -> None:
    boundaries = {multipart.new_boundary() for _ in range(100)}
    assert len(boundaries) == 100
    for boundary in boundaries:
        assert 32 <= len(boundary) <= 70
        content_type = contenttype.parse(multipart.multipart_type(boundary, "application/dicom"))
        assert multipart.boundary_of(content_type, MultipartLimits()) == boundary


def test_the_content_type_survives_splitting_at_semicolons() -> None:
    text = multipart.multipart_type(BOUNDARY, "application/dicom; transfer-syntax=1.2")
    assert text == 'multipart/related; type="application/dicom"; boundary=frontier'
    assert [item.strip() for item in text.split(";")][1:] == [
        'type="application/dicom"',
        "boundary=frontier",
    ]


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "a\x00b", "Ā"])
def test_a_header_value_cannot_add_headers(value: str) -> None:
    with pytest.raises(InvalidRequest):
        multipart.part_head(BOUNDARY, [("Content-Location", value)], first=True)


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_what_is_written_is_read_and_as_long_as_foretold(payloads: list[bytes]) -> None:
    body, length = body_of(payloads, BOUNDARY)
    assert len(body) == length
    reader = MultipartReader(BOUNDARY, MultipartLimits())
    found: list[bytes] = []
    for event in reader.feed(body) + reader.finish():
        if isinstance(event, PartBegin):
            assert event.headers[0][0] == "content-type"
            found.append(b"")
        elif isinstance(event, PartData):
            found[-1] += event.data
    assert found == payloads


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=5))
def test_the_python_client_reads_it(payloads: list[bytes]) -> None:
    body, _ = body_of(payloads, BOUNDARY)
    response = requests.Response()
    response.headers["content-type"] = multipart.multipart_type(BOUNDARY, "application/dicom")
    response.raw = io.BytesIO(body)
    client = DICOMwebClient("http://localhost")
    assert list(client._decode_multipart_message(response, stream=False)) == payloads


def test_the_email_package_reads_it() -> None:
    body, _ = body_of([b"one", b"two"], BOUNDARY)
    head = f"Content-Type: {multipart.multipart_type(BOUNDARY, 'application/dicom')}\r\n\r\n"
    message = BytesParser(policy=policy.HTTP).parsebytes(head.encode() + body)
    found = list(message.iter_parts())
    assert [part.get_payload(decode=True) for part in found] == [b"one", b"two"]
    assert found[1]["content-location"] == "http://a/1"
