"""DICOM JSON (PS3.18 Annex F)."""

from __future__ import annotations

import base64

from conformance.answer import Dataset, Element
from conformance.model import SHALL, SHOULD, Check, Level, NotOffered, check, checks_of
from conformance.world import World, first, items, values

_BULK_VRS = {
    "DS",
    "FL",
    "FD",
    "IS",
    "LT",
    "OB",
    "OD",
    "OF",
    "OL",
    "OV",
    "OW",
    "SL",
    "SS",
    "ST",
    "SV",
    "UC",
    "UL",
    "UN",
    "US",
    "UT",
    "UV",
}
_BINARY_VRS = {"OB", "OD", "OF", "OL", "OV", "OW", "UN"}


def _elements(dataset: Dataset) -> list[tuple[str, Element]]:
    """All attributes of a data set and of its items."""
    found: list[tuple[str, Element]] = []
    for tag, element in dataset.items():
        found.append((tag, element))
        for item in items(dataset, tag):
            if element.get("vr") == "SQ":
                found += _elements(item)
    return found


@check("J1.array", SHALL, "F.2.1", "metadata of one instance is an array of one")
def array(world: World) -> None:
    answer = world.metadata(world.instance("alpha").path)
    answer.must(isinstance(answer.json(), list), "an array")


@check("J1.search", SHALL, "F.2.1", "search results are one array")
def search_array(world: World) -> None:
    answer = world.narrowed("StudyID=CF-001").ok()
    answer.must(isinstance(answer.json(), list), "an array")


@check("J2.names", SHALL, "F.2.2", "names are eight upper-case hexadecimal digits")
def names(world: World) -> None:
    answer, found = world.described("values")
    wrong = [t for t, _ in _elements(found) if len(t) != 8 or t != t.upper() or not _is_hex(t)]
    answer.equal(wrong, [], "names")


def _is_hex(text: str) -> bool:
    return all(letter in "0123456789ABCDEF" for letter in text)


@check("J2.order", SHALL, "F.2.2", "attributes come in ascending order")
def order(world: World) -> None:
    answer, found = world.described("values")
    answer.equal(list(found), sorted(found), "order")


@check("J2.item-order", SHALL, "F.2.2", "attributes of items come in ascending order")
def item_order(world: World) -> None:
    answer, found = world.described("values")
    item = items(found, "00081250")[-1]
    answer.equal(list(item), sorted(item), "order")


@check("J2.group-length", SHALL, "F.2.2", "no group lengths")
def group_lengths(world: World) -> None:
    answer, found = world.described("values")
    answer.equal([tag for tag, _ in _elements(found) if tag.endswith("0000")], [], "attributes")


@check("J3.members", SHALL, "F.2.2", "vr and at most one of Value, BulkDataURI, InlineBinary")
def members(world: World) -> None:
    answer, found = world.described("values")
    for tag, element in _elements(found):
        rest = set(element) - {"vr"}
        right = "vr" in element and len(rest) <= 1
        right = right and rest <= {"Value", "BulkDataURI", "InlineBinary"}
        answer.must(right, f"{tag} without {sorted(element)}")


@check("J4.empty", SHALL, "F.2.5", "an empty attribute has its vr only")
def empty(world: World) -> None:
    answer, found = world.described("values")
    answer.equal(found.get("00180050"), {"vr": "DS"}, "00180050")


@check("J4.empty-sequence", SHALL, "F.2.5", "an empty sequence has its vr only")
def empty_sequence(world: World) -> None:
    answer, found = world.described("values")
    answer.equal(found.get("0008103F"), {"vr": "SQ"}, "0008103F")


@check("J4.never", SHALL, "F.2.5", "never Value: [], [null] or an empty string alone")
def never_empty(world: World) -> None:
    answer, found = world.described("values")
    wrong = [t for t, e in _elements(found) if "Value" in e and e["Value"] in ([], [""], [None])]
    answer.equal(wrong, [], "attributes")


@check("J5.null", SHALL, "F.2.5", "an empty value among others is null")
def null(world: World) -> None:
    answer, found = world.described("values")
    answer.equal(values(found, "00080008"), ["ORIGINAL", None, "AXIAL"], "00080008")


@check("J5.item", SHALL, "F.2.5", "an empty item is an empty object")
def empty_item(world: World) -> None:
    answer, found = world.described("values")
    answer.equal(values(found, "00081250")[:1], [{}], "first item of 00081250")


