"""A whole server inside the test's own process: real store, real index, no sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import httpx
import orjson

from dicomweb_server.app import create_app
from dicomweb_server.settings import CodecSettings, Settings
from tests import canaries

ROOT = "/dicom-web"
ANY_SYNTAX = 'multipart/related; type="application/dicom"; transfer-syntax=*'


class Site:
    """An application with its lifespan begun, called synchronously.

    Args:
        settings: Of the application.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.app = create_app(settings)
        self._runner = asyncio.Runner()
        self._lifespan = self.app.router.lifespan_context(self.app)
        transport = httpx.ASGITransport(self.app, client=("127.0.0.1", 5000))
        self._client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080")

    def __enter__(self) -> Site:
        self._runner.run(self._lifespan.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._runner.run(self._client.aclose())
        self._runner.run(self._lifespan.__aexit__(kind, error, trace))
        self._runner.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        """Send one request; `path` is below the DICOMweb root unless it begins with `//`."""
        url = path[1:] if path.startswith("//") else ROOT + path
        call = self._client.request(method, url, headers=headers, content=content)
        response = self._runner.run(call)
        if response.headers.get("content-type") == "application/problem+json":
            canaries.check(response.text, f"the refusal of {method}")
        return response

    def get(self, path: str, accept: str = "*/*", **headers: str) -> httpx.Response:
        """GET with an Accept header; other headers by their name with `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("GET", path, headers={"Accept": accept, **named})

    def search(self, path: str) -> list[dict[str, dict[str, object]]]:
        """The matches of a search that must succeed."""
        response = self.get(path, "application/dicom+json")
        assert response.status_code == 200, response.text
        found: list[dict[str, dict[str, object]]] = orjson.loads(response.content)
        return found

    def store(self, files: Sequence[bytes], path: str = "/studies") -> httpx.Response:
        """Store Part 10 files in one multipart request."""
        return self.request(
            "POST",
            path,
            headers={
                "Content-Type": 'multipart/related; type="application/dicom"; boundary=limit',
                "Accept": "application/dicom+json",
            },
            content=multipart(files),
        )


def multipart(files: Sequence[bytes], boundary: str = "limit") -> bytes:
    """A multipart/related body as the usual clients write it: with CRLF in front of everything."""
    head = f"\r\n--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return b"".join(head + data for data in files) + f"\r\n--{boundary}--".encode()


def parts_of(response: httpx.Response) -> list[tuple[dict[str, str], bytes]]:
    """Headers and bodies of a multipart answer, read by each part's Content-Length."""
    content_type = response.headers["content-type"]
    boundary = content_type.rpartition("boundary=")[2].strip('"').encode()
    data, parts = response.content, []
    while data != b"--" + boundary + b"--\r\n":
        assert data.startswith(b"--" + boundary + b"\r\n"), data[:80]
        head, _, data = data[len(boundary) + 4 :].partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        length = int(headers["Content-Length"])
        parts.append((headers, data[:length]))
        data = data[length:].removeprefix(b"\r\n")
    return parts


@contextmanager
def open_site(folder: Path, **sections: object) -> Iterator[Site]:
    """A site over a folder; sections as in Settings."""
    sections = {"codec": CodecSettings(warm=False), **sections}
    settings = Settings(data=folder, **sections)  # type: ignore[arg-type] # sections are checked by Settings' own types
    with Site(settings) as site:
        yield site
