"""Retrieve: bulk data (PS3.18 10.4.1.5, 10.4.1.1.5)."""

from __future__ import annotations

from conformance.answer import Answer, Dataset
from conformance.checks.retrieve import LEVELS, path_of
from conformance.model import MAY, SHALL, SHOULD, Check, Failed, NotOffered, check, checks_of
from conformance.synthetic.values import BULK, LONG_TEXT, NESTED_BULK, PRIVATE_BULK
from conformance.world import (
    ANY_OCTETS,
    MULTIPART_OCTETS,
    World,
    items,
)


def bulk_uri(world: World, dataset: Dataset, tag: str) -> str:
    """The BulkDataURI of an attribute.

    Raises:
        NotOffered: The value came inline.
    """
    element = dataset.get(tag)
    if element is None:
        raise Failed(f"the metadata lacks {tag}")
    uri = element.get("BulkDataURI")
    if not isinstance(uri, str):
        raise NotOffered(f"the metadata gives {tag} inline, without BulkDataURI")
    return uri


def _resolves(world: World, uri: str, expected: bytes) -> None:
    answer = world.get(uri, ANY_OCTETS).ok()
    found = b"".join(part.body for part in answer.parts())
    answer.equal(found, expected, "bytes")


@check("R4.resolves", SHALL, "10.4.1.5", "a BulkDataURI gives the bytes of the value")
def resolves(world: World) -> None:
    _, found = world.described("values")
    _resolves(world, bulk_uri(world, found, "00720065"), BULK)


@check("R4.nested", SHALL, "10.4.1.5", "a BulkDataURI inside a sequence gives the bytes")
def nested(world: World) -> None:
    _, found = world.described("values")
    item = items(found, "00081250")[-1]
    _resolves(world, bulk_uri(world, item, "00720065"), NESTED_BULK)


@check("R4.private", SHALL, "10.4.1.5", "a BulkDataURI of a private attribute gives the bytes")
def private(world: World) -> None:
    _, found = world.described("values")
    _resolves(world, bulk_uri(world, found, "00091001"), PRIVATE_BULK)


@check("R4.text", SHALL, "10.4.1.5", "a BulkDataURI of a long text gives its characters")
def text(world: World) -> None:
    _, found = world.described("values")
    _resolves(world, bulk_uri(world, found, "00720070"), LONG_TEXT.encode())


@check("R4.pixels", SHALL, "10.4.1.5", "the BulkDataURI of Pixel Data gives all frames")
def bulk_pixels(world: World) -> None:
    _, found = world.described("multi")
    uri = bulk_uri(world, found, "7FE00010")
    answer = world.get(uri, MULTIPART_OCTETS).ok()
    joined = b"".join(part.body for part in answer.parts())
    answer.equal(joined, b"".join(world.corpus["multi"].frames), "bytes")


@check("R4.absolute", SHOULD, "F.2.6", "BulkDataURIs are absolute")
def absolute(world: World) -> None:
    answer, found = world.described("multi")
    uri = bulk_uri(world, found, "7FE00010")
    answer.must(uri.startswith("http"), f"an absolute URI, not {uri}")


@check("R4.same-origin", SHALL, "10.4.1.5", "BulkDataURIs lead back to the server that was asked")
def same_origin(world: World) -> None:
    answer, found = world.described("multi")
    uri = bulk_uri(world, found, "7FE00010")
    reachable = not uri.startswith("http") or uri.startswith(world.client.root)
    answer.must(reachable, f"a URI below {world.client.root}, not {uri}")


@check("R4.single", MAY, "10.4.4", "bulk data of one value also comes as a single part")
def bulk_single(world: World) -> None:
    _, found = world.described("values")
    uri = bulk_uri(world, found, "00720065")
    answer = world.get(uri, "application/octet-stream").offered().ok()
    answer.equal(answer.body, BULK, "bytes")


@check("R4.unknown", SHALL, "10.4.3", "an unknown bulk data resource: 404")
def bulk_unknown(world: World) -> None:
    world.get(f"{world.instance('alpha').path}/bulkdata/00420011", ANY_OCTETS).status_in(400, 404)


def _all_bulk(level: str, kind: str, row: str) -> Check:
    def run(world: World) -> None:
        path = path_of(world.instance("multi"), level)
        answer = world.get(f"{path}/{kind}", ANY_OCTETS).offered().status_in(200, 206)
        joined = b"".join(part.body for part in answer.parts())
        answer.must(b"".join(world.corpus["multi"].frames) in joined, "the pixels of each instance")

    return check(f"{row}.{level}", MAY, "10.4.1.1.5", f"/{kind} of a {level}")(run)


ALL_BULK = tuple(
    _all_bulk(level, kind, row)
    for kind, row in (("bulkdata", "R5"), ("pixeldata", "R6"))
    for level in LEVELS
)


@check("R5.location", SHALL, "10.4.3.3.5", "parts of /bulkdata are located by their BulkDataURI")
def bulk_location(world: World) -> None:
    _, found = world.described("multi")
    uri = bulk_uri(world, found, "7FE00010")
    answer = world.get(f"{world.corpus['multi'].path}/bulkdata", ANY_OCTETS).offered().ok()
    locations = [part.location for part in answer.parts()]
    answer.must(any(uri.endswith(place) for place in locations if place), f"Content-Location {uri}")


@check("R6.top-level", SHALL, "10.4.3.3.6", "/pixeldata gives the pixels of the data set only")
def pixeldata_only(world: World) -> None:
    path = world.instance("values").path
    answer = world.get(f"{path}/pixeldata", ANY_OCTETS).offered(400, 405, 406, 501)
    if answer.status == 404:
        raise NotOffered(f"{answer.asked} answered 404: no pixels, or no such resource")
    bodies = [part.body for part in answer.parts()] if answer.body else []
    answer.must(BULK not in bodies, "no bulk data of other attributes")


@check("R12.range", MAY, "8.6.1", "Range on a single part: 206 with those bytes")
def byte_range(world: World) -> None:
    answer = _ranged(world, "bytes=1-4").offered(400, 404, 405, 406)
    if answer.status == 200:
        raise NotOffered("Range is ignored")
    answer.status_in(206).equal(answer.body, BULK[1:5], "bytes")
    answer.equal(answer.headers.get("content-range"), f"bytes 1-4/{len(BULK)}", "Content-Range")


@check("R12.range-beyond", MAY, "8.6.1", "a Range behind the end: 416")
def range_beyond(world: World) -> None:
    answer = _ranged(world, f"bytes={len(BULK)}-").offered(400, 404, 405, 406)
    if answer.status == 200:
        raise NotOffered("Range is ignored")
    answer.status_in(416)


def _ranged(world: World, wanted: str) -> Answer:
    _, found = world.described("values")
    uri = bulk_uri(world, found, "00720065")
    return world.get(uri, "application/octet-stream", {"Range": wanted})


CHECKS = checks_of(globals().values())
