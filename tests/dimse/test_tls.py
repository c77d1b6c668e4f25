"""DICOM over TLS, with certificates of clients (PS3.15 B.12)."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dicomweb_server.cli.dimse import secure_context
from dicomweb_server.settings import DimseSettings
from tests.dimse import raw
from tests.dimse.live import Live, serving
from tests.dimse.test_guard import await_none
from tests.programs import require


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate that signed itself, and its key."""

    certificate: Path
    key: Path

    @classmethod
    def make(cls, folder: Path, name: str) -> Identity:
        made = cls(folder / f"{name}.pem", folder / f"{name}.key")
        command = [
            require("openssl"),
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
        ]
        command += ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
        command += ["-out", str(made.certificate), "-keyout", str(made.key)]
        subprocess.run(command, check=True, capture_output=True)
        return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("identities")


@pytest.fixture(scope="module")
def server(folder: Path) -> Identity:
    return Identity.make(folder, "server")


@pytest.fixture(scope="module")
def client(folder: Path) -> Identity:
    return Identity.make(folder, "client")


@pytest.fixture(scope="module")
def live(folder: Path, server: Identity, client: Identity) -> Iterator[Live]:
    settings = DimseSettings(
        tls_certificate=server.certificate,
        tls_key=server.key,
        tls_client_authority=client.certificate,
    )
    with serving(folder / "data", secure=secure_context(settings)) as running:
        yield running
        await_none(running)


def _connect(live: Live, server: Identity, own: Identity | None) -> raw.Peer:
    context = ssl.create_default_context(cafile=server.certificate)
    if own is not None:
        context.load_cert_chain(own.certificate, own.key)
    plain = socket.create_connection(("127.0.0.1", live.port), timeout=30)
    return raw.Peer(context.wrap_socket(plain, server_hostname="127.0.0.1"))


def test_client_with_a_certificate_is_served(
    live: Live, server: Identity, client: Identity
) -> None:
    with _connect(live, server, client) as peer:
        peer.send(raw.associate_rq())
        assert peer.receive()[0] == raw.ASSOCIATE_AC
        assert [peer.echo() for _ in range(5)] == [0] * 5
        assert peer.release() == raw.RELEASE_RP


def _is_served(live: Live, server: Identity, own: Identity | None) -> bool:
    try:
        with _connect(live, server, own) as peer:
            peer.send(raw.associate_rq())
            return peer.receive() != raw.GONE
    except OSError:
        return False


def test_client_without_a_certificate_is_not_served(live: Live, server: Identity) -> None:
    assert not _is_served(live, server, None)


def test_client_with_a_foreign_certificate_is_not_served(
    live: Live, server: Identity, tmp_path: Path
) -> None:
    assert not _is_served(live, server, Identity.make(tmp_path, "foreign"))


def test_plain_association_on_the_tls_port_ends(live: Live) -> None:
    with raw.Peer.connect(live.port) as peer:
        peer.send(raw.associate_rq())
        assert peer.receive()[0] not in range(1, 8)
