"""The process that serves DIMSE, under each of the ASGI servers."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from dicomweb_server.cli.dimse import listen_dimse, require_dimse, secure_context
from dicomweb_server.errors import ConfigurationError
from dicomweb_server.settings import AeSettings, DimseSettings
from tests import servers
from tests.dimse import raw

SETTINGS = {"DICOMWEB_DIMSE__ENABLED": "true", "DICOMWEB_DIMSE__PORT": "0"}


def echo(port: int) -> int:
    """Status of a C-ECHO; it waits in the queue of the socket where nobody serves yet."""
    with raw.Peer.connect(port) as peer:
        peer.connection.settimeout(60)
        peer.send(raw.associate_rq("DICOMWEB"))
        assert peer.receive()[0] == raw.ASSOCIATE_AC
        return peer.echo()


def children(parent: int) -> list[int]:
    """Processes that a process has started and that serve associations."""
    found = []
    for task in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            status = (task / "stat").read_text().rpartition(")")[2].split()
            if int(status[1]) == parent and b"spawn_main" in (task / "cmdline").read_bytes():
                found.append(int(task.name))
    return found


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "arguments", [(), ("--workers", "2"), ("--server", "granian")], ids=["one", "two", "granian"]
)
def test_server_starts_and_stops_it(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with servers.serving(tmp_path / "data", arguments, SETTINGS) as running:
        assert echo(running.dicom_port()) == 0
        began = children(running.process.pid)
        running.stop()
        assert running.process.returncode == 0
        assert began
        assert not any(Path(f"/proc/{each}").exists() for each in began)


@pytest.mark.timeout(300)
def test_it_is_replaced_when_it_dies_and_goes_with_a_server_that_is_killed(tmp_path: Path) -> None:
    with servers.serving(tmp_path / "data", (), SETTINGS) as running:
        port = running.dicom_port()
        assert echo(port) == 0
        (first,) = children(running.process.pid)
        os.kill(first, signal.SIGKILL)
        assert echo(port) == 0
        (second,) = children(running.process.pid)
        assert second != first
        running.process.kill()
        running.process.wait()
        deadline = time.monotonic() + 30
        while Path(f"/proc/{second}").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not Path(f"/proc/{second}").exists()


def test_open_address_without_listed_aes_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"dimse\.ae") as refused:
        require_dimse(DimseSettings(enabled=True, host="0.0.0.0"))  # noqa: S104 - refused
    assert "[[dimse.ae]]" in refused.value.hint


def test_open_address_with_listed_aes_is_allowed() -> None:
    listed = (AeSettings(title="CT1", host="10.0.0.5"),)
    require_dimse(DimseSettings(enabled=True, host="0.0.0.0", ae=listed))  # noqa: S104 - not bound


def test_nothing_is_required_where_it_is_off() -> None:
    require_dimse(DimseSettings(host="0.0.0.0"))  # noqa: S104 - not bound


def test_certificate_without_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="together"):
        secure_context(DimseSettings(tls_certificate=tmp_path / "none.pem"))


def test_files_that_are_no_certificate_are_refused(tmp_path: Path) -> None:
    settings = DimseSettings(tls_certificate=tmp_path / "none.pem", tls_key=tmp_path / "none.key")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        secure_context(settings)


def test_taken_port_is_told() -> None:
    sockets = listen_dimse(DimseSettings(port=0))
    try:
        taken = sockets.plain.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {taken}"):
            listen_dimse(DimseSettings(port=taken))
    finally:
        sockets.close()
