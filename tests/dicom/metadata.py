"""Metadata in tests: generated data sets, and files made of them."""

from __future__ import annotations

import base64
import struct
from typing import Any

from hypothesis import strategies as st

from dicomweb_server.dicom.assemble import BulkPart, assemble
from dicomweb_server.dicom.elements import DataSet
from dicomweb_server.dicom.writer import part10
from dicomweb_server.model.instance import ByteRange
from dicomweb_server.model.source import MemorySource
from tests.dicom.scans import document, scanned

Json = dict[str, dict[str, Any]]

UIDS: Json = {
    "00080016": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.7"]},
    "00080018": {"vr": "UI", "Value": ["1.2.3.4.5"]},
    "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
    "0020000E": {"vr": "UI", "Value": ["1.2.3.4"]},
}


def file_of(found: DataSet, bulk: dict[str, list[tuple[str, bytes]]] | None = None) -> bytes:
    """A Part 10 file of metadata; `bulk` has media type and bytes of parts by their URI."""
    data = b""
    parts: dict[str, list[BulkPart]] = {}
    for uri, values in (bulk or {}).items():
        for kind, value in values:
            media_type, _, syntax = kind.partition(";")
            place = ByteRange(len(data), len(value))
            parts.setdefault(uri, []).append(BulkPart(media_type, syntax or None, place))
            data += value
    made = assemble(found, lambda uri: tuple(parts.get(uri, ())), MemorySource(data))
    return b"".join(
        piece if isinstance(piece, bytes) else data[piece.start : piece.start + piece.length]
        for piece in part10(made.data_set, made.transfer_syntax)
    )


def written(found: object) -> Json:
    """The document that the archive keeps of a data set."""
    assert isinstance(found, DataSet), found
    return document(scanned(file_of(found)))


# What XML 1.0 can hold and DICOM means as it stands: no controls, no backslash, no padding.
_CHARACTERS = st.characters(exclude_categories=("C", "Z"), exclude_characters="\\^=\ufffe\uffff")
_WORD = st.text(_CHARACTERS, min_size=1, max_size=12)
_WORDS = st.lists(_WORD, min_size=1, max_size=3).map(" ".join)
_DIGITS = st.from_regex(r"[1-9][0-9]{0,7}", fullmatch=True)
_UID = st.lists(_DIGITS, min_size=2, max_size=5).map(".".join)
_CODE = st.from_regex(r"[A-Z][A-Z0-9_ ]{0,13}[A-Z0-9]", fullmatch=True)


def _floats(form: str) -> st.SearchStrategy[float]:
    finite = st.floats(allow_nan=False, allow_infinity=False, width=32 if form == "f" else 64)
    return finite.map(lambda value: struct.unpack(form, struct.pack(form, value))[0])


def _many(values: st.SearchStrategy[Any], empty: bool = True) -> st.SearchStrategy[list[Any]]:
    """Values of an attribute as the archive writes them; an empty one is null."""
    members = st.one_of(values, st.none()) if empty else values
    return st.lists(members, min_size=1, max_size=4).filter(lambda found: found != [None])


_GROUP = st.lists(_WORD, min_size=1, max_size=5).map("^".join)
_NAME = st.dictionaries(
    st.sampled_from(["Alphabetic", "Ideographic", "Phonetic"]), _GROUP, min_size=1
).map(lambda name: {key: name[key] for key in sorted(name)})

