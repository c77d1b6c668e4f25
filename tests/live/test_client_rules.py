"""The ten rules that real clients ask a server to keep; each test is named by its number.

What the clients do was seen on the wire: OHIF, cornerstone, dicomweb-client for Python and npm,
dcm4che's tools, Weasis, MONAI.
"""

from __future__ import annotations

import re

import httpx
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, generate_uid

from tests.live.instances import (
    BOUNDARY,
    Made,
    make,
    make_dataset,
    part10,
    store,
    stow_body,
    with_meta,
)
from tests.live.parts import boundary_of, parts_of, split
from tests.live.raw import RawAnswer, chunked, exchange
from tests.live.server import Server

JPEG_LS = "1.2.840.10008.1.2.4.80"
FRAMES = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
FILES = 'multipart/related; type="application/dicom"; transfer-syntax=*'
FRAGMENT = b"\xff\xd8\xff\xf7 not decoded by the server \xff\xd9"


@pytest.fixture(scope="module")
def series(server: Server) -> list[Made]:
    """Three stored images, the last one compressed and with two frames."""
    made = make(2)
    study, of = str(made[0].dataset.StudyInstanceUID), str(made[0].dataset.SeriesInstanceUID)
    dataset = with_meta(make_dataset(study, of, 3, frames=2), JPEG_LS)
    dataset.PixelData = encapsulate([FRAGMENT, FRAGMENT[::-1]])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    made.append(Made(dataset, part10(dataset)))
    with httpx.Client(base_url=server.root) as client:
        assert store(client, [each.data for each in made]).status_code == 200
    return made


def get(server: Server, path: str, accept: str) -> RawAnswer:
    """Get a resource below the DICOMweb root."""
    return exchange(server, f"GET /dicom-web{path} HTTP/1.1\nAccept: {accept}")


# --- 1


@pytest.mark.parametrize(("suffix", "accept"), [("/frames/1", FRAMES), ("", FILES)])
def test_rule_1_each_part_begins_with_its_type_and_transfer_syntax(
    server: Server, series: list[Made], suffix: str, accept: str
) -> None:
    for made, syntax in zip(series, ("1.2.840.10008.1.2.1",) * 2 + (JPEG_LS,), strict=True):
        answer = get(server, made.path + suffix, accept)
        for part in split(answer.body, boundary_of(answer.headers["content-type"])):
            pattern = r"Content-Type: [a-z]+/[a-z-]+; transfer-syntax=([0-9.]+)"
            found = re.fullmatch(pattern, part.head[0])
            assert found, part.head
            assert found[1] == syntax


# --- 2


@pytest.mark.parametrize("level", [0, 1, 2])
def test_rule_2_no_preamble_and_short_heads(server: Server, series: list[Made], level: int) -> None:
    made = series[0]
    path = (made.study_path, made.series_path, made.path)[level]
    answer = get(server, path, FILES)
    boundary = boundary_of(answer.headers["content-type"])
    assert len(boundary) >= 20
    assert answer.body.startswith(b"--" + boundary.encode() + b"\r\nContent-Type: ")
    parts = split(answer.body, boundary)
    assert [part.body for part in parts] == [each.data for each in series[: len(parts)]]
    for part in parts:
        assert sum(len(line) + 2 for line in part.head) < 900


def test_rule_2_boundaries_differ_between_resources(server: Server, series: list[Made]) -> None:
    boundaries = {
        boundary_of(get(server, made.path, FILES).headers["content-type"]) for made in series
    }
    assert len(boundaries) == 3


# --- 3


def stow(server: Server, body: bytes, content_type: str, *, chunk: int = 0) -> RawAnswer:
    """Store by hand, with a Content-Length or in chunks."""
    length = "Transfer-Encoding: chunked" if chunk else f"Content-Length: {len(body)}"
    head = f"POST /dicom-web/studies HTTP/1.1\nAccept: */*\nContent-Type: {content_type}\n{length}"
    return exchange(server, head, chunked(body, chunk) if chunk else body)


