"""Validators, HEAD and byte ranges over the wire (RFC 9110 8.8, 9.3.2, 13, 14)."""

from __future__ import annotations

import httpx
import pytest

from tests.live.instances import Made, make, store
from tests.live.server import Server

FRAMES = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
FILES = 'multipart/related; type="application/dicom"; transfer-syntax=*'
FILE = "application/dicom; transfer-syntax=*"
OCTETS = "application/octet-stream; transfer-syntax=*"
JSON = "application/dicom+json"

RESOURCES = [
    ("{study}", FILES),
    ("{series}", FILES),
    ("{instance}", FILES),
    ("{instance}", FILE),
    ("{instance}/frames/1", FRAMES),
    ("{instance}/frames/1", OCTETS),
    ("{instance}/bulkdata/7FE00010", FRAMES),
    ("{study}/metadata", JSON),
    ("{series}/metadata", JSON),
    ("{instance}/metadata", JSON),
]


@pytest.fixture(scope="module")
def made(server: Server) -> Made:
    """A stored instance with 8192 bytes of pixels."""
    instance = make(1, side=64)[0]
    with httpx.Client(base_url=server.root) as client:
        assert store(client, [instance.data]).status_code == 200
    return instance


def place(template: str, made: Made) -> str:
    """Path of a resource."""
    return template.format(study=made.study_path, series=made.series_path, instance=made.path)


@pytest.mark.parametrize(("template", "accept"), RESOURCES)
def test_an_answer_has_a_strong_tag_that_holds(
    client: httpx.Client, made: Made, template: str, accept: str
) -> None:
    path = place(template, made)
    first = client.get(path, headers={"Accept": accept})
    assert first.status_code == 200, first.text
    tag = first.headers["etag"]
    assert tag.startswith('"')
    assert "Accept" in first.headers["vary"]
    again = client.get(path, headers={"Accept": accept})
    assert (again.headers["etag"], again.content) == (tag, first.content)


@pytest.mark.parametrize(("template", "accept"), RESOURCES)
@pytest.mark.parametrize("form", ["{0}", "W/{0}", '"other", {0}', "*"])
def test_a_client_that_has_it_gets_304_without_a_body(
    client: httpx.Client, made: Made, template: str, accept: str, form: str
) -> None:
    path = place(template, made)
    tag = client.get(path, headers={"Accept": accept}).headers["etag"]
    held = {"Accept": accept, "If-None-Match": form.format(tag)}
    answer = client.get(path, headers=held)
    assert answer.status_code == 304
    assert answer.content == b""
    assert answer.headers["etag"] == tag
    assert "content-type" not in answer.headers


@pytest.mark.parametrize(("template", "accept"), RESOURCES)
def test_another_tag_gets_the_whole(
    client: httpx.Client, made: Made, template: str, accept: str
) -> None:
    held = {"Accept": accept, "If-None-Match": '"other"'}
    assert client.get(place(template, made), headers=held).status_code == 200


@pytest.mark.parametrize(
    ("template", "forms"),
    [
        ("{instance}", [FILES, FILE]),
        ("{instance}/frames/1", [FRAMES, OCTETS]),
        ("{instance}/bulkdata/7FE00010", [FRAMES, OCTETS]),
        ("{instance}/metadata", [JSON, 'multipart/related; type="application/dicom+xml"']),
    ],
)
def test_forms_of_one_resource_have_different_tags(
    client: httpx.Client, made: Made, template: str, forms: list[str]
) -> None:
    path = place(template, made)
    tags = [client.get(path, headers={"Accept": form}).headers["etag"] for form in forms]
    assert tags[0] != tags[1]


def test_metadata_of_a_series_has_a_new_tag_when_it_grows(client: httpx.Client) -> None:
    first, second = make(2)
    store(client, [first.data])
    path = first.series_path + "/metadata"
    tag = client.get(path).headers["etag"]
    store(client, [second.data])
    answer = client.get(path, headers={"If-None-Match": tag})
    assert answer.status_code == 200
    assert answer.headers["etag"] != tag
    assert len(answer.json()) == 2


