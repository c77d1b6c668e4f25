"""The clients: the same for every server, and much faster than what they measure."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from benchmarks.data import STOW_TYPE, Image, store_body
from benchmarks.machine import program
from benchmarks.peers import Peer

JSON = "application/dicom+json"
FRAMES = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
FILES = 'multipart/related; type="application/dicom"; transfer-syntax=*'

_SCRIPT = """
local paths = {%s}
local place = math.random(#paths)
request = function()
  place = place %% #paths + 1
  return wrk.format("GET", paths[place])
end
"""


class WrongAnswer(Exception):
    """A server did not do what was asked, so its time says nothing."""


def store(peer: Peer, requests: Sequence[Sequence[Image]], connections: int = 1) -> float:
    """Store images; the bodies are made before the clock starts.

    Args:
        peer: Where.
        requests: The images of each request.
        connections: Connections that share the requests.

    Returns:
        Seconds.

    Raises:
        WrongAnswer: A request was not answered by 200.
    """
    bodies = [store_body(images) for images in requests]
    shares = [bodies[first::connections] for first in range(connections)]
    with ThreadPoolExecutor(connections) as pool:
        begin = time.perf_counter()
        list(pool.map(lambda share: _post(peer, share), shares))
        return time.perf_counter() - begin


def fetch(peer: Peer, path: str, accept: str) -> tuple[float, int]:
    """Get one resource by curl.

    Returns:
        Seconds up to the last byte, and the bytes of the body.
    """
    told = "%{http_code} %{time_total} %{size_download}"
    command = [program("curl"), "-s", "-o", "/dev/null", "-w", told, "-H", f"Accept: {accept}"]
    done = subprocess.run([*command, peer.root + path], capture_output=True, text=True, check=True)
    code, seconds, size = done.stdout.split()
    if code != "200":
        raise WrongAnswer(f"{peer.name}: {path} answered {code}")
    return float(seconds), int(size)


def each(peer: Peer, paths: Sequence[str], accept: str, connections: int) -> float:
    """Get each of many resources once by curl, over several connections.

    Returns:
        Answers per second.

    Raises:
        WrongAnswer: One was not 200.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".curl") as script:
        script.writelines(f'url = "{peer.root}{path}"\noutput = "/dev/null"\n' for path in paths)
        script.flush()
        command = [program("curl"), "-s", "-Z", "--parallel-max", str(connections)]
        command += ["-H", f"Accept: {accept}", "-w", "%{http_code}\n", "-K", script.name]
        begin = time.perf_counter()
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        passed = time.perf_counter() - begin
    codes = set(told.split())
    if codes != {"200"} or len(told.split()) != len(paths):
        raise WrongAnswer(f"{peer.name}: {paths[0]} and others answered {sorted(codes)}")
    return len(paths) / passed


def count(peer: Peer, path: str) -> int:
    """Number of objects in a JSON answer."""
    with closing(http.client.HTTPConnection(*peer.address, timeout=60)) as connection:
        return len(json.loads(_get(connection, peer, path, JSON)))


def repeat(peer: Peer, path: str, accept: str, seconds: float) -> float:
    """Get one resource again and again over one connection.

    Returns:
        Answers per second; at least one answer is waited for.

    Raises:
        WrongAnswer: One was not 200.
    """
    begin, passed, answers = time.perf_counter(), 0.0, 0
    with closing(http.client.HTTPConnection(*peer.address, timeout=60)) as connection:
        while passed < seconds:
            _get(connection, peer, path, accept)
            answers += 1
            passed = time.perf_counter() - begin
    return answers / passed


def load(peer: Peer, paths: Sequence[str], accept: str, *, connections: int, seconds: int) -> float:
    """Get resources in turn by wrk, over several connections at once.

    Returns:
        Answers per second.

    Raises:
        WrongAnswer: Some were not 200.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        quoted = ", ".join(json.dumps(peer.prefix + path) for path in paths)
        script.write(_SCRIPT % quoted)
        script.flush()
        command = [program("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script.name]
        command += ["-H", f"Accept: {accept}", "--timeout", "30s", peer.root]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec:\s*([0-9.]+)", told)
    if rate is None or "Non-2xx" in told or re.search(r"(connect|read|write) [1-9]", told):
        raise WrongAnswer(f"{peer.name}: {paths[0]} failed under load:\n{told}")
    return float(rate[1])


def _get(connection: http.client.HTTPConnection, peer: Peer, path: str, accept: str) -> bytes:
    connection.request("GET", peer.prefix + path, headers={"Accept": accept})
    answer = connection.getresponse()
    if answer.status != 200:
        raise WrongAnswer(f"{peer.name}: {path} answered {answer.status}")
    return answer.read()


def _post(peer: Peer, bodies: Sequence[bytes]) -> None:
    headers = {"Content-Type": STOW_TYPE, "Accept": JSON}
    with closing(http.client.HTTPConnection(*peer.address, timeout=120)) as connection:
        for body in bodies:
            connection.request("POST", f"{peer.prefix}/studies", body, headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise WrongAnswer(f"{peer.name}: storing answered {answer.status} {text[:200]!r}")