QUOTED = f'multipart/related; type="application/dicom"; boundary="{BOUNDARY}"'


@pytest.mark.parametrize("before", [b"", b"\r\n", b"a preamble\r\n", b"\n"])
@pytest.mark.parametrize("after", [b"", b"\r\n", b"\r\nan epilogue", b"  \r\n"])
def test_rule_3_what_stands_around_the_parts_is_taken(
    server: Server, before: bytes, after: bytes
) -> None:
    core = b"".join(stow_body([make()[0].data])).removeprefix(b"\r\n")
    assert stow(server, before + core + after, QUOTED).status == 200


@pytest.mark.parametrize(
    "content_type",
    [
        QUOTED,
        f"multipart/related; type=application/dicom; boundary={BOUNDARY}",
        f"multipart/related;boundary={BOUNDARY};type=application/dicom",
        f'Multipart/Related; BOUNDARY="{BOUNDARY}"; Type="Application/DICOM"',
        f"multipart/related; boundary={BOUNDARY}",
        f"multipart/related; type=application/dicom; boundary={BOUNDARY}; charset=utf-8",
        f'multipart/related; start="<a@b>"; type="application/dicom"; boundary={BOUNDARY}',
    ],
)
def test_rule_3_parameters_are_taken_quoted_and_not(server: Server, content_type: str) -> None:
    body = b"".join(stow_body([make()[0].data]))
    assert stow(server, body, content_type).status == 200


@pytest.mark.parametrize("chunk", [1, 7, 1024, 100_000])
def test_rule_3_chunks_may_be_cut_anywhere(server: Server, chunk: int) -> None:
    body = b"".join(stow_body(made.data for made in make(2, side=8)))
    assert stow(server, body, QUOTED, chunk=chunk).status == 200


@pytest.mark.parametrize(
    "head",
    [
        b"\r\n",
        b"Content-Type: application/dicom\r\n\r\n",
        b"content-type:application/dicom\r\n\r\n",
        b"Content-Type: application/dicom ; transfer-syntax=1.2.840.10008.1.2.1 \r\n\r\n",
        b"Content-ID: <1@x>\r\nContent-Type: application/dicom\r\nMIME-Version: 1.0\r\n\r\n",
        b"Content-Type: application/octet-stream\r\n\r\n",
        b"Content-Type: application/dicom\n\n",
    ],
)
def test_rule_3_heads_of_parts_are_taken_as_clients_write_them(server: Server, head: bytes) -> None:
    data = make()[0].data
    body = f"\r\n--{BOUNDARY}\r\n".encode() + head + data + f"\r\n--{BOUNDARY}--".encode()
    assert stow(server, body, QUOTED).status == 200


def test_rule_3_boundary_with_many_dashes(server: Server) -> None:
    boundary = "---DICOM-INSTASNCE---"
    body = b"".join(stow_body([make()[0].data])).replace(BOUNDARY.encode(), boundary.encode())
    content_type = f"multipart/related; type=application/dicom; boundary={boundary}"
    assert stow(server, body, content_type).status == 200


def test_rule_3_data_that_looks_like_a_boundary_is_data(server: Server) -> None:
    dataset = make_dataset(generate_uid(), generate_uid(), 1)
    tricky = f"\r\n--{BOUNDARY[:-1]}x\r\n--\r\n-\r".encode()
    dataset.PixelData = (tricky * 20)[: 16 * 32].ljust(16 * 32, b"\r")
    made = Made(with_meta(dataset), part10(dataset))
    assert stow(server, b"".join(stow_body([made.data])), QUOTED, chunk=13).status == 200
    answer = get(server, made.path, FILES)
    assert split(answer.body, boundary_of(answer.headers["content-type"]))[0].body == made.data


def test_rule_3_one_instance_as_the_body(server: Server) -> None:
    assert stow(server, make()[0].data, "application/dicom").status == 200


# --- 4


