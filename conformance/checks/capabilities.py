"""Capabilities, methods and status codes (PS3.18 8.5, 8.9)."""

from __future__ import annotations

import json
import re

from conformance.checks.framing import head_of
from conformance.checks.store import fresh
from conformance.model import MAY, SHALL, SHOULD, Check, Failed, NotOffered, check, checks_of
from conformance.synthetic.instance import new_uid
from conformance.world import (
    ANY_DICOM,
    ANY_OCTETS,
    JSON,
    MULTIPART_DICOM,
    World,
)

_WADL = "application/vnd.sun.wadl+xml"


@check("X1.wadl", SHALL, "8.9", "OPTIONS of the root describes the service as WADL")
def wadl(world: World) -> None:
    answer = world.client.request("OPTIONS", "", accept=_WADL).ok().typed(_WADL)
    root = answer.xml()
    answer.must(root.tag.endswith("application"), "a WADL application")
    children = [child.tag.rpartition("}")[2] for child in root]
    answer.must("resources" in children, "a resources element")


@check("X1.json", SHALL, "8.9", "OPTIONS of the root describes the service as JSON")
def capabilities_json(world: World) -> None:
    answer = world.client.request("OPTIONS", "", accept="application/json").ok()
    found = answer.json()
    answer.must(isinstance(found, dict) and "application" in found, "an object with application")


@check("X1.resources", SHALL, "8.9", "the capabilities name the resources of the Studies Service")
def resources(world: World) -> None:
    answer = world.client.request("OPTIONS", "", accept="application/json").ok()
    text = json.dumps(answer.json())
    missing = [w for w in ("studies", "series", "instances", "metadata", "frames") if w not in text]
    answer.equal(missing, [], "without")


@check("X1.parameters", SHALL, "8.9", "the capabilities name query parameters and media types")
def parameters(world: World) -> None:
    answer = world.client.request("OPTIONS", "", accept="application/json").ok()
    text = json.dumps(answer.json())
    missing = [w for w in ("limit", "includefield", "application/dicom+json") if w not in text]
    answer.equal(missing, [], "without")


@check("X1.not-acceptable", SHALL, "8.9", "capabilities as another type: 406")
def capabilities_type(world: World) -> None:
    world.client.request("OPTIONS", "", accept="image/x-nothing").status_in(406)


@check("X1.resource", SHOULD, "8.9", "OPTIONS of a resource succeeds")
def options_resource(world: World) -> None:
    answer = world.client.request("OPTIONS", "/studies", accept="*/*")
    answer.must(answer.succeeded, "2xx")


@check("X2.preflight", MAY, "8.9", "a CORS preflight is told apart from OPTIONS")
def preflight(world: World) -> None:
    answer = world.client.request(
        "OPTIONS",
        "/studies",
        headers={"Origin": "http://viewer.example", "Access-Control-Request-Method": "GET"},
    )  # fmt: skip
    if "access-control-allow-origin" not in answer.headers:
        raise NotOffered("no CORS for foreign origins")
    answer.must(answer.succeeded, "2xx")


def _method(method: str, path: str, name: str) -> Check:
    def run(world: World) -> None:
        answer = world.client.request(method, path, accept=JSON, content=b"").status_in(405, 501)
        answer.must(answer.status == 501 or "allow" in answer.headers, "an Allow header")

    return check(f"X3.{name}", SHALL, "8.5", f"{method} {path}: 405 with Allow")(run)


METHODS = (
    _method("PUT", "/studies", "put"),
    _method("PATCH", "/studies", "patch"),
    _method("POST", "/series", "post-series"),
    _method("POST", "/instances", "post-instances"),
)


@check("X3.get-allowed", SHALL, "8.5", "Allow names the methods that there are")
def allow(world: World) -> None:
    answer = world.client.request("PUT", "/studies", accept=JSON, content=b"").status_in(405)
    named = {method.strip() for method in answer.headers.get("allow", "").split(",")}
    answer.must({"GET", "POST"} <= named, "Allow with GET and POST")


