"""HTTP as checks need it: by httpx, or byte by byte on a socket."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Mapping
from types import TracebackType
from urllib.parse import urlsplit

import httpx

from conformance.answer import Answer
from conformance.model import Failed

_MOST_BYTES = 256 * 1024 * 1024
_SHOWN_QUERY = 160


class Client:
    """Requests to one server.

    Args:
        root: URL of its DICOMweb root.
        timeout: Seconds that one request may take.
        headers: Sent with every request, such as Authorization.
        verify: Whether TLS certificates are verified.
    """

    def __init__(
        self,
        root: str,
        timeout: float = 20.0,
        headers: Mapping[str, str] | None = None,
        verify: bool = True,
    ) -> None:
        self.root = root.rstrip("/")
        self.timeout = timeout
        self.extra = dict(headers or {})
        self.requests = 0
        self._verify = verify
        self._http = httpx.Client(timeout=timeout, verify=verify, follow_redirects=False)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    @property
    def path(self) -> str:
        """Path of the DICOMweb root."""
        return urlsplit(self.root).path

    def url(self, path: str) -> str:
        """A path below the root as a URL; URLs stay as they are."""
        return path if path.startswith(("http://", "https://")) else self.root + path

    def request(
        self,
        method: str,
        path: str,
        *,
        accept: str | None = "*/*",
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """Send a request.

        Args:
            method: HTTP method.
            path: Below the root, with its query, or a whole URL.
            accept: The Accept header; None for a request without one.
            headers: Others.
            content: Body.
        """
        merged = {"Accept-Encoding": "identity", **self.extra, **(headers or {})}
        if accept is not None:
            merged["Accept"] = accept
        request = self._http.build_request(method, self.url(path), headers=merged, content=content)
        if accept is None:
            del request.headers["Accept"]
        self.requests += 1
        asked = _line(method, path, accept, headers or {})
        try:
            response = self._http.send(request, stream=True)
            try:
                body = _bounded(response)
            finally:
                response.close()
        except httpx.HTTPError as error:
            raise Failed(f"asked {asked}; no answer: {type(error).__name__}: {error}") from error
        return Answer(asked, response.status_code, response.headers, body)

    def raw(self, data: bytes) -> bytes:
        """Send bytes on a connection of its own and read until the server closes it.

        Args:
            data: A whole request with `Connection: close`.
        """
        self.requests += 1
        parts = urlsplit(self.root)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        with socket.create_connection((parts.hostname or "", port), self.timeout) as plain:
            wire = self._wrapped(plain, parts.hostname or "") if parts.scheme == "https" else plain
            wire.sendall(data)
            found = bytearray()
            while len(found) < _MOST_BYTES:
                chunk = wire.recv(65536)
                if not chunk:
                    break
                found += chunk
        return bytes(found)

    def raw_get(self, path: str, *lines: str, method: str = "GET") -> tuple[bytes, bytes]:
        """Head and body of a request written by hand; the body as framed on the wire."""
        fixed = [f"{name}: {value}" for name, value in self.extra.items()]
        head = [f"{method} {self.path}{path} HTTP/1.1", f"Host: {urlsplit(self.root).netloc}"]
        text = "\r\n".join([*head, *fixed, *lines, "Connection: close", "", ""])
        answer = self.raw(text.encode())
        first, _, body = answer.partition(b"\r\n\r\n")
        return first, body

    def _wrapped(self, plain: socket.socket, host: str) -> socket.socket:
        context = ssl.create_default_context()
        if not self._verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context.wrap_socket(plain, server_hostname=host)


def _bounded(response: httpx.Response) -> bytes:
    found = bytearray()
    for chunk in response.iter_bytes():
        found += chunk
        if len(found) > _MOST_BYTES:
            raise Failed(f"the answer is longer than {_MOST_BYTES} bytes")
    return bytes(found)


def _line(method: str, path: str, accept: str | None, headers: Mapping[str, str]) -> str:
    # Generated UIDs are as long as a line; their last digits tell them apart.
    brief = re.sub(r"2\.25\.[0-9]+([0-9]{4})", r"2.25..\1", path)
    shown = brief if len(brief) <= _SHOWN_QUERY else brief[:_SHOWN_QUERY] + "..."
    told = [] if accept == "*/*" else [f"Accept: {accept}" if accept else "no Accept"]
    told += [f"{name}: {value}" for name, value in headers.items()]
    return f"{method} {shown}" + (f" [{'; '.join(told)}]" if told else "")
