"""The launchers: start, workers that die, and the two signals."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest

from dicomweb_server.cli.listener import is_loopback, listen, require_safe, url_of
from dicomweb_server.cli.tls import require_tls
from dicomweb_server.errors import ConfigurationError
from dicomweb_server.settings import ServerSettings
from tests.faults.clock import Clock

_PATIENCE_SECONDS = 30.0
KINDS = [("hypercorn", 1), ("hypercorn", 2), ("granian", 1), ("granian", 2)]


@contextmanager
def _started(kind: str, workers: int, **environ: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.cli.small_server", kind, str(workers)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, **environ},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _url(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _answer(url: str) -> str:
    """Process id of the worker that answers, as soon as one does."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        try:
            return httpx.get(url, timeout=10).text
        except httpx.TransportError:
            time.sleep(0.01)  # none listens while they are replaced
    pytest.fail("no worker answers")


def _wait_until_closed(url: str) -> None:
    for _ in range(1000):
        try:
            httpx.get(url, timeout=1)
        except httpx.TransportError:
            return
    pytest.fail("the server still takes connections")


@pytest.mark.parametrize(("kind", "workers"), KINDS)
def test_server_answers_where_it_says_and_stops_in_order(kind: str, workers: int) -> None:
    with _started(kind, workers) as process:
        assert httpx.get(_url(process)).status_code == 200
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 0, err
        assert 1 <= out.count("stopped in order") <= workers
        assert err == ""


@pytest.mark.parametrize("kind", ["hypercorn", "granian"])
def test_date_follows_a_clock_that_is_set_back(kind: str, tmp_path: Path) -> None:
    clock = Clock(tmp_path)
    with _started(kind, 1, **clock.environment) as process:
        url = _url(process)
        for seconds in (0, -86_400, 3600):
            clock.jump(seconds)
            dates = httpx.get(url).headers.get_list("date")
            told = [parsedate_to_datetime(each).timestamp() for each in dates]
            assert told == [pytest.approx(clock.now(), abs=60)]
    clock.close()


@pytest.mark.parametrize(("kind", "workers"), KINDS)
def test_request_in_flight_is_finished_after_the_first_signal(kind: str, workers: int) -> None:
    with _started(kind, workers, SMALL_SERVER_GRACE="20") as process, httpx.Client() as client:
        url = _url(process)
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as connection:
            connection.sendall(b"GET /slow?1 HTTP/1.1\r\nHost: x\r\n\r\n")
            client.get(url)
            process.send_signal(signal.SIGTERM)
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
        process.communicate(timeout=20)
        assert process.returncode == 0


@pytest.mark.parametrize("kind", ["hypercorn", "granian"])
def test_only_connections_without_a_request_are_idle(kind: str) -> None:
    with _started(kind, 1, SMALL_SERVER_IDLE="1") as process:
        port = int(_url(process).rpartition(":")[2])
        with (
            socket.create_connection(("127.0.0.1", port), _PATIENCE_SECONDS) as busy,
            socket.create_connection(("127.0.0.1", port), _PATIENCE_SECONDS) as idle,
        ):
            busy.sendall(b"GET /slow?4 HTTP/1.1\r\nHost: x\r\n\r\n")
            assert idle.recv(100) == b""
            assert busy.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(("kind", "workers"), KINDS)
def test_request_that_outlasts_the_grace_time_is_cut(kind: str, workers: int) -> None:
    with _started(kind, workers) as process:
        url = _url(process)
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as connection:
            connection.sendall(b"GET /slow?600 HTTP/1.1\r\nHost: x\r\n\r\n")
            httpx.get(url)
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=20)
            assert process.returncode == 0, err
            assert out.count("stopped in order") == workers


@pytest.mark.parametrize(("kind", "workers"), KINDS)
def test_second_signal_ends_it_at_once(kind: str, workers: int) -> None:
    with _started(kind, workers, SMALL_SERVER_GRACE="60") as process:
        url = _url(process)
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as connection:
            connection.sendall(b"GET /slow?600 HTTP/1.1\r\nHost: x\r\n\r\n")
            httpx.get(url)
            process.send_signal(signal.SIGTERM)
            _wait_until_closed(url)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=1.5) == 128 + signal.SIGTERM


