"""Media types: Accept and `accept=`, per resource (PS3.18 8.7, 10.4.4)."""

from __future__ import annotations

from urllib.parse import quote

from conformance.answer import Answer
from conformance.checks.retrieve import path_of
from conformance.model import MAY, SHALL, SHOULD, Check, Level, check, checks_of
from conformance.synthetic.instance import BIG, EXPLICIT, IMPLICIT
from conformance.world import (
    ANY_DICOM,
    JSON,
    MULTIPART_DICOM,
    MULTIPART_OCTETS,
    MULTIPART_XML,
    World,
)

XML = "application/dicom+xml"
OCTETS = "application/octet-stream"
UNKNOWN = "image/x-nothing"


def _kind(answer: Answer) -> str:
    """Media type of the answer, of its parts where it is multipart."""
    if answer.media_type != "multipart/related":
        return answer.media_type
    parts = answer.parts()
    return parts[0].media_type if parts else "multipart/related"


def _chosen(
    identifier: str, level: Level, title: str, resource: str, accept: str | None, expected: str,
    clause: str = "8.7.8.1", query: str = "",
) -> Check:  # fmt: skip
    """A check that a request is answered with a media type."""

    def run(world: World) -> None:
        path = _resource(world, resource) + (f"?accept={quote(query)}" if query else "")
        answer = world.get(path, accept).status_in(200, 206)
        answer.equal(_kind(answer), expected, "media type")

    return check(identifier, level, clause, title)(run)


def _refused(
    identifier: str, level: Level, title: str, resource: str, accept: str | None,
    code: int = 406, clause: str = "8.7.8.1", query: str = "",
) -> Check:  # fmt: skip
    def run(world: World) -> None:
        path = _resource(world, resource) + (f"?accept={quote(query)}" if query else "")
        world.get(path, accept).status_in(code)

    return check(identifier, level, clause, f"{title}: {code}")(run)


def _resource(world: World, resource: str) -> str:
    name, _, rest = resource.partition("/")
    if name == "search":
        return "/studies"
    level, _, suffix = rest.partition("/")
    path = path_of(world.instance(name), level)
    return f"{path}/{suffix}" if suffix else path


META, ONE, SERIES, FRAME = "alpha/instance/metadata", "alpha/instance", "alpha/series", "multi/instance/frames/1"  # fmt: skip # noqa: E501 # four words
DICOM = "application/dicom"