WILD = [
    'multipart/related; type="application/octet-stream"; transfer-syntax="*"',
    "multipart/related; type=application/octet-stream; transfer-syntax=*",
    'multipart/related; type="*/*"',
    "multipart/related; type=*/*; transfer-syntax=*",
    "multipart/related",
    "*/*",
    "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
    'multipart/related;type="application/octet-stream";',
    'multipart/related; type="image/jls"; transfer-syntax=1.2.840.10008.1.2.4.80, '
    'multipart/related; type="image/jp2"; transfer-syntax=1.2.840.10008.1.2.4.90, '
    'multipart/related; type="application/octet-stream"; transfer-syntax=*',
    'multipart/related; type="image/jpeg; transfer-syntax=1.2", */*',
]


@pytest.mark.parametrize("accept", WILD)
def test_rule_4_a_wildcard_is_never_refused(
    server: Server, series: list[Made], accept: str
) -> None:
    answer = get(server, f"{series[0].path}/frames/1", accept)
    assert answer.status == 200, answer.body


@pytest.mark.parametrize("suffix", ["", "/frames/1", "/bulkdata/7FE00010"])
@pytest.mark.parametrize("accept", ["*/*", "multipart/related", 'multipart/related; type="*/*"'])
def test_rule_4_a_wildcard_gets_what_is_stored_where_nothing_else_can_be_made(
    server: Server, series: list[Made], accept: str, suffix: str
) -> None:
    answer = get(server, series[2].path + suffix, accept)
    assert answer.status == 200, answer.body
    assert JPEG_LS.encode() in answer.body + answer.headers["content-type"].encode()


@pytest.mark.parametrize("path", ["/studies", "{0}/metadata", "{0}/frames/1", "{0}", "/series"])
def test_rule_4_no_accept_at_all_is_anything(server: Server, series: list[Made], path: str) -> None:
    target = path.format(series[0].path)
    answer = exchange(server, f"GET /dicom-web{target} HTTP/1.1")
    assert answer.status == 200, answer.body


def test_rule_4_several_accept_lines_are_one_list(server: Server, series: list[Made]) -> None:
    head = f"GET /dicom-web{series[2].path}/frames/1 HTTP/1.1"
    first, second = "Accept: image/png", f"Accept: {FRAMES}"
    assert exchange(server, "\n".join([head, first, second])).status == 200
    assert exchange(server, "\n".join([head, second, first])).status == 200


def test_rule_4_what_cannot_be_made_is_406_with_the_reason(
    server: Server, series: list[Made]
) -> None:
    accept = 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.1'
    answer = get(server, series[2].path, accept)
    assert answer.status == 406
    assert JPEG_LS.encode() in answer.body


# --- 5


def test_rule_5_octet_stream_with_a_star_is_the_stored_stream(
    server: Server, series: list[Made]
) -> None:
    answer = get(server, f"{series[2].path}/frames/1,2", FRAMES)
    parts = split(answer.body, boundary_of(answer.headers["content-type"]))
    # A frame that ends at an odd place is padded by one zero byte (PS3.5 A.4).
    assert [part.body[: len(FRAGMENT)] for part in parts] == [FRAGMENT, FRAGMENT[::-1]]
    assert {part.transfer_syntax for part in parts} == {JPEG_LS}


