"""Native DICOM Model and character sets (PS3.19 A.1, PS3.18 8.8)."""

from __future__ import annotations

from xml.etree.ElementTree import Element as XmlElement

from conformance.answer import Answer
from conformance.checks.json_model import fetched
from conformance.model import MAY, SHALL, SHOULD, NotOffered, check, checks_of
from conformance.world import JSON, MULTIPART_XML, World, first

_NAMESPACE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"


def _documents(world: World, name: str) -> tuple[Answer, list[XmlElement]]:
    answer = world.get(f"{world.instance(name).path}/metadata", MULTIPART_XML).ok()
    return answer, [answer.xml(part.body) for part in answer.parts()]


def _attribute(root: XmlElement, tag: str) -> XmlElement | None:
    return next((child for child in root if child.get("tag") == tag), None)


def _texts(element: XmlElement | None) -> list[str]:
    if element is None:
        return []
    return [child.text or "" for child in element if child.tag == f"{_NAMESPACE}Value"]


@check("M1.root", SHALL, "PS3.19 A.1", "the root is NativeDicomModel in its namespace")
def root(world: World) -> None:
    answer, found = _documents(world, "alpha")
    answer.equal([r.tag for r in found], [f"{_NAMESPACE}NativeDicomModel"], "roots")


@check("M1.one-each", SHALL, "10.4.4", "one document for each instance")
def one_each(world: World) -> None:
    answer = world.get(f"{world.instance('alpha').series_path}/metadata", MULTIPART_XML).ok()
    answer.equal(len(answer.parts()), 3, "parts")


@check("M1.space", SHOULD, "PS3.19 A.1", 'xml:space="preserve"')
def space(world: World) -> None:
    answer, found = _documents(world, "alpha")
    name = "{http://www.w3.org/XML/1998/namespace}space"
    answer.equal([r.get(name) for r in found], ["preserve"], "xml:space")


@check("M1.search", SHALL, "10.6.4-1", "search results: one document per result")
def search_documents(world: World) -> None:
    answer = world.get(f"/studies?AccessionNumber={world.corpus.run}", MULTIPART_XML).ok()
    roots = [answer.xml(part.body).tag for part in answer.parts()]
    answer.equal(roots, [f"{_NAMESPACE}NativeDicomModel"] * 5, "documents")


@check("M2.attributes", SHALL, "PS3.19 A.1.5", "attributes have tag, vr and keyword")
def attributes(world: World) -> None:
    answer, found = _documents(world, "alpha")
    element = _attribute(found[0], "00100020")
    answer.must(element is not None, "DicomAttribute 00100020")
    if element is not None:
        answer.equal(
            (element.get("vr"), element.get("keyword")), ("LO", "PatientID"), "vr, keyword"
        )


@check("M2.value", SHALL, "PS3.19 A.1.5", "values are there")
def xml_value(world: World) -> None:
    answer, found = _documents(world, "alpha")
    expected = [str(world.corpus["alpha"].dataset.PatientID)]
    answer.equal(_texts(_attribute(found[0], "00100020")), expected, "Patient ID")


@check("M2.items", SHALL, "PS3.19 A.1.5", "sequences have numbered items")
def xml_items(world: World) -> None:
    answer, found = _documents(world, "alpha")
    element = _attribute(found[0], "00400275")
    numbers = [child.get("number") for child in element] if element is not None else []
    answer.equal(numbers, ["1", "2"], "numbers of items")


@check("M3.numbers", SHALL, "PS3.19 A.1.5", "values are numbered from 1")
def numbers(world: World) -> None:
    answer, found = _documents(world, "values")
    element = _attribute(found[0], "0072007A")
    got = [child.get("number") for child in element] if element is not None else []
    answer.equal(got, ["1", "2"], "numbers")


@check("M3.empty", SHALL, "PS3.19 A.1.5", "an empty attribute has no children")
def xml_empty(world: World) -> None:
    answer, found = _documents(world, "values")
    element = _attribute(found[0], "00180050")
    answer.must(
        element is not None and len(element) == 0, "DicomAttribute 00180050 without children"
    )


@check("M3.empty-value", SHALL, "PS3.19 A.1.5", "an empty value among others is an empty Value")
def xml_empty_value(world: World) -> None:
    answer, found = _documents(world, "values")
    answer.equal(_texts(_attribute(found[0], "00080008")), ["ORIGINAL", "", "AXIAL"], "values")


