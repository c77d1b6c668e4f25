"""HTTP/1.1 and HTTP/2, in cleartext and over TLS, on each ASGI server."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.datasets import SERIES, STUDY, instance
from tests.live.server import KINDS, Server, running
from tests.programs import require
from tests.site import multipart

_KIND = 'multipart/related; type="application/dicom"; boundary=limit'
_HEADERS = {"Content-Type": _KIND, "Accept": "application/dicom+json"}
_FRAME = f"/studies/{STUDY}/series/{SERIES}/instances/1.2.3.4.1/frames/1"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that signs itself.

    Args:
        certificate: Its PEM file.
        key: PEM file of its key.
    """

    certificate: Path
    key: Path

    @property
    def trust(self) -> ssl.SSLContext:
        """What a client needs to trust it."""
        return ssl.create_default_context(cafile=str(self.certificate))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder = tmp_path_factory.mktemp("tls")
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    command = [require("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(made.key), "-out", str(made.certificate)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return made


@pytest.fixture(scope="module", params=KINDS)
def plain(request: pytest.FixtureRequest) -> Iterator[Server]:
    with running(str(request.param)) as live:
        yield live


@pytest.fixture(scope="module", params=KINDS)
def secure(request: pytest.FixtureRequest, certificate: Certificate) -> Iterator[Server]:
    settings = {
        "DICOMWEB_SERVER__TLS_CERTIFICATE": str(certificate.certificate),
        "DICOMWEB_SERVER__TLS_KEY": str(certificate.key),
    }
    with running(str(request.param), settings) as live:
        yield live


def _works(client: httpx.Client, root: str, version: str) -> None:
    files = [instance(number) for number in range(1, 9)]
    stored = client.post(f"{root}/studies", content=multipart(files), headers=_HEADERS)
    assert (stored.status_code, stored.http_version) == (200, version)
    study = client.get(f"{root}/studies/{STUDY}", headers={"Accept": "application/zip"})
    assert (study.status_code, study.http_version) == (200, version)
    assert all(data in study.content for data in files)
    frame = client.get(root + _FRAME, headers={"Accept": "application/octet-stream"})
    assert frame.content == bytes(range(32))
    found = client.get(f"{root}/studies?StudyInstanceUID={STUDY}").json()
    url = found[0]["00081190"]["Value"][0]
    assert url == f"{root}/studies/{STUDY}"
    missing = client.get(f"{root}/studies/9.9")
    assert (missing.status_code, missing.http_version) == (404, version)


@pytest.mark.parametrize(("http2", "version"), [(False, "HTTP/1.1"), (True, "HTTP/2")])
def test_http_over_tls(secure: Server, certificate: Certificate, http2: bool, version: str) -> None:
    assert secure.url.startswith("https://")
    with httpx.Client(http2=http2, verify=certificate.trust, timeout=60) as client:
        _works(client, secure.root, version)


@pytest.mark.parametrize(("http1", "version"), [(True, "HTTP/1.1"), (False, "HTTP/2")])
def test_http_in_cleartext_with_prior_knowledge(plain: Server, http1: bool, version: str) -> None:
    with httpx.Client(http1=http1, http2=not http1, timeout=60) as client:
        _works(client, plain.root, version)


@pytest.mark.parametrize("flag", ["--http2-prior-knowledge", "--http1.1"])
def test_curl_in_cleartext(plain: Server, flag: str) -> None:
    command = [require("curl"), "--silent", "--fail", flag, "--write-out", "%{http_version}"]
    done = subprocess.run(
        [*command, "--output", "/dev/null", f"{plain.root}/studies"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == ("2" if "prior" in flag else "1.1")


def test_many_streams_of_one_connection(plain: Server) -> None:
    async def ask() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(http1=False, http2=True, limits=limits, timeout=60) as client:
            urls = [f"{plain.root}/studies?limit={number}" for number in range(1, 41)]
            return await asyncio.gather(*map(client.get, urls))

    answers = asyncio.run(ask())
    assert {(each.status_code, each.http_version) for each in answers} == {(200, "HTTP/2")}


def test_old_tls_is_refused(secure: Server, certificate: Certificate) -> None:
    context = certificate.trust
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    curl = require("curl")
    command = [curl, "--silent", "--insecure", "--tls-max", "1.1", secure.url]
    assert subprocess.run(command, capture_output=True, timeout=60).returncode != 0