def test_deleted_is_404_even_for_a_client_that_has_it(client: httpx.Client) -> None:
    gone = make()[0]
    store(client, [gone.data])
    tag = client.get(gone.path).headers["etag"]
    assert client.delete(gone.path).status_code == 204
    assert client.get(gone.path, headers={"If-None-Match": tag}).status_code == 404


def test_frames_may_be_kept_and_metadata_must_be_asked_about(
    client: httpx.Client, made: Made
) -> None:
    frame = client.get(f"{made.path}/frames/1", headers={"Accept": FRAMES})
    assert "immutable" in frame.headers["cache-control"]
    assert "private" in frame.headers["cache-control"]
    metadata = client.get(f"{made.series_path}/metadata")
    assert metadata.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("template", "accept"), [*RESOURCES, ("/studies", JSON), ("{series}/instances", JSON)]
)
def test_head_tells_what_get_would(
    client: httpx.Client, made: Made, template: str, accept: str
) -> None:
    path = place(template, made)
    got = client.get(path, headers={"Accept": accept})
    head = client.head(path, headers={"Accept": accept})
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "etag", "cache-control", "content-location", "x-total-count"):
        assert head.headers.get(name) == got.headers.get(name)
    if "content-length" in got.headers and "content-length" in head.headers:
        assert head.headers["content-length"] == got.headers["content-length"]


def test_head_of_what_is_not_there_is_404(client: httpx.Client) -> None:
    answer = client.head("/studies/1.2.3")
    assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=100-199", 100, 200),
        ("bytes=8000-", 8000, 8192),
        ("bytes=-7", 8185, 8192),
        ("bytes=8191-9999999", 8191, 8192),
    ],
)
def test_a_range_of_a_frame(
    client: httpx.Client, made: Made, asked: str, start: int, end: int
) -> None:
    headers = {"Accept": OCTETS, "Range": asked}
    answer = client.get(f"{made.path}/frames/1", headers=headers)
    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/8192"
    assert int(answer.headers["content-length"]) == end - start
    assert answer.content == made.dataset.PixelData[start:end]


def test_ranges_of_a_file_put_together_are_the_file(client: httpx.Client, made: Made) -> None:
    pieces = []
    for start in range(0, len(made.data), 1000):
        headers = {"Accept": FILE, "Range": f"bytes={start}-{start + 999}"}
        answer = client.get(made.path, headers=headers)
        assert answer.status_code == 206
        pieces.append(answer.content)
    assert b"".join(pieces) == made.data


@pytest.mark.parametrize("asked", ["bytes=8192-", "bytes=9000-9001", "bytes=-0"])
def test_a_range_outside_is_416_with_the_size(client: httpx.Client, made: Made, asked: str) -> None:
    headers = {"Accept": OCTETS, "Range": asked}
    answer = client.get(f"{made.path}/frames/1", headers=headers)
    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */8192"


@pytest.mark.parametrize("asked", ["lines=0-9", "bytes=9-0", "bytes=a-b", "bytes 0-9"])
def test_a_range_that_is_none_is_ignored(client: httpx.Client, made: Made, asked: str) -> None:
    headers = {"Accept": OCTETS, "Range": asked}
    answer = client.get(f"{made.path}/frames/1", headers=headers)
    assert (answer.status_code, len(answer.content)) == (200, 8192)


def test_several_ranges_get_the_whole(client: httpx.Client, made: Made) -> None:
    headers = {"Accept": OCTETS, "Range": "bytes=0-1,4-5"}
    answer = client.get(f"{made.path}/frames/1", headers=headers)
    assert (answer.status_code, len(answer.content)) == (200, 8192)


def test_if_range_with_another_tag_gets_the_whole(client: httpx.Client, made: Made) -> None:
    headers = {"Accept": OCTETS, "Range": "bytes=0-9"}
    path = f"{made.path}/frames/1"
    tag = client.get(path, headers=headers).headers["etag"]
    assert client.get(path, headers={**headers, "If-Range": tag}).status_code == 206
    assert client.get(path, headers={**headers, "If-Range": '"other"'}).status_code == 200


def test_a_single_part_says_that_it_has_ranges(client: httpx.Client, made: Made) -> None:
    answer = client.get(f"{made.path}/frames/1", headers={"Accept": OCTETS})
    assert answer.headers["accept-ranges"] == "bytes"