@check("J5.name", SHALL, "F.2.5", "an empty name among others is null")
def empty_name(world: World) -> None:
    answer, found = world.described("values")
    names = values(found, "00081048")
    answer.equal(
        names, [{"Alphabetic": "Only^Alphabetic"}, None, {"Alphabetic": "A^B^C^D^E"}], "00081048"
    )


@check("J6.groups", SHALL, "F.2.2", "a name has each group that is not empty, carets kept")
def name_groups(world: World) -> None:
    answer, found = world.described("gamma")
    expected = {
        "Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう",
    }  # fmt: skip
    answer.equal(first(found, "00100010"), expected, "Patient's Name")


@check("J6.alphabetic", SHALL, "F.2.2", "a name without other groups has no such members")
def alphabetic(world: World) -> None:
    answer, found = world.described("beta")
    answer.equal(first(found, "00100010"), {"Alphabetic": "Conform^Beta"}, "Patient's Name")


@check("J7.sequence", SHALL, "F.2.2", "a sequence is an array of objects")
def sequence(world: World) -> None:
    answer, found = world.described("alpha")
    answer.equal(
        [first(item, "00400009") for item in items(found, "00400275")], ["SPS1", "SPS2"], "items"
    )


def _binary(tag: str, vr: str, data: bytes) -> Check:
    def run(world: World) -> None:
        answer, found = world.described("values")
        element = found.get(tag, {})
        answer.must("Value" not in element, f"no Value in {tag}")
        answer.equal(element.get("vr"), vr, f"VR of {tag}")
        if "InlineBinary" in element:
            decoded = base64.b64decode(str(element["InlineBinary"]), validate=True)
            answer.equal(decoded, data, f"bytes of {tag}")
            return
        answer.must(
            isinstance(element.get("BulkDataURI"), str), f"InlineBinary or BulkDataURI {tag}"
        )
        answer.equal(fetched(world, str(element["BulkDataURI"])), data, f"bytes of {tag}")

    return check(f"J8.{vr}", SHALL, "F.2.7", f"{vr}: InlineBinary or BulkDataURI, little endian")(
        run
    )


def fetched(world: World, uri: str) -> bytes:
    answer = world.get(uri, 'multipart/related; type="application/octet-stream"').ok()
    return b"".join(part.body for part in answer.parts())


BINARY = (
    _binary("00720067", "OF", b"\0\0\x80\x3f\0\0\0\x40"),
    _binary("00720069", "OW", b"\x01\x02\x03\x04"),
    _binary("00720073", "OD", b"\0\0\0\0\0\0\xf0\x3f"),
    _binary("00720075", "OL", b"\x01\0\0\0"),
    _binary("00720081", "OV", b"\x01\0\0\0\0\0\0\0"),
    _binary("0072006D", "UN", b"\x07\x08"),
)


@check("J8.no-value", SHALL, "F.2.2", "binary VRs never have a Value")
def no_value(world: World) -> None:
    answer, found = world.described("values")
    wrong = [t for t, e in _elements(found) if e.get("vr") in _BINARY_VRS and "Value" in e]
    answer.equal(wrong, [], "attributes")


@check("J9.bulk-vrs", SHALL, "F.2.2", "BulkDataURI only with VRs that may have it")
def bulk_vrs(world: World) -> None:
    for name in ("values", "alpha"):
        answer, found = world.described(name)
        wrong = [t for t, e in _elements(found) if "BulkDataURI" in e and e["vr"] not in _BULK_VRS]
        answer.equal(wrong, [], "attributes")


@check("J10.absolute", SHOULD, "F.2.6", "every BulkDataURI is absolute")
def absolute(world: World) -> None:
    answer, found = world.described("values")
    uris = [str(e["BulkDataURI"]) for _, e in _elements(found) if "BulkDataURI" in e]
    if not uris:
        raise NotOffered("no BulkDataURI in the metadata")
    answer.equal([uri for uri in uris if "://" not in uri], [], "relative URIs")


def _value(
    identifier: str, clause: str, title: str, tag: str, *expected: object, level: Level = SHALL
) -> Check:
    def run(world: World) -> None:
        answer, found = world.described("values")
        answer.equal(values(found, tag), list(expected), tag)

    return check(identifier, level, clause, title)(run)