_VALUES: dict[str, st.SearchStrategy[list[Any]]] = {
    "AE": _many(_CODE),
    "AS": _many(st.sampled_from(["018M", "055Y", "003D"])),
    "CS": _many(_CODE),
    "DA": _many(st.dates().map(lambda day: f"{day:%Y}".zfill(4) + f"{day:%m%d}")),
    "DS": _many(st.one_of(st.integers(-(10**9), 10**9), st.sampled_from([0.5, -1.25, 1e-7]))),
    "DT": _many(st.sampled_from(["20240102101500.123456+0100", "2024"])),
    "IS": _many(st.integers(-(2**31), 2**31 - 1)),
    "LO": _many(_WORDS),
    "LT": st.lists(_WORDS, min_size=1, max_size=1),
    "PN": _many(_NAME),
    "SH": _many(_WORD),
    "ST": st.lists(_WORDS, min_size=1, max_size=1),
    "TM": _many(st.sampled_from(["101500", "10", "235959.999999"])),
    "UC": _many(_WORDS),
    "UI": _many(_UID),
    "UR": st.just(["https://example.org/a?b=c&d=%20"]),
    "UT": st.lists(_WORDS, min_size=1, max_size=1),
    "AT": _many(st.integers(0, 2**32 - 1).map(lambda tag: f"{tag:08X}"), empty=False),
    "FL": _many(_floats("f"), empty=False),
    "FD": _many(_floats("d"), empty=False),
    "SS": _many(st.integers(-(2**15), 2**15 - 1), empty=False),
    "US": _many(st.integers(0, 2**16 - 1), empty=False),
    "SL": _many(st.integers(-(2**31), 2**31 - 1), empty=False),
    "UL": _many(st.integers(0, 2**32 - 1), empty=False),
    "SV": _many(st.integers(-(2**53), 2**53), empty=False),
    "UV": _many(st.integers(0, 2**53), empty=False),
}
_BINARY = {"OB": 2, "OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8, "UN": 2}
_TAGS = {vr: 0x00140000 + 0x1000 + 0x10 * n for n, vr in enumerate([*_VALUES, *_BINARY, "SQ"])}
"""Tags that the dictionary does not know, so that every VR stays what it is."""


def _sorted(data: Json) -> Json:
    return {tag: data[tag] for tag in sorted(data)}


def _valued(vr: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        st.just({"vr": vr}), _VALUES[vr].map(lambda values: {"vr": vr, "Value": values})
    )


def _binary(vr: str) -> st.SearchStrategy[dict[str, Any]]:
    word = _BINARY[vr]
    fields = st.binary(min_size=1, max_size=6).map(lambda data: data * word)
    return fields.map(lambda data: {"vr": vr, "InlineBinary": base64.b64encode(data).decode()})


def _attributes(items: st.SearchStrategy[Json] | None) -> st.SearchStrategy[Json]:
    kinds = [_valued(vr) for vr in _VALUES] + [_binary(vr) for vr in _BINARY]
    if items is not None:
        kinds.append(
            st.one_of(
                st.just({"vr": "SQ"}),
                st.lists(items, min_size=1, max_size=3).map(lambda v: {"vr": "SQ", "Value": v}),
            )
        )
    pair = st.tuples(st.integers(0, 15), st.one_of(kinds))
    pairs = st.lists(pair, max_size=6)
    return pairs.map(
        lambda found: _sorted(
            {f"{_TAGS[attribute['vr']] + n:08X}": attribute for n, attribute in found}
        )
    )


def _private(data: Json) -> Json:
    """The same with a private block, as the archive writes it."""
    added: Json = {
        "00190010": {"vr": "LO", "Value": ["MAKER 1"]},
        "00191001": {"vr": "LO", "Value": ["private"]},
        "001910FF": {"vr": "SQ", "Value": [{}]},
    }
    return _sorted({**data, **added})


_ITEM = _attributes(_attributes(None))
DATA_SETS = st.one_of(_attributes(_ITEM), _attributes(_ITEM).map(_private))
"""Data sets as DICOM JSON, in the form in which the archive writes it."""


def complete(data: Json) -> Json:
    """The same with the UIDs that each instance needs, sorted."""
    return _sorted({**data, **UIDS})


def without_charset(data: Json) -> Json:
    """The same without Specific Character Set, which the archive adds where text needs it."""
    return {tag: attribute for tag, attribute in data.items() if tag != "00080005"}
