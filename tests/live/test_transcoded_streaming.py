"""Large instances in other transfer syntaxes: flat memory, and nothing left open."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator

import httpx
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import RLELossless, generate_uid

from tests.live.instances import STOW_TYPE, Made, make_dataset, part10, store, with_meta
from tests.live.large import FRAME_BYTES, LargeInstance
from tests.live.server import Server, eventually

MIB = 1024 * 1024
FRAMES = 256
HTJ2K = "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.201"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


@pytest.fixture
def http(fresh_server: Server) -> Iterator[httpx.Client]:
    """A client of a server that nothing else uses."""
    with httpx.Client(base_url=fresh_server.root, timeout=300) as client:
        yield client


def compressed() -> Made:
    """A multi-frame image in RLE of a few MiB that takes 128 MiB decoded (PS3.5 Annex G)."""
    dataset = make_dataset(generate_uid(), generate_uid(), 1)
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = FRAMES, 512, 512
    segment = bytes([129, 0]) * (512 * 512 // 128)
    header = struct.pack("<16I", 2, 64, 64 + len(segment), *[0] * 13)
    dataset.PixelData = encapsulate([header + segment * 2] * FRAMES)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return Made(with_meta(dataset, RLELossless), part10(dataset))


def large(http: httpx.Client) -> str:
    """A stored native image of 128 MiB."""
    instance = LargeInstance(FRAMES)
    answer = http.post(
        "/studies", content=iter(instance.request()), headers={"Content-Type": STOW_TYPE}
    )
    assert answer.status_code == 200, answer.text
    return instance.path


def size_of(http: httpx.Client, path: str, accept: str) -> tuple[int, httpx.Headers]:
    """Bytes of an answer that is not kept."""
    with http.stream("GET", path, headers={"Accept": accept}) as answer:
        assert answer.status_code == 200
        return sum(map(len, answer.iter_raw(MIB))), answer.headers


def test_decoding_of_many_frames_takes_flat_memory(
    fresh_server: Server, http: httpx.Client
) -> None:
    made = compressed()
    assert store(http, [made.data]).status_code == 200
    for _ in range(4):
        assert http.get(f"{made.path}/frames/1,2,3,4").status_code == 200
    for tail in ("", "/pixeldata"):
        idle = fresh_server.idle_memory()
        accept = "application/octet-stream" if tail else "application/dicom"
        size, headers = size_of(http, made.path + tail, accept)
        assert size == int(headers["content-length"]) >= FRAMES * FRAME_BYTES
        assert fresh_server.peak_memory() - idle < 64 * MIB


def test_encoding_of_many_frames_takes_flat_memory(
    fresh_server: Server, http: httpx.Client
) -> None:
    path = large(http)
    accept = 'multipart/related; type="image/jphc"'
    assert http.get(f"{path}/frames/1,2,3,4", headers={"Accept": accept}).status_code == 200
    idle = fresh_server.idle_memory()
    size, headers = size_of(http, path, HTJ2K)
    assert "content-length" not in headers
    assert size < FRAMES * FRAME_BYTES / 20
    assert fresh_server.peak_memory() - idle < 96 * MIB


def test_a_client_that_leaves_ends_the_work(fresh_server: Server, http: httpx.Client) -> None:
    path = large(http)
    for _ in range(3):
        with (
            httpx.Client(timeout=60) as client,
            client.stream("GET", fresh_server.root + path, headers={"Accept": HTJ2K}) as answer,
        ):
            assert next(answer.iter_raw(1024))
    assert eventually(lambda: not fresh_server.open_files())
    accept = "application/octet-stream"
    assert len(http.get(f"{path}/frames/9", headers={"Accept": accept}).content) == FRAME_BYTES
