"""An answer with the question in front, so that every failure can say both."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self, TypeAlias, TypeVar
from xml.etree import ElementTree

import httpx

from conformance import multipart
from conformance.model import Failed, NotOffered
from conformance.multipart import Part

Element: TypeAlias = dict[str, object]
Dataset: TypeAlias = dict[str, Element]

T = TypeVar("T")
_SHOWN = 90


@dataclass(frozen=True, slots=True)
class Answer:
    """One request and what came back.

    Args:
        asked: The request in one line.
        status: Status code.
        headers: Of the answer.
        body: Of the answer.
    """

    asked: str
    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def content_type(self) -> str:
        """The Content-Type as it came; empty where there is none."""
        return str(self.headers.get("content-type", ""))

    @property
    def media_type(self) -> str:
        """Content-Type without parameters, in lower case."""
        return multipart.media_type(self.content_type)

    @property
    def warnings(self) -> str:
        """All Warning headers in one line."""
        return "; ".join(self.headers.get_list("warning"))

    @property
    def succeeded(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def describe(self) -> str:
        """The answer in a few words."""
        said = f"{self.status} {self.media_type}".strip()
        if self.status >= 400 and self.body:
            said += f" ({' '.join(self.body[:400].decode('utf-8', 'replace').split())[:_SHOWN]})"
        return said

    def must(self, holds: bool, expected: str) -> Self:
        """Go on only if something holds.

        Raises:
            Failed: It does not.
        """
        if not holds:
            raise Failed(f"asked {self.asked}; answered {self.describe()}; expected {expected}")
        return self

    def equal(self, found: object, expected: object, what: str) -> Self:
        """Go on only if a value of the answer is the expected one.

        Raises:
            Failed: It is another.
        """
        if found != expected:
            shown, wanted = _short(found), _short(expected)
            raise Failed(f"asked {self.asked}; answered {what} {shown}; expected {wanted}")
        return self

    def status_in(self, *codes: int) -> Self:
        """Go on only with one of these status codes."""
        return self.must(self.status in codes, " or ".join(map(str, codes)))

    def ok(self) -> Self:
        """Go on only with 200."""
        return self.status_in(200)

    def offered(self, *refusals: int) -> Self:
        """Go on unless the status says that the feature is not there.

        Raises:
            NotOffered: It is one of `refusals`.
        """
        if self.status in (refusals or (400, 404, 405, 406, 415, 501)):
            raise NotOffered(f"{self.asked} answered {self.describe()}")
        return self

    def typed(self, media_type: str) -> Self:
        """Go on only with this media type."""
        return self.must(self.media_type == media_type.lower(), f"Content-Type {media_type}")

    def parts(self) -> list[Part]:
        """The parts of a multipart answer."""
        return self._read(lambda: multipart.parse(self.content_type, self.body))

    def part(self) -> Part:
        """The only part of a multipart answer."""
        found = self.parts()
        self.must(len(found) == 1, f"one part, not {len(found)}")
        return found[0]

    def datasets(self) -> list[Dataset]:
        """The data sets of a DICOM JSON answer; none for 204."""
        if self.status == 204:
            return []
        found = self.json()
        self.must(
            isinstance(found, list) and all(isinstance(item, dict) for item in found),
            "a JSON array of objects (F.2.1)",
        )
        return found if isinstance(found, list) else []

    def dataset(self) -> Dataset:
        """The only data set of a DICOM JSON answer."""
        found = self.datasets()
        self.must(len(found) == 1, f"one data set, not {len(found)}")
        return found[0]

    def json(self) -> object:
        """The body as JSON."""

        def load() -> object:
            try:
                return json.loads(self.body.decode("utf-8"), parse_constant=_no_constant)
            except ValueError as error:
                raise Failed(f"the body is not JSON in UTF-8: {error}") from error

        return self._read(load)

    def xml(self, body: bytes | None = None) -> ElementTree.Element:
        """A Native DICOM Model document, of the body or of a part."""

        def load() -> ElementTree.Element:
            try:
                # What is judged here came from a server that the user chose to trust with a test.
                return ElementTree.fromstring(body or self.body)  # noqa: S314 # see above
            except ElementTree.ParseError as error:
                raise Failed(f"the body is not XML: {error}") from error

        return self._read(load)

    def _read(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except Failed as failure:
            raise Failed(
                f"asked {self.asked}; answered {self.describe()}; {str(failure)[:200]}"
            ) from failure


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