@pytest.mark.parametrize("syntax", [ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_rule_5_big_endian_and_deflated_leave_as_little_endian(server: Server, syntax: str) -> None:
    dataset = make_dataset(generate_uid(), generate_uid(), 1)
    little = dataset.PixelData
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = b"".join(little[at : at + 2][::-1] for at in range(0, len(little), 2))
    made = Made(with_meta(dataset, syntax), part10(dataset))
    with httpx.Client(base_url=server.root) as client:
        assert store(client, [made.data]).status_code == 200
        frame = parts_of(client.get(f"{made.path}/frames/1", headers={"Accept": FRAMES}))[0]
    assert frame.transfer_syntax == "1.2.840.10008.1.2.1"
    assert frame.body == little


# --- 6


QUERIES = [
    "limit=101&offset=0&fuzzymatching=false&includefield=00081030%2C00080060%2C00080090%2C00100030",
    "includefield=00081030,00080060",
    "includefield=StudyDescription&includefield=00080060",
    "PatientName=m%C3%BCl*",
    "StudyDescription=*without%20contrast*",
    "StudyDescription=%2Awithout+contrast%2A|none",
    "ModalitiesInStudy=CT",
    "PatientName=*ANNA*",
    "00100010=MÜLLER^ANNA",
    "StudyDate=20240101-20241231",
    "StudyDate=-20241231",
]


@pytest.mark.parametrize("query", QUERIES)
def test_rule_6_searches_as_clients_write_them(
    server: Server, series: list[Made], query: str
) -> None:
    uid = str(series[0].dataset.StudyInstanceUID)
    query, _, nothing = query.partition("|")
    url = f"{server.root}/studies?{query}&StudyInstanceUID={uid}"
    answer = httpx.get(url, headers={"Accept": "application/dicom+json, application/json"})
    assert answer.status_code == 200, answer.text
    found = [item["0020000D"]["Value"][0] for item in answer.json()]
    assert found == ([] if nothing else [uid])


@pytest.mark.parametrize("separator", [",", "%2C", "%5C", "\\"])
def test_rule_6_lists_of_uids(server: Server, series: list[Made], separator: str) -> None:
    wanted = [str(made.dataset.SOPInstanceUID) for made in series[:2]]
    target = f"{server.root}/instances?SOPInstanceUID={separator.join(wanted)}"
    found = httpx.get(target).json()
    assert {item["00080018"]["Value"][0] for item in found} == set(wanted)


# --- 7


def test_rule_7_links_are_absolute_and_answer(server: Server, series: list[Made]) -> None:
    with httpx.Client() as client:
        metadata = client.get(f"{server.root}{series[0].series_path}/metadata").json()
        link = metadata[0]["7FE00010"]["BulkDataURI"]
        found = client.get(f"{server.root}{series[0].series_path}/instances").json()
        assert client.get(link, headers={"Accept": "*/*"}).status_code == 200
        for item in found:
            file = client.get(item["00081190"]["Value"][0], headers={"Accept": FILES})
            assert file.status_code == 200
    assert link.startswith(server.root)


# --- 8


@pytest.mark.parametrize("accept", ["application/dicom+json", "*/*", "application/json"])
def test_rule_8_the_type_of_store_answers_is_exact(server: Server, accept: str) -> None:
    made = make()[0]
    with httpx.Client(base_url=server.root, headers={"Accept": accept}) as client:
        for answer in (store(client, [made.data]), store(client, [b"not DICOM"])):
            assert answer.headers["content-type"] == "application/dicom+json"


def test_rule_8_every_stored_instance_has_a_url_with_its_series(server: Server) -> None:
    made = make(2)
    with httpx.Client(base_url=server.root) as client:
        items = store(client, [each.data for each in made]).json()["00081199"]["Value"]
    urls = [item["00081190"]["Value"][0] for item in items]
    assert urls == [server.root + each.path for each in made]


# --- 9


def test_rule_9_anything_is_accepted_on_store(server: Server) -> None:
    answer = stow(server, b"".join(stow_body([make()[0].data])), QUOTED)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/dicom+json"


# --- 10


def test_rule_10_slashes_at_the_end(server: Server, series: list[Made]) -> None:
    for path in ("/studies/", series[0].study_path + "/", series[0].path + "/"):
        assert get(server, path, f"{FILES}, application/dicom+json").status == 200
    body = b"".join(stow_body([make()[0].data]))
    head = (
        "POST /dicom-web/studies/ HTTP/1.1\nAccept: */*\n"
        f"Content-Type: {QUOTED}\nContent-Length: {len(body)}"
    )
    assert exchange(server, head, body).status == 200