@check("X4.deleted", MAY, "8.5", "what was deleted is gone: 404 or 410")
def deleted(world: World) -> None:
    instance = fresh(world)
    world.store([instance.file()]).ok()
    answer = world.client.request("DELETE", instance.study_path)
    if not answer.succeeded:
        raise NotOffered(f"DELETE of a study answered {answer.describe()}")
    world.get(instance.path, ANY_DICOM).status_in(404, 410)
    found = world.search("/studies", f"StudyInstanceUID={instance.study}")
    found.equal(len(found.datasets()), 0, "results")


@check("X4.unknown-path", SHALL, "8.5", "a path that is no resource: 404")
def unknown_path(world: World) -> None:
    world.get("/nothing-of-this-name", JSON).status_in(404, 400)


@check("X4.delete-unknown", MAY, "8.5", "deletion of what is not there: 404 or 410")
def delete_unknown(world: World) -> None:
    answer = world.client.request("DELETE", f"/studies/{new_uid()}")
    if answer.status in (405, 501, 403, 401):
        raise NotOffered(f"DELETE answered {answer.describe()}")
    answer.status_in(404, 410)


@check("X5.unauthorised", SHALL, "8.5", "401 comes with WWW-Authenticate")
def unauthorised(world: World) -> None:
    answer = world.get("/studies?limit=1", JSON, {"Authorization": "Bearer wrong"})
    if answer.status != 401:
        raise NotOffered(f"a wrong token is answered by {answer.status}")
    answer.must("www-authenticate" in answer.headers, "WWW-Authenticate")


@check("SC1.retrieve", SHALL, "10.4.3-1", "a whole study is 200, not 206")
def whole(world: World) -> None:
    world.get(world.instance("alpha").study_path, ANY_DICOM).ok()


@check(
    "SC1.partial",
    MAY,
    "10.4.3-1",
    "a study of which some cannot be sent as asked: 206 or 406, or 200",
)
def partial(world: World) -> None:
    answer = world.get(world.instance("multi").study_path, MULTIPART_DICOM)
    answer.status_in(200, 206, 406)
    if answer.status == 206:
        answer.must(len(answer.parts()) > 0, "some instances")


@check("SC1.error-body", SHOULD, "8.6.3", "an error says in its body what was wrong")
def error_body(world: World) -> None:
    answer = world.get(f"/studies/{new_uid()}", MULTIPART_DICOM).status_in(404)
    answer.must(bool(answer.body) and bool(answer.media_type), "a body with a media type")


@check("SC3.found", SHALL, "10.6.3-1", "a search with results: 200")
def found(world: World) -> None:
    world.narrowed("StudyID=CF-001").ok()


@check("SC3.none", SHOULD, "10.6.3-1", "a search without results: 200 with [] (2026a)")
def none(world: World) -> None:
    answer = world.get(f"/studies?PatientID={world.corpus.run}-none", JSON).ok()
    answer.equal(answer.datasets(), [], "results")


@check("SC3.no-cache", SHOULD, "8.4", "searches may not be answered from a stale shared cache")
def no_cache(world: World) -> None:
    answer = world.narrowed("StudyID=CF-001").ok()
    control = answer.headers.get("cache-control", "").lower()
    private = any(word in control for word in ("no-store", "no-cache", "private", "max-age=0"))
    answer.must(private or not control, "Cache-Control without shared caching")


@check("SC4.long-uri", SHOULD, "8.5", "a URI that is too long: 414, or an answer, no crash")
def long_uri(world: World) -> None:
    head, _ = head_of(world, f"/studies?StudyID={'x' * 100_000}", f"Accept: {JSON}")
    if not re.match(r"HTTP/1\.[01] [2-4]", head):
        raise Failed(f"asked for a URI of 100,000 characters; answered {head[:40]!r}; expected 414")


@check("SC4.frames-type", SHALL, "10.4.3", "bulk data of an unknown instance: 404")
def unknown_frames(world: World) -> None:
    instance = world.instance("multi")
    path = instance.path.replace(instance.uid, new_uid())
    world.get(f"{path}/frames/1", ANY_OCTETS).status_in(404, 410)


CHECKS = checks_of(globals().values())
