"""Sending instances to a server by STOW-RS (PS3.18 10.5)."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

import httpx

from dicomweb_server.errors import (
    ConfigurationError,
    InvalidRequest,
    NotPermitted,
    StoreFull,
    Unavailable,
)
from dicomweb_server.model.limits import MIB
from dicomweb_server.ops.candidates import Candidate
from dicomweb_server.ops.importer import Fate, Outcome

_CHUNK = MIB
_ANSWER = 64 * MIB
_AGAIN = frozenset({408, 425, 429, 502, 503, 504})
_FULL = 507
_REFUSED = frozenset({401, 403})
_STORED_STATUSES = frozenset({200, 202, 409})
_FAILURES = {
    0x0110: "processing failure",
    0x0111: "stored already with other bytes",
    0x0122: "SOP class not supported",
    0x0124: "not authorised",
    0xA700: "the server is out of resources",
    0xA900: "does not match its SOP class or study",
    0xC000: "cannot be understood",
    0xC122: "transfer syntax not supported",
}


@dataclass(frozen=True, slots=True)
class Patience:
    """How an upload waits.

    Args:
        attempts: Times that a request is tried.
        first: Seconds before the second try; doubled each time.
        longest: Most seconds between two tries.
        answer: Seconds that a server may take to answer.
    """

    attempts: int = 5
    first: float = 0.5
    longest: float = 30.0
    answer: float = 300.0


class Upload:
    """A DICOMweb server as the target of an import; an async context manager.

    Args:
        base: URL of the DICOMweb root.
        patience: How it waits.

    Raises:
        ConfigurationError: The URL is none.
    """

    def __init__(self, base: str, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()
        self._url = base.rstrip("/") + "/studies"
        try:
            url = httpx.URL(self._url)
        except httpx.InvalidURL:
            url = httpx.URL()
        if url.scheme not in {"http", "https"} or not url.host:
            raise ConfigurationError(
                f"{base!r} is not the URL of a server",
                "give the DICOMweb root, such as http://127.0.0.1:8080/dicom-web",
            )
        timeout = httpx.Timeout(self._patience.answer, connect=10.0)
        self._client = httpx.AsyncClient(timeout=timeout)

    async def __aenter__(self) -> Upload:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def store(self, batch: Sequence[Candidate]) -> list[Outcome]:
        """Send a batch; what the answer does not tell apart is sent again one by one.

        Raises:
            NotPermitted: The server wants credentials.
            StoreFull: The server has no space left.
            Unavailable: The server does not answer, or it is not a DICOMweb server.
        """
        try:
            answer = await self._post(batch)
        except InvalidRequest as error:
            if len(batch) == 1:
                return [Outcome(batch[0], Fate.FAILED, error.detail)]
            return await self._one_by_one(batch)
        outcomes = [_outcome(candidate, answer) for candidate in batch]
        told = [outcome for outcome in outcomes if outcome is not None]
        untold = [c for c, outcome in zip(batch, outcomes, strict=True) if outcome is None]
        if not untold:
            return told
        if len(batch) == 1:
            return [Outcome(batch[0], Fate.FAILED, answer.reason)]
        return told + await self._one_by_one(untold)

    async def _one_by_one(self, batch: Iterable[Candidate]) -> list[Outcome]:
        outcomes = []
        for candidate in batch:
            outcomes += await self.store([candidate])
        return outcomes

    async def _post(self, batch: Sequence[Candidate]) -> _Answer:
        pause = self._patience.first
        problem = ""
        for attempt in range(self._patience.attempts):
            if attempt:
                await asyncio.sleep(pause)
                pause = min(2 * pause, self._patience.longest)
            try:
                response = await self._send(batch)
            except httpx.TransportError as error:
                problem = type(error).__name__
                continue
            if response.status_code not in _AGAIN:
                return _read(response)
            problem = f"status {response.status_code}"
            pause = max(pause, min(_retry_after(response), self._patience.longest))
        raise Unavailable(
            f"{self._url} does not take instances: {problem}",
            "is the server running? the import can be taken up again where it stopped",
        )

    async def _send(self, batch: Sequence[Candidate]) -> httpx.Response:
        boundary = secrets.token_hex(16)
        headers = {
            "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
            "Content-Length": str(_length(batch, boundary)),
            "Accept": "application/dicom+json",
        }
        request = self._client.build_request(
            "POST", self._url, headers=headers, content=_body(batch, boundary)
        )
        response = await self._client.send(request, stream=True)
        try:
            content = b""
            async for piece in response.aiter_bytes():
                content += piece
                if len(content) > _ANSWER:
                    raise Unavailable(f"{self._url} answers with more than {_ANSWER} bytes")
        finally:
            await response.aclose()
        return httpx.Response(response.status_code, headers=_plain(response), content=content)


@dataclass(frozen=True, slots=True)
class _Answer:
    """A store response: by SOP Instance UID what was stored, and what was not and why."""

    stored: frozenset[str]
    failed: Mapping[str, str]
    reason: str


def _outcome(candidate: Candidate, answer: _Answer) -> Outcome | None:
    if candidate.uid in answer.failed:
        return Outcome(candidate, Fate.FAILED, answer.failed[candidate.uid])
    if candidate.uid in answer.stored or (answer.stored and not answer.reason):
        return Outcome(candidate, Fate.STORED)
    return None


def _read(response: httpx.Response) -> _Answer:
    status = response.status_code
    if status in _REFUSED:
        raise NotPermitted(f"the server answers with status {status}: it wants credentials")
    if status == _FULL:
        raise StoreFull("the server has no space left", "make room there, then import again")
    if status not in _STORED_STATUSES:
        raise InvalidRequest(f"the server answers with status {status}")
    try:
        module = json.loads(response.content)
        stored = frozenset(_uids(module, "00081199"))
        failed = dict(_failures(module, "00081198"))
        nameless = [reason for _, reason in _failures(module, "0008119A")]
    except (ValueError, TypeError, AttributeError, LookupError):
        raise Unavailable("the server's answer is not a store response in DICOM JSON") from None
    reasons = [*failed.values(), *nameless]
    return _Answer(stored, failed, reasons[0] if reasons else ("" if stored else "not stored"))


def _uids(module: Mapping[str, object], sequence: str) -> Iterable[str]:
    for item in _values(module, sequence):
        if isinstance(item, dict):
            yield from (str(uid) for uid in _values(item, "00081155"))


def _failures(module: Mapping[str, object], sequence: str) -> Iterable[tuple[str, str]]:
    for item in _values(module, sequence):
        if isinstance(item, dict):
            uid = next((str(uid) for uid in _values(item, "00081155")), "")
            code = next((int(str(code)) for code in _values(item, "00081197")), 0x0110)
            yield uid, f"{_FAILURES.get(code, 'refused')} ({code:04X})"


def _values(item: Mapping[str, object], tag: str) -> list[object]:
    attribute = item.get(tag)
    values = attribute.get("Value") if isinstance(attribute, dict) else None
    return values if isinstance(values, list) else []


def _plain(response: httpx.Response) -> dict[str, str]:
    """Headers of an answer whose content is decoded already."""
    return {name: response.headers[name] for name in ("retry-after",) if name in response.headers}


def _retry_after(response: httpx.Response) -> float:
    text = response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else 0.0


def _head(boundary: str, first: bool) -> bytes:
    lead = "" if first else "\r\n"
    return f"{lead}--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()


def _tail(boundary: str) -> bytes:
    return f"\r\n--{boundary}--\r\n".encode()


def _length(batch: Sequence[Candidate], boundary: str) -> int:
    heads = sum(len(_head(boundary, place == 0)) for place in range(len(batch)))
    return heads + sum(candidate.size for candidate in batch) + len(_tail(boundary))


async def _body(batch: Sequence[Candidate], boundary: str) -> AsyncIterator[bytes]:
    for place, candidate in enumerate(batch):
        yield _head(boundary, place == 0)
        async for chunk in read_candidate(candidate):
            yield chunk
    yield _tail(boundary)


async def read_candidate(candidate: Candidate) -> AsyncIterator[bytes]:
    """The bytes of a candidate in chunks of 1 MiB, read in a thread.

    Raises:
        InvalidRequest: It cannot be read, or its length is not what was found.
    """
    left = candidate.size
    try:
        reader = await asyncio.to_thread(candidate.open)
        try:
            while chunk := await asyncio.to_thread(reader.read, _CHUNK):
                left -= len(chunk)
                if left < 0:
                    break
                yield chunk
        finally:
            await asyncio.to_thread(reader.close)
    except OSError as error:
        raise InvalidRequest(f"it cannot be read: {error.strerror}") from None
    if left:
        raise InvalidRequest("it changed while it was read")