@pytest.mark.parametrize(("kind", "workers"), [("hypercorn", 2), ("granian", 2)])
def test_workers_that_die_are_replaced(kind: str, workers: int) -> None:
    with _started(kind, workers) as process:
        url = _url(process)
        seen: set[str] = set()
        for _ in range(3):
            seen.add(_answer(url))
            with pytest.raises(httpx.TransportError):
                httpx.get(f"{url.rstrip(chr(47))}/die", timeout=10)
        seen.add(_answer(url))
        assert len(seen) >= 2
        assert process.poll() is None


@pytest.mark.parametrize("kind", ["hypercorn", "granian"])
def test_worker_that_is_killed_again_and_again_does_not_end_the_server(kind: str) -> None:
    with _started(kind, 2) as process:
        url = _url(process)
        for _ in range(12):
            os.kill(int(_answer(url)), signal.SIGKILL)
        _answer(url)
        assert process.poll() is None


@pytest.mark.parametrize(("kind", "workers"), KINDS)
def test_failed_start_is_told_in_one_line(kind: str, workers: int) -> None:
    with _started(kind, workers, SMALL_SERVER_FAILS="1") as process:
        _, err = process.communicate(timeout=30)
        assert process.returncode in (1, 2)
        assert "the small server cannot start" in err
        assert "Traceback" not in err


@pytest.mark.parametrize("kind", ["hypercorn", "granian"])
def test_worker_that_can_start_no_more_does_not_end_those_that_serve(
    kind: str, tmp_path: Path
) -> None:
    switch = tmp_path / "fails"
    with _started(kind, 2, SMALL_SERVER_FAILS_BY=str(switch)) as process:
        url = _url(process)
        switch.touch()
        killed = _answer(url)
        os.kill(int(killed), signal.SIGKILL)
        assert process.stderr is not None
        while "cannot start" not in process.stderr.readline():
            assert process.poll() is None
        first = _answer(url)
        switch.unlink()
        seen = {first, killed}
        while len(seen) < 3:
            seen.add(_answer(url))
        assert process.poll() is None


@pytest.mark.parametrize("kind", ["hypercorn", "granian"])
def test_workers_end_when_their_parent_is_killed(kind: str) -> None:
    with _started(kind, 2) as process:
        url = _url(process)
        assert httpx.get(url).status_code == 200
        process.kill()
        assert process.stdout is not None
        assert "stopped in order" in process.stdout.read()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_loopback_addresses_are_safe(host: str) -> None:
    assert is_loopback(host)
    require_safe(ServerSettings(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])  # noqa: S104 - refused
def test_other_addresses_are_refused_unless_told_so(host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"server\.host") as caught:
        require_safe(ServerSettings(host=host))
    assert "--insecure-open" in caught.value.hint
    require_safe(ServerSettings(host=host, insecure_open=True))


def test_taken_port_is_an_error_that_names_the_option() -> None:
    with listen(ServerSettings(port=0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match="cannot listen") as caught:
            listen(ServerSettings(port=port))
    assert "--port" in caught.value.hint


def test_url_of_a_wildcard_address_is_loopback() -> None:
    with listen(ServerSettings(port=0)) as listening:
        port = listening.getsockname()[1]
        everywhere = ServerSettings(host="0.0.0.0")  # noqa: S104 - a name
        assert url_of(everywhere, listening) == f"http://127.0.0.1:{port}"
        assert url_of(ServerSettings(), listening) == f"http://127.0.0.1:{port}"


def test_one_of_certificate_and_key_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="tls_key is not set"):
        require_tls(ServerSettings(tls_certificate=Path("certificate.pem")))
    with pytest.raises(ConfigurationError, match="tls_certificate is not set"):
        require_tls(ServerSettings(tls_key=Path("key.pem")))


def test_files_that_are_no_certificate_are_an_error(tmp_path: Path) -> None:
    file = tmp_path / "file.pem"
    named = ServerSettings(tls_certificate=file, tls_key=file)
    with pytest.raises(ConfigurationError, match="No such file"):
        require_tls(named)
    file.write_text("nothing")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        require_tls(named)