@check("M4.private", SHALL, "PS3.19 A.1.5", "private attributes have privateCreator and block 00")
def xml_private(world: World) -> None:
    answer, found = _documents(world, "values")
    element = _attribute(found[0], "00090002")
    answer.must(element is not None, "DicomAttribute 00090002 (element without its block)")
    if element is not None:
        answer.equal(element.get("privateCreator"), "CONFORMANCE SUITE", "privateCreator")


@check("M5.name", SHALL, "PS3.19 A.1.5", "names in components")
def xml_name(world: World) -> None:
    answer, found = _documents(world, "alpha")
    element = _attribute(found[0], "00100010")
    parts = {
        child.tag.removeprefix(_NAMESPACE): child.text
        for child in (element.iter() if element is not None else ())
        if child.text and child.text.strip()
    }
    expected = {
        "FamilyName": "Conform", "GivenName": "Alpha", "MiddleName": "Middle",
        "NamePrefix": "Dr", "NameSuffix": "Jr",
    }  # fmt: skip
    answer.equal(parts, expected, "components")


@check("M5.groups", SHALL, "PS3.19 A.1.5", "ideographic and phonetic groups")
def xml_groups(world: World) -> None:
    answer, found = _documents(world, "gamma")
    element = _attribute(found[0], "00100010")
    groups = [c.tag.removeprefix(_NAMESPACE) for c in (element[0] if element is not None else ())]
    answer.equal(groups, ["Alphabetic", "Ideographic", "Phonetic"], "groups")


@check("M6.bulk", SHALL, "PS3.19 A.1.5", "bulk data by uri, which can be retrieved")
def xml_bulk(world: World) -> None:
    answer, found = _documents(world, "multi")
    element = _attribute(found[0], "7FE00010")
    if element is None or len(element) == 0 or not element[0].tag.endswith("BulkData"):
        raise NotOffered("the metadata gives no BulkData for Pixel Data")
    uri = element[0].get("uri") or ""
    answer.must(bool(uri), f"BulkData with uri, not with {sorted(element[0].keys())}")
    answer.equal(fetched(world, uri), b"".join(world.corpus["multi"].frames), "bytes of Pixel Data")


@check("M6.no-meta", SHALL, "10.4.1.1.2", "no group 0002 and no group lengths")
def xml_no_meta(world: World) -> None:
    answer, found = _documents(world, "values")
    tags = [child.get("tag") or "" for child in found[0]]
    answer.equal([t for t in tags if t.startswith("0002") or t.endswith("0000")], [], "tags")


@check("M6.at", SHALL, "PS3.19 A.1.5", "AT as hexadecimal digits")
def xml_at(world: World) -> None:
    answer, found = _documents(world, "values")
    got = [text.upper() for text in _texts(_attribute(found[0], "00280009"))]
    answer.equal(got, ["00181063", "00540010"], "values")


@check("G8.parameter", SHALL, "8.3.3.2", "charset=utf-8 is accepted")
def charset(world: World) -> None:
    path = f"{world.instance('delta').path}/metadata?charset=utf-8"
    answer = world.get(path, JSON).ok()
    answer.equal(first(answer.dataset(), "00100010"), {"Alphabetic": "Äpfel^Öse"}, "name")


@check("G8.unknown", SHALL, "8.3.3.2", "an unsupported charset= is ignored")
def unknown_charset(world: World) -> None:
    path = f"{world.instance('delta').path}/metadata?charset=klingon,utf-8"
    world.get(path, JSON).ok().datasets()


@check("G8.accept-charset", SHALL, "8.8.1", "Accept-Charset: utf-8 is accepted")
def accept_charset(world: World) -> None:
    path = f"{world.instance('delta').path}/metadata"
    world.get(path, JSON, {"Accept-Charset": "utf-8"}).ok().datasets()


@check("CS.media-type", SHALL, "8.8.1", "charset=utf-8 with the media type of Accept is accepted")
def accepted_charset(world: World) -> None:
    path = f"{world.instance('delta').path}/metadata"
    world.get(path, f"{JSON}; charset=utf-8").ok().datasets()


@check("CS.label", MAY, "8.8.1", "an answer that names its charset names UTF-8")
def charset_label(world: World) -> None:
    answer = world.metadata(world.instance("delta").path)
    named = answer.content_type.lower()
    answer.must("charset" not in named or "utf-8" in named, "no charset but UTF-8")


@check("CS.xml", SHALL, "8.8.1", "XML is UTF-8 as well")
def xml_charset(world: World) -> None:
    answer, found = _documents(world, "delta")
    element = _attribute(found[0], "00100010")
    texts = [child.text for child in (element.iter() if element is not None else ())]
    answer.must("Äpfel" in texts, "Äpfel")


CHECKS = checks_of(globals().values())
