"""Clients that read the answer only after they have sent everything still get it."""

from __future__ import annotations

import http.client

import pytest

from tests.live.server import Server, running

BODY = b"\r\n--limit\r\n\r\n" + bytes(30_000_000)
MULTIPART = 'multipart/related; type="application/dicom"; boundary='


def post(server: Server, path: str, content_type: str, method: str = "POST") -> int:
    connection = http.client.HTTPConnection(*server.address, timeout=30)
    try:
        connection.request(method, "/dicom-web" + path, BODY, {"Content-Type": content_type})
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("method", "path", "content_type", "status"),
    [
        ("POST", "/studies", "text/plain", 415),
        ("POST", "/studies", MULTIPART + "other", 400),
        ("POST", "/studies/no-uid", MULTIPART + "limit", 400),
        ("POST", "/elsewhere", "application/dicom", 404),
        ("PUT", "/studies", "application/dicom", 405),
    ],
)
def test_the_reason_of_an_early_answer_is_read(
    server: Server, method: str, path: str, content_type: str, status: int
) -> None:
    assert [post(server, path, content_type, method) for _ in range(3)] == [status] * 3


@pytest.mark.parametrize("kind", ["hypercorn", "granian"])
def test_a_failure_in_the_middle_of_a_body_is_answered(kind: str) -> None:
    with running(kind, {"DICOMWEB_STORE__MAX_REQUEST_BYTES": "1000000"}) as server:
        assert [post(server, "/studies", MULTIPART + "limit") for _ in range(5)] == [413] * 5