CHOICE = (
    _refused("N1.metadata", SHALL, "metadata without Accept", META, None, clause="8.7.5"),
    _refused("N1.search", SHALL, "search without Accept", "search", None, clause="8.7.5"),
    _refused("N1.retrieve", SHALL, "retrieval without Accept", ONE, None, clause="8.7.5"),
    _refused("N2.metadata", SHALL, "metadata as nothing that is known", META, UNKNOWN),
    _refused("N2.search", SHALL, "search results as nothing that is known", "search", UNKNOWN),
    _refused("N2.retrieve", SHALL, "an instance as nothing that is known", ONE, UNKNOWN),
    _refused("N2.frames", SHALL, "a frame as nothing that is known", FRAME, UNKNOWN),
    _refused("N2.multipart", SHALL, "multipart of nothing that is known", ONE,
             'multipart/related; type="image/x-nothing"'),
    _chosen("N3.metadata", SHALL, "metadata, */*: DICOM JSON", META, "*/*", JSON, "8.7.7"),
    _chosen("N3.search", SHALL, "search, */*: DICOM JSON", "search", "*/*", JSON, "8.7.7"),
    _chosen("N3.instance", SHALL, "an instance, */*: application/dicom", ONE, "*/*",
            DICOM, "8.7.7"),
    _chosen("N3.series", SHALL, "a series, */*: application/dicom", SERIES, "*/*", DICOM, "8.7.7"),
    _chosen("N3.frame", SHALL, "a frame, */*: application/octet-stream", FRAME, "*/*",
            OCTETS, "8.7.7"),
    _chosen("N3.application", SHALL, "metadata, application/*: DICOM JSON", META, "application/*",
            JSON, "8.7.7"),
    _chosen("N3.multipart", SHALL, "an instance, multipart/related alone", ONE, "multipart/related",
            DICOM, "8.7.7"),
    _chosen("N3.multipart-any", SHALL, "an instance, multipart/*", ONE, "multipart/*",
            DICOM, "8.7.7"),
    _chosen("N4.q-json", SHALL, "the higher q wins: JSON", META,
            f"{MULTIPART_XML}; q=0.5, {JSON}; q=0.9", JSON),
    _chosen("N4.q-xml", SHALL, "the higher q wins: XML", META,
            f"{JSON}; q=0.5, {MULTIPART_XML}; q=0.9", XML),
    _chosen("N4.q-zero", SHALL, "q=0 is never sent", META, f"{JSON}; q=0, {MULTIPART_XML}", XML),
    _refused("N4.q-zero-only", SHALL, "q=0 for all that there is", META, f"{JSON}; q=0"),
    _chosen("N4.specific", SHALL, "the more specific range wins", META,
            f"*/*; q=0.9, {JSON}; q=0.1, {MULTIPART_XML}; q=0.5", XML),
    _chosen("N4.unknown-member", SHALL, "unsupported members are ignored",
            META, f"{UNKNOWN}, {JSON}", JSON),
    _chosen("N4.malformed-member", SHALL, "malformed members are ignored",
            META, f"nonsense, {JSON}", JSON),
    _chosen("N4.bad-q", SHALL, "a member with a malformed q hurts no other", META,
            f"{UNKNOWN}; q=high, {JSON}", JSON),
    _chosen("N4.viewer", SHOULD, "the mixed list that OHIF sends for frames", FRAME,
            "multipart/related; type=application/octet-stream; transfer-syntax=*, "
            "multipart/related; type=image/jls; transfer-syntax=1.2.840.10008.1.2.4.80; q=0.9",
            OCTETS),
    _chosen("N4.case", SHALL, "media types are the same in capitals",
            META, "APPLICATION/DICOM+JSON", JSON),
    _chosen("N4.spaces", SHALL, "white space around parameters", ONE,
            'multipart/related ; type="application/dicom" ; transfer-syntax=*', DICOM),
    _chosen("N4.empty-member", SHALL, "empty list members are ignored", META, f", ,{JSON},", JSON),
    _chosen("N4.alias", MAY, "application/json stands for DICOM JSON", META, "application/json",
            JSON),
    _chosen("N2.parameter", SHALL, "accept= beats the header", META,
            f"{JSON}, {MULTIPART_XML}; q=0.1",
            XML, query=MULTIPART_XML),
    _chosen("G6.parameter", SHALL, "accept= covered by */* is chosen", META, "*/*", JSON,
            "8.3.3.1", query=JSON),
    _chosen("G6.instance", SHALL, "accept= of a multipart type", ONE, "*/*", DICOM, "8.3.3.1",
            query=ANY_DICOM),
    _chosen("G6.fallback", SHALL, "accept= of what is not supported: the header decides", META,
            "*/*", JSON, "8.3.3.1", query=UNKNOWN),
    _refused("G6.wildcard", SHOULD, "accept= with a wildcard", META, "*/*", 400, "8.3.3.1",
             query="*/*"),
    _refused("G7.mixed", SHALL, "accept= mixing DICOM and rendered types", ONE, "*/*", 400, "8.7.5",
             query="application/dicom,image/png"),
    _refused("N5.mixed", SHALL, "Accept mixing DICOM and rendered types", ONE,
             "application/dicom, image/png", 400, "8.7.5"),
    _chosen("N6.unquoted", SHALL, "type= without quotes", ONE,
            "multipart/related; type=application/dicom; transfer-syntax=*", DICOM, "8.6.1.2"),
    _chosen("N6.quoted-syntax", SHALL, "transfer-syntax= in quotes", ONE,
            f'{MULTIPART_DICOM}; transfer-syntax="{EXPLICIT}"', DICOM, "8.7.3.5.2"),
    _chosen("N6.order", SHALL, "parameters in another order", ONE,
            'multipart/related; transfer-syntax=*; type="application/dicom"', DICOM, "8.7.3.5.2"),
    _refused("N6.unknown-syntax", SHALL, "a transfer syntax that does not exist", ONE,
             f"{MULTIPART_DICOM}; transfer-syntax=1.2.3.4", clause="8.7.3.5.2"),
    _chosen("N6.alternatives", SHALL, "transfer syntaxes as several ranges", ONE,
            f"{MULTIPART_DICOM}; transfer-syntax=1.2.3.4, "
            f"{MULTIPART_DICOM}; transfer-syntax={EXPLICIT}; q=0.5",
            DICOM, "8.7.3.5.2"),
    _refused("N15.series", SHALL, "a series as a single part", SERIES, DICOM, clause="10.4.4"),
    _chosen("N15.instance", MAY, "an instance as a single part", ONE, DICOM, DICOM, "10.4.4"),
    _refused("N11.implicit", SHALL, "Implicit VR Little Endian is never sent", "implicit/instance",
             f"{MULTIPART_DICOM}; transfer-syntax={IMPLICIT}", clause="8.7.3"),
    _refused("N11.big", SHALL, "Explicit VR Big Endian is never sent", "big/instance",
             f"{MULTIPART_DICOM}; transfer-syntax={BIG}", clause="8.7.3"),
    _chosen("MT2.json", SHALL, "metadata as DICOM JSON", META, JSON, JSON, "10.4.4-1"),
    _chosen("MT2.xml", SHALL, "metadata as multipart DICOM XML", META, MULTIPART_XML,
            XML, "10.4.4-1"),
    _chosen("MT2.series-xml", SHALL, "metadata of a series as multipart DICOM XML",
            "alpha/series/metadata", MULTIPART_XML, XML, "10.4.4-1"),
    _chosen("MT1.dicom", SHALL, "an instance as multipart application/dicom", ONE, MULTIPART_DICOM,
            DICOM, "10.4.4-1"),
    _chosen("MT1.octets", SHALL, "an instance as multipart octet-stream", "multi/instance",
            MULTIPART_OCTETS, OCTETS, "10.4.4-1"),
    _chosen("MT3.frames", SHALL, "frames as multipart octet-stream", FRAME, MULTIPART_OCTETS,
            OCTETS, "10.4.4-1"),
    _chosen("MT3.single", MAY, "one frame as a single octet-stream", FRAME, OCTETS,
            OCTETS, "10.4.4-1"),
    _chosen("MT7.json", SHALL, "search results as DICOM JSON", "search", JSON, JSON, "10.6.4-1"),
    _chosen("MT7.xml", SHALL, "search results as multipart DICOM XML", "search", MULTIPART_XML, XML,
            "10.6.4-1"),
)  # fmt: skip


CHECKS = checks_of(globals().values())