VALUES = (
    _value("J11.at", "F.2.3", "AT as eight upper-case digits", "00280009", "00181063", "00540010"),
    _value("J13.fl", "F.2.3", "FL as numbers", "00720076", 1.5, -2.25),
    _value("J13.fd", "F.2.3", "FD as numbers", "00720074", 0.1, 1e300),
    _value("J13.ul", "F.2.3", "UL as numbers", "00720078", 0, 4294967295),
    _value("J13.sl", "F.2.3", "SL as numbers", "0072007C", -2147483648, 2147483647),
    _value("J13.us", "F.2.3", "US as numbers", "0072007A", 0, 65535),
    _value("J13.ss", "F.2.3", "SS as numbers", "0072007E", -32768, 32767),
    _value("J3.ae", "F.2.3", "AE as text", "00080055", "STATION 1"),
    _value("J3.as", "F.2.3", "AS as text", "00101010", "042Y"),
    _value("J3.da", "F.2.3", "DA as text", "00080022", "20060705"),
    _value("J3.dt", "F.2.3", "DT as text", "0008002A", "20060705093000.123456+0100"),
    _value("J3.uc", "F.2.3", "UC as texts", "0072006F", "unlimited", "characters"),
    _value("J3.ur", "F.2.3", "UR as text", "00720071", "http://example.org/a?b=c"),
    _value("J19.lt", "F.2.4", "LT keeps a backslash in its one value", "00324000",
           "first line\r\nsecond line \\ with a backslash"),
    _value("J17.value", "F.3.1", "private attributes keep block and value", "00091002",
           "private value"),
    _value("J17.creator", "F.3.1", "the private creator is there", "00090010", "CONFORMANCE SUITE"),
)  # fmt: skip


def _numeric(identifier: str, tag: str, title: str, *expected: int | float) -> Check:
    def run(world: World) -> None:
        answer, found = world.described("values")
        got = values(found, tag)
        answer.must(
            all(isinstance(value, int | float | str) for value in got), f"numbers or texts in {tag}"
        )
        numbers = [type(want)(str(value)) for value, want in zip(got, expected, strict=False)]
        answer.equal(numbers, list(expected), tag)

    return check(identifier, SHALL, "F.2.3", title)(run)


NUMERIC = (
    _numeric("J12.is", "00200012", "IS as number or text", 3, -4),
    _numeric("J12.ds", "00101030", "DS as number or text", 72.5),
    _numeric("J12.sv", "00720082", "SV as number or text, without loss", -9007199254740993, 1),
    _numeric("J12.uv", "00720083", "UV as number or text, without loss", 18446744073709551615),
    _numeric("J18.exponent", "00201041", "DS with an exponent", -150.0),
)


@check("J15.utf-8", SHALL, "F.2", "text is UTF-8, whatever the file is in")
def utf8(world: World) -> None:
    answer, found = world.described("delta")
    answer.equal(first(found, "00100010"), {"Alphabetic": "Äpfel^Öse"}, "Patient's Name")


@check("J15.labelled", SHALL, "F.2", "Specific Character Set says ISO_IR 192 then")
def labelled(world: World) -> None:
    answer, found = world.described("delta")
    answer.equal(values(found, "00080005"), ["ISO_IR 192"], "Specific Character Set")


@check("J15.escapes", SHALL, "F.2", "text in ISO 2022 with escapes becomes UTF-8")
def escapes(world: World) -> None:
    answer, found = world.described("japanese")
    answer.equal(first(found, "0008103E"), "胸部", "Series Description")


@check("J15.search", SHALL, "F.2", "search results are in UTF-8 too")
def search_utf8(world: World) -> None:
    answer, found = world.row(f"StudyInstanceUID={world.instance('delta').study}", "delta")
    answer.equal(first(found, "00100010"), {"Alphabetic": "Äpfel^Öse"}, "Patient's Name")


@check("J16.padding", SHOULD, "F.1", "values come without padding")
def padding(world: World) -> None:
    answer, found = world.described("values")
    padded = [
        tag
        for tag, element in _elements(found)
        for value in values({tag: element}, tag)
        if isinstance(value, str) and (value.endswith((" ", "\0"))) and element["vr"] != "UT"
    ]
    answer.equal(padded, [], "attributes")


@check("J14.finite", SHALL, "F.2", "every number is JSON: no NaN, no Infinity")
def finite(world: World) -> None:
    world.metadata(world.instance("values").study_path).datasets()


@check("J20.pixels", SHALL, "10.4.1.1.2", "metadata tells the stored Photometric Interpretation")
def photometric(world: World) -> None:
    answer, found = world.described("rgb")
    answer.equal(first(found, "00280004"), "RGB", "Photometric Interpretation")


CHECKS = checks_of(globals().values())
