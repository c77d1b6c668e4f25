"""The conformance statement, made from the code: python -m conformance.statement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from dicomweb_server.codec.table import DECODED, FORMS, plain
from dicomweb_server.model import levels, media, outcome
from dicomweb_server.model.ids import Level
from dicomweb_server.model.kind import Kind
from dicomweb_server.model.query import Path as AttributePath
from dicomweb_server.model.tags import hex_of, keyword_of
from dicomweb_server.settings import Settings
from dicomweb_server.web.errors import STATUS, name_of
from dicomweb_server.web.offers import CHARACTER_SETS, RouteRow
from dicomweb_server.web.routes import ROUTES
from dicomweb_server.wire.accept import Resource, offered
from dicomweb_server.wire.rendered import MAXIMUM_SIDE
from dicomweb_server.wire.rendered_types import COLOUR_MANAGED, forms_of

PAGE = Path(__file__).parent / "STATEMENT.md"

_INTRODUCTION = """\
# DICOM Conformance Statement

This page follows the template of PS3.2 Annex N; only sections that apply are there. It is made
from the route table, the media type tables and the settings of the code: `make statement`.

## N.1 Overview

dicomweb_server is an archive that offers the Studies Service of PS3.18 (DICOMweb) as an origin
server: Store, Search and Retrieve transactions, rendered images among them, and Retrieve
Capabilities; and the URI service. It answers searches from an index of its own; it is no proxy of
a DIMSE service. It has no user interface for images, plays no user agent role and speaks HTTP/1.1
and HTTP/2.

### N.1.1 Content and transfer

