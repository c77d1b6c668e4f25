"""Store requests of metadata and bulk data, and the metadata of stored instances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import httpx
import orjson

from dicomweb_server.dicom.xml_out import native_xml
from tests.site import Site, parts_of

JSON = "application/dicom+json"
XML = "application/dicom+xml"

Attribute = dict[str, object]
Metadata = dict[str, Attribute]


@dataclass(frozen=True, slots=True)
class BulkPart:
    """One part of a request: media type with its parameters, name and bytes."""

    location: str
    data: bytes
    media_type: str = "application/octet-stream"
    headers: Mapping[str, str] = field(default_factory=dict)


def request_body(root: str, documents: Sequence[bytes], bulk: Sequence[BulkPart]) -> bytes:
    """A multipart body: the documents, then the bulk data."""
    parts = [f"--limit\r\nContent-Type: {root}\r\n\r\n".encode() + text for text in documents]
    for part in bulk:
        fields = {"Content-Type": part.media_type, **part.headers}
        if part.location:
            fields["Content-Location"] = part.location
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        parts.append(f"--limit\r\n{head}\r\n".encode() + part.data)
    return b"\r\n".join([*parts, b"--limit--\r\n"])


def post(site: Site, root: str, body: bytes, path: str = "/studies") -> httpx.Response:
    """Send a request whose root is metadata."""
    kind = f'multipart/related; type="{root}"; boundary=limit'
    return site.request("POST", path, headers={"Content-Type": kind, "Accept": JSON}, content=body)


def store_json(
    site: Site, metadata: Sequence[object], bulk: Sequence[BulkPart] = ()
) -> httpx.Response:
    """Store instances by JSON metadata."""
    return post(site, JSON, request_body(JSON, [orjson.dumps(metadata)], bulk))


def store_xml(
    site: Site, metadata: Sequence[Metadata], bulk: Sequence[BulkPart] = ()
) -> httpx.Response:
    """Store instances by XML metadata."""
    documents = [native_xml(orjson.dumps(instance)) for instance in metadata]
    return post(site, XML, request_body(XML, documents, bulk))


def metadata_of(site: Site, path: str) -> Metadata:
    """The metadata of one instance."""
    (found,) = orjson.loads(site.get(f"{path}/metadata", JSON).content)
    metadata: Metadata = found
    return metadata


def uris_in(metadata: Metadata) -> Iterator[tuple[str, str]]:
    """Tag and BulkDataURI of each value given by reference."""
    for tag, attribute in metadata.items():
        if "BulkDataURI" in attribute:
            yield tag, str(attribute["BulkDataURI"])
        elif attribute.get("vr") == "SQ":
            items = attribute.get("Value", [])
            assert isinstance(items, list)
            for item in items:
                yield from uris_in(item)


def bulk_of(site: Site, metadata: Metadata) -> list[BulkPart]:
    """All bulk data that metadata refer to, as parts that can be sent."""
    return [part for tag, uri in uris_in(metadata) for part in _fetched(site, uri)]


def _fetched(site: Site, uri: str) -> Iterator[BulkPart]:
    wanted = 'multipart/related; type="*/*"; transfer-syntax=*'
    response = site.get("/" + uri.removeprefix("http://127.0.0.1:8080"), wanted)
    assert response.status_code == 200, response.text
    for headers, data in parts_of(response):
        yield BulkPart(uri, data, headers["Content-Type"])
