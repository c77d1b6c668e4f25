"""Preambles that make a file two things: stored as they came, served harmless (T1)."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from pydicom import dcmread
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from dicomweb_server.model.outcome import PreamblePolicy
from dicomweb_server.settings import StoreSettings
from tests.datasets import dataset, part10
from tests.site import ANY_SYNTAX, Site, open_site, parts_of
from tests.threats.magics import MAGICS, TIFFS, armed, padded

SINGLE = "application/dicom; transfer-syntax={}"
RANGES = ((0, 0), (0, 3), (1, 2), (1, 127), (100, 300), (127, 128), (127, 127), (128, 140), (4, -1))
EMPTY = bytes(128)

every_magic = pytest.mark.parametrize("magic", MAGICS.values(), ids=MAGICS)


def opened(folder: Path, policy: PreamblePolicy) -> Iterator[Site]:
    with open_site(folder, store=StoreSettings(preamble=policy)) as site:
        yield site


@pytest.fixture(scope="module")
def zeroing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    yield from opened(tmp_path_factory.mktemp("zero"), PreamblePolicy.ZERO)


@pytest.fixture(scope="module")
def keeping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    yield from opened(tmp_path_factory.mktemp("keep"), PreamblePolicy.KEEP)


@pytest.fixture(scope="module")
def rejecting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    yield from opened(tmp_path_factory.mktemp("reject"), PreamblePolicy.REJECT)


class Held:
    """One instance in an archive, and all ways in which its file can be had.

    Args:
        site: The archive.
        preamble: What the file begins with.
        syntax: Transfer syntax in which it is stored.
    """

    def __init__(self, site: Site, preamble: bytes, syntax: str = ExplicitVRLittleEndian) -> None:
        self.site = site
        number = int(hashlib.sha256(preamble + syntax.encode()).hexdigest()[:8], 16)
        self.uids = [f"1.2.{number}{end}" for end in ("", ".1", ".1.1")]
        study, series, instance = self.uids
        made = dataset(StudyInstanceUID=study, SeriesInstanceUID=series, SOPInstanceUID=instance)
        self.data = armed(part10(made, syntax), preamble)
        stored = site.store([self.data])
        assert stored.status_code == 200, stored.text
        self.study = f"/studies/{study}"
        self.path = f"{self.study}/series/{series}/instances/{instance}"

    def get(self, accept: str, **headers: str) -> httpx.Response:
        response = self.site.get(self.path, accept, **headers)
        assert response.status_code in (200, 206), response.text
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["content-disposition"].startswith("attachment")
        return response

    def single(self, syntax: str = "*", **headers: str) -> httpx.Response:
        response = self.get(SINGLE.format(syntax), **headers)
        assert response.headers["content-type"].startswith("application/dicom")
        assert int(response.headers["content-length"]) == len(response.content)
        return response

    def as_stored(self) -> Iterator[tuple[str, bytes]]:
        """The whole file as it lies, by every way."""
        yield "single", self.single().content
        yield "range of all", self.single(Range="bytes=0-").content
        yield "range from the end", self.single(Range=f"bytes=-{len(self.data)}").content
        yield (
            "two ranges",
            self.single(Range="bytes=0-99").content + (self.single(Range="bytes=100-").content),
        )
        yield "multipart", self._one_part(self.path, ANY_SYNTAX)
        yield "multipart of the series", self._one_part(self.path.rpartition("/inst")[0])
        yield "multipart of the study", self._one_part(self.study)
        yield "zip", self._zipped("*")
        uri = self._by_uri("*")
        assert uri.headers["content-type"] == "application/dicom"
        yield "URI service", uri.content

    def made_anew(self, syntax: str) -> Iterator[tuple[str, bytes]]:
        """The file in another transfer syntax, by every way."""
        yield "single", self.single(syntax).content
        yield "range", self.single(syntax, Range="bytes=0-199").content
        yield (
            "multipart",
            self._one_part(
                self.study, f'multipart/related; type="application/dicom"; transfer-syntax={syntax}'
            ),
        )
        yield "zip", self._zipped(syntax)
        yield "URI service", self._by_uri(syntax).content

    def _one_part(self, path: str, accept: str = ANY_SYNTAX) -> bytes:
        response = self.site.get(path, accept)
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["content-disposition"] == "attachment"
        ((headers, body),) = parts_of(response)
        assert headers["Content-Type"].startswith("application/dicom; transfer-syntax=")
        return body

    def _zipped(self, syntax: str) -> bytes:
        response = self.get(f"application/zip; transfer-syntax={syntax}")
        with zipfile.ZipFile(BytesIO(response.content)) as archive:
            (name,) = archive.namelist()
            return archive.read(name)

    def _by_uri(self, syntax: str) -> httpx.Response:
        study, series, instance = self.uids
        asked = f"?requestType=WADO&studyUID={study}&seriesUID={series}&objectUID={instance}"
        more = "" if syntax == "*" else f"&transferSyntax={syntax}"
        response = self.site.get(f"/wado{asked}&contentType=application/dicom{more}")
        assert response.status_code == 200, response.text
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["content-disposition"] == "attachment"
        return response


def blob_of(site: Site, data: bytes) -> Path:
    digest = hashlib.sha256(data).hexdigest()
    return site.settings.data / "blobs" / digest[:2] / digest[2:]


@every_magic
def test_what_is_stored_is_what_came(zeroing: Site, magic: bytes) -> None:
    held = Held(zeroing, magic)
    assert blob_of(zeroing, held.data).read_bytes() == held.data


@every_magic
def test_zero_empties_the_preamble_on_every_way_out(zeroing: Site, magic: bytes) -> None:
    held = Held(zeroing, magic)
    kept = 8 if magic[:4] == b"II*\0" else 0
    wanted = magic[:kept] + EMPTY[kept:] + held.data[128:]
    for way, body in held.as_stored():
        assert body == wanted, way


@every_magic
def test_zero_empties_the_preamble_in_every_range(zeroing: Site, magic: bytes) -> None:
    held = Held(zeroing, magic)
    whole = held.single()
    for first, last in RANGES:
        end = "" if last < 0 else str(last)
        response = held.single(Range=f"bytes={first}-{end}", If_Range=whole.headers["etag"])
        assert response.status_code == 206
        assert (
            response.content == whole.content[first : len(whole.content) if last < 0 else last + 1]
        )
        assert response.headers["etag"] == whole.headers["etag"]


@every_magic
def test_keep_leaves_the_preamble_on_every_way_out(keeping: Site, magic: bytes) -> None:
    held = Held(keeping, magic)
    for way, body in held.as_stored():
        assert body == held.data, way


@every_magic
def test_reject_refuses_the_instance_with_a_reason(rejecting: Site, magic: bytes) -> None:
    data = armed(part10(dataset()), magic)
    response = rejecting.store([data])
    assert response.status_code == 409
    assert "could be a program" in response.headers["warning"]
    assert "write zeros there" in response.headers["warning"]
    assert not blob_of(rejecting, data).exists()
    assert rejecting.search("/instances") == []


@every_magic
@pytest.mark.parametrize("policy", ["zeroing", "keeping"])
def test_files_made_anew_have_an_empty_preamble(
    request: pytest.FixtureRequest, policy: str, magic: bytes
) -> None:
    site: Site = request.getfixturevalue(policy)
    ways = [
        (ExplicitVRLittleEndian, RLELossless),
        (ImplicitVRLittleEndian, ExplicitVRLittleEndian),
        (DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian),
    ]
    for stored, syntax in ways:
        for way, body in Held(site, magic, stored).made_anew(syntax):
            assert body[:132] == EMPTY + b"DICM", (way, stored)


@pytest.mark.parametrize("policy", list(PreamblePolicy))
@pytest.mark.parametrize("header", TIFFS.values(), ids=TIFFS)
def test_headers_of_tiff_files_stay(policy: PreamblePolicy, header: bytes, tmp_path: Path) -> None:
    data = padded(part10(dataset()), header)
    with open_site(tmp_path, store=StoreSettings(preamble=policy)) as site:
        assert site.store([data]).status_code == 200
        ((_, body),) = parts_of(site.get("/studies/1.2.3", ANY_SYNTAX))
    assert body == data


@pytest.mark.parametrize("policy", list(PreamblePolicy))
def test_an_empty_preamble_goes_through(policy: PreamblePolicy, tmp_path: Path) -> None:
    data = part10(dataset())
    with open_site(tmp_path, store=StoreSettings(preamble=policy)) as site:
        assert site.store([data]).status_code == 200
        ((_, body),) = parts_of(site.get("/studies/1.2.3", ANY_SYNTAX))
    assert body == data


@pytest.mark.parametrize("policy", list(PreamblePolicy))
def test_what_stands_behind_sixteen_zeros_goes_through(
    policy: PreamblePolicy, tmp_path: Path
) -> None:
    # Some modalities leave a byte there; no kind of file is known by it.
    data = padded(part10(dataset()), bytes(16) + b"\0\1")
    with open_site(tmp_path, store=StoreSettings(preamble=policy)) as site:
        assert site.store([data]).status_code == 200
        ((_, body),) = parts_of(site.get("/studies/1.2.3", ANY_SYNTAX))
    assert body == data


def test_another_policy_has_another_tag_and_holds_for_what_is_stored(tmp_path: Path) -> None:
    magic = MAGICS["PE"]
    seen: dict[PreamblePolicy, tuple[str, bytes]] = {}
    for policy in PreamblePolicy:
        with open_site(tmp_path, store=StoreSettings(preamble=policy)) as site:
            if not seen:
                path = Held(site, magic).path
            for tag, _ in seen.values():
                assert site.get(path, SINGLE.format("*"), If_None_Match=tag).status_code == 200
            found = site.get(path, SINGLE.format("*"))
            seen[policy] = (found.headers["etag"], found.content)
            again = site.get(path, SINGLE.format("*"), If_None_Match=found.headers["etag"])
            assert again.status_code == 304
    assert len({tag for tag, _ in seen.values()}) == 3
    assert seen[PreamblePolicy.REJECT][1][:128] == seen[PreamblePolicy.ZERO][1][:128] == EMPTY
    assert seen[PreamblePolicy.KEEP][1].startswith(magic)


def test_files_stay_readable(zeroing: Site) -> None:
    held = Held(zeroing, MAGICS["ELF"])
    for _, body in held.as_stored():
        assert dcmread(BytesIO(body)).SOPInstanceUID == held.uids[2]