Instances of every SOP class are taken, standard, retired or private, as long as the data set has
Study, Series and SOP Instance UIDs. What is stored is the file as it came, byte for byte.
"""

_RULES = (
    ("Kind of server", "native"),
    ("Unsupported match attributes", "ignored, and named in a `Warning` header"),
    ("Single values", "exact and case-sensitive, except names"),
    ("Names (PN)", "literal; case and accents do not matter, each group of a name counts"),
    ("Fuzzy matching", "words of a name in any order, by their begin, without case and accents"),
    ("Empty value matching", "supported; absent attributes are empty"),
    ("Multiple value matching", "supported; values are separated by a backslash (`%5C`)"),
    ("DS and IS", "by number where both are numbers: `007` is `7`"),
    ("Dates and times", "by meaning; a range of dates and one of times are one interval"),
    ("Timezone", "Timezone Offset From UTC in the query is the zone of its dates and times"),
    (
        "Private attributes",
        "of instances, with their creator; matched where `index.extra` has both",
    ),
    ("No matches", "200 with an empty array"),
)

_DECISIONS = (
    ("No Accept header", "the default of the resource; 406 with the setting `http.strict_accept`"),
    ("Implicit VR and Explicit VR Big Endian", "never sent; such files are rewritten"),
    ("`transfer-syntax=*`", "the stored pixels, untouched"),
    ("Instances that cannot be sent as asked", "206 with the others; 406 where there are none"),
    ("Frames", "one part for each frame"),
    ("`anonymize=yes` of the URI service", "refused with 501"),
    ("Identity", "stored data sets are not coerced; Original Attributes Sequence is never added"),
)


_RENDERING = (
    ("Grey values", "modality, VOI and presentation transformation of PS3.4 N; 8 bits per channel"),
    ("Without `window`", "the first VOI LUT or window of the image, else all of its values"),
    ("`quality`", "1 to 100 for image/jpeg, image/jp2, image/webp; as in the IJG scale for JPEG"),
    ("`viewport`", f"up to {MAXIMUM_SIDE} pixels each way; crops, mirrors, scales, keeps aspect"),
    (
        "`annotation`, `imageAnnotation`",
        "patient, technique; beyond the standard overlay: the overlay planes of the image (60xx), "
        "also those in unused bits of its pixels; others are ignored with a Warning",
    ),
    ("`iccprofile`", "no, yes, srgb, adobergb, rommrgb in " + ", ".join(sorted(COLOUR_MANAGED))),
    ("Without `iccprofile`", "colours converted to sRGB, no profile; `no` leaves them as they are"),
    ("Presentation states", "grayscale softcopy ones as targets; others are refused with 406"),
    ("Pixels that cannot be decoded", "406 with the reason; other frames are not affected"),
    (
        "Thumbnails",
        "one picture, image/jpeg by default, without words on it; 256 x 256 at the most",
    ),
    ("Thumbnail of a study or series", "the middle of its largest image series"),
    ("Not offered", "multiplanar reformatting and volume rendering (8.3.5.3)"),
)


def statement() -> str:
    """The whole page."""
    sections = (
        _INTRODUCTION,
        _services(),
        _character_sets(),
        _media_types(),
        _resource_types(),
        _rendered(),
        _transactions(),
        _store(),
        _search(),
        _network(),
        _statuses(),
        "## Decisions where PS3.18 leaves a choice\n\n"
        + _table(("Point", "Behaviour"), _DECISIONS),
    )
    return "\n".join(sections)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _service_rows() -> tuple[RouteRow, ...]:
    return tuple(row for row in ROUTES if row.clause)


def _services() -> str:
    rows = ((r.summary, r.method, f"`{r.template}`", r.clause) for r in _service_rows())
    capabilities = ("Retrieve Capabilities", "OPTIONS", "every resource", "8.9")
    own = ((r.summary, r.method, f"`{r.template}`") for r in ROUTES if not r.clause)
    return "\n".join(
        (
            "### N.1.3 DICOM web services (Table N.1-9)\n",
            _table(("Resource", "Method", "URI template", "PS3.18"), [*rows, capabilities]),
            "Extensions that PS3.18 does not define:\n",
            _table(("What", "Method", "URI template"), own),
        )
    )


def _character_sets() -> str:
    return (
        "### N.1.4 Character sets (Table N.1-15)\n\n"
        "Instances may use every Specific Character Set of PS3.3 C.12.1.1.2, with and without\n"
        f"code extensions. Answers in JSON and XML are in {', '.join(CHARACTER_SETS)}; their\n"
        "Specific Character Set is `ISO_IR 192`.\n"
    )


def _media_types() -> str:
    rows = (
        (
            syntax.name,
            f"`{syntax.uid}`",
            f"`{syntax.media_type}`",
            syntax.encoding.value,
            "yes" if plain(syntax.uid) in DECODED else "no",
            _encoded(syntax.uid),
            "default of its type" if syntax.default else "",
        )
        for syntax in media.TRANSFER_SYNTAXES.values()
    )
    return (
        "## N.5.3.2 Studies Service\n\n"
        "### N.5.3.2.1 Bulk data (Table N.5-70)\n\n"
        "Each of these transfer syntaxes is stored and sent again as it is stored; other ones are\n"
        "stored too, and their pixels are sent as `application/octet-stream`. What is decoded is\n"
        "sent in every one that is encoded, as far as the pixels fit into it (bits of a sample,\n"
        "sign); video is sent as it is stored. A file that was encoded with loss says so in its\n"
        "Lossy Image Compression attributes.\n\n"
        + _table(("Transfer syntax", "UID", "Media type", "Pixels", "Decoded", "Encoded", ""), rows)
    )


def _encoded(uid: str) -> str:
    """Whether frames are encoded in a transfer syntax, and for what pixels."""
    form = FORMS.get(uid)
    if form is None:
        return "no"
    loss = "with loss" if form.lossy else "lossless"
    return f"{loss}, {form.fewest} to {form.most} bits"


def _rendered() -> str:
    """Tables N.5-71 and N.5-75: what is rendered as what."""
    own = {
        Kind.DOCUMENT: "the media type of the document",
        Kind.VIDEO: "the media type of the video",
    }
    rows = (
        (kind.value, own.get(kind) or "; ".join(f"`{form.text}`" for form in forms_of(kind)))
        for kind in Kind
    )
    return "\n".join(
        (
            "### N.5.3.2.2 Rendered resources and thumbnails (Table N.5-71)\n",
            "Media types of `/rendered` by what an instance is; the first is the default:\n",
            _table(("Instance", "Media types"), rows),
            _table(("Point", "Behaviour"), _RENDERING),
        )
    )


def _resource_types() -> str:
    rows = ((r.value, "; ".join(f"`{kind}`" for kind in offered(r))) for r in Resource)
    return "### N.5.3.2.2 Media types of resources; the first is the default\n\n" + _table(
        ("Resource", "Media types"), rows
    )


def _transactions() -> str:
    named: dict[str, list[RouteRow]] = {}
    for row in _service_rows():
        named.setdefault(row.clause, []).append(row)
    lines = ["### Query parameters of each transaction (Tables N.5-76, N.5-81, N.5-87)\n"]
    for clause, rows in sorted(named.items()):
        parameters = {p.name: p for row in rows for p in row.offer.parameters}
        shown = ((f"`{p.name}`", p.meaning, ", ".join(p.options)) for p in parameters.values())
        lines += [f"PS3.18 {clause}:\n", _table(("Parameter", "Meaning", "Values"), shown)]
    return "\n".join(lines)


def _store() -> str:
    kinds = {kind for row in _service_rows() if row.method == "POST" for kind in row.offer.requests}
    failures = ((f"{code.value:04X}", _words(code.name)) for code in outcome.FailureReason)
    warnings = ((f"{code.value:04X}", _words(code.name)) for code in outcome.WarningReason)
    limits = Settings().store_limits()
    return "\n".join(
        (
            "### N.5.3.2.3 Store\n",
            f"Media types of requests: {', '.join(f'`{kind}`' for kind in sorted(kinds))}.",
            f"An instance has {limits.instance} bytes at the most, a request {limits.request}",
            "(settings). Storing what is stored already changes nothing and succeeds; other bytes",
            "under the same UIDs are treated after the setting `store.duplicates`.\n",
            "Failure Reasons (0008,1197):\n",
            _table(("Code", "Meaning"), failures),
            "Warning Reasons (0008,1196):\n",
            _table(("Code", "Meaning"), warnings),
        )
    )


def _words(name: str) -> str:
    return name.lower().replace("_", " ").replace("sop", "SOP")


def _search() -> str:
    limits = Settings().query_limits()
    pages = (
        (level.name.lower(), str(default), str(maximum))
        for level, default, maximum in zip(
            Level, limits.default_limit, limits.maximum_limit, strict=True
        )
    )
    matched = (
        (level.name.lower(), _attribute(path), "PS3.18 Table 10.6.1-5")
        for level in Level
        for path in levels.REQUIRED_MATCH[level]
    )
    extra = ((_level_of(path), _attribute(path), "optional") for path in levels.DEFAULT_EXTRA)
    returned = (
        (level.name.lower(), _attribute((rule.tag,)), rule.vr, "always" if rule.always else "known")
        for level in Level
        for rule in levels.RETURNED[level]
    )
    return "\n".join(
        (
            "### N.5.3.2.4 Search\n",
            _table(("Rule", "Behaviour"), _RULES),
            "Results of one answer:\n",
            _table(("Level", "Without `limit`", "At the most"), pages),
            "Attributes that match, at their level and at those below (Table N.5-88):\n",
            _table(("Level", "Attribute", "Why"), [*matched, *extra]),
            "Attributes that are returned (Table N.5-89):\n",
            _table(("Level", "Attribute", "VR", "When"), returned),
        )
    )


def _level_of(path: AttributePath) -> str:
    return levels.level_of(path[0]).name.lower()


def _attribute(path: AttributePath) -> str:
    names = ".".join(keyword_of(tag) for tag in path)
    return f"{names} {'.'.join(hex_of(tag) for tag in path)}"


def _network() -> str:
    settings = Settings()
    return (
        "## N.6.3 DICOMweb interfaces\n\n"
        f"The base URI is `http://HOST:{settings.server.port}{settings.http.root}` unless\n"
        "settings say otherwise (docs/settings.md).\n"
    )


def _statuses() -> str:
    rows = sorted((str(status), name_of(error)) for error, status in STATUS.items())
    successes = (
        ("200", "all that was asked for; all instances stored"),
        ("202", "some instances stored, or all with warnings"),
        ("204", "deleted"),
        ("206", "a byte range; or the instances that can be sent as asked"),
        ("304", "unchanged since the ETag that the request names"),
        ("409", "no instance stored; the body tells the reason of each"),
    )
    return "\n".join(
        (
            "## N.7.3.3 Status codes\n",
            _table(("Status", "When"), successes),
            "Problem documents (`application/problem+json`) by the name in their `type`:\n",
            _table(("Status", "Problem"), rows),
        )
    )


@click.command()
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), default=PAGE)
def main(output: Path) -> None:
    """Write the conformance statement."""
    output.write_text(statement(), "utf-8")


if __name__ == "__main__":
    main()
