"""Choosing attributes by paths; cutting without parsing gives what parsing gives."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.dicom.charset import CharacterSets
from dicomweb_server.dicom.selection import Chooser, extract, read, select, tree_of
from dicomweb_server.dicom.values import attribute, sequence

_SETS = CharacterSets.of(["ISO_IR 192"])
_NESTED: dict[str, dict[str, object]] = {
    "00080018": {"vr": "UI", "Value": ["1.2"]},
    "00081115": {
        "vr": "SQ",
        "Value": [
            {
                "0020000E": {"vr": "UI", "Value": ["1.3"]},
                "00081199": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["1.4"]}}]},
            },
            {},
        ],
    },
    "00230010": {"vr": "LO", "Value": ["ACME"]},
    "00231001": {"vr": "SH", "Value": ["x"]},
    "00400275": {"vr": "SQ"},
}
_TEXT = orjson.dumps(_NESTED)


def test_whole_attributes() -> None:
    assert extract(_TEXT, [(0x00081115,)]) == {"00081115": _NESTED["00081115"]}


def test_members_of_sequences_keep_their_items() -> None:
    assert extract(_TEXT, [(0x00081115, 0x0020000E)]) == {
        "00081115": {"vr": "SQ", "Value": [{"0020000E": {"vr": "UI", "Value": ["1.3"]}}, {}]}
    }


def test_deeper_paths() -> None:
    found = extract(_TEXT, [(0x00081115, 0x00081199, 0x00081155)])
    assert found["00081115"]["Value"] == [{"00081199": _member(0, "00081199")}, {}]


def _member(number: int, key: str) -> object:
    items = _NESTED["00081115"]["Value"]
    assert isinstance(items, list)
    member: object = items[number][key]
    return member


@pytest.mark.parametrize("first", [0, 1])
def test_the_whole_wins_over_parts(first: int) -> None:
    paths = [(0x00081115,), (0x00081115, 0x0020000E)]
    assert extract(_TEXT, [paths[first], paths[1 - first]])["00081115"] == _NESTED["00081115"]


def test_empty_sequences_and_absent_attributes() -> None:
    assert extract(_TEXT, [(0x00400275, 0x00400009), (0x00280010,)]) == {"00400275": {"vr": "SQ"}}


def test_private_attributes_bring_their_creator() -> None:
    assert set(extract(_TEXT, [(0x00231001,)])) == {"00230010", "00231001"}


_VALUES = st.one_of(
    st.tuples(st.just("LO"), st.text(alphabet='"},{:\\0018A', max_size=30).map(str.encode)),
    st.tuples(st.just("LT"), st.text(max_size=30).map(lambda text: text.encode("utf-8", "ignore"))),
    st.tuples(st.just("PN"), st.text(alphabet='"},=^{:0018A', max_size=30).map(str.encode)),
    st.tuples(st.just("US"), st.binary(min_size=2, max_size=2)),
    st.tuples(st.just("IS"), st.sampled_from([b"", b"12", b'00"},"00080018":{"'])),
    st.tuples(st.just("SQ"), st.just(b"")),
)


@given(
    found=st.dictionaries(st.integers(0x00080010, 0x00080020), _VALUES, max_size=8),
    wanted=st.sets(st.integers(0x00080010, 0x00080020)),
    nested=st.booleans(),
)
def test_cutting_equals_parsing(
    found: dict[int, tuple[str, bytes]], wanted: set[int], nested: bool
) -> None:
    parts = {f"{tag:08X}": attribute(vr, raw, _SETS, False) for tag, (vr, raw) in found.items()}
    if nested:
        parts["00080019"] = sequence([_object(parts)])
    text = _object(parts)
    tree = tree_of((tag,) for tag in wanted)
    cut = Chooser(tree).entries(text)
    assert {key: read(b"{%s}" % entry)[key] for key, entry in cut.items()} == select(
        read(text), tree
    )


def _object(parts: dict[str, bytes]) -> bytes:
    return b"{%s}" % b",".join(b'"%s":%s' % (k.encode(), parts[k]) for k in sorted(parts))


def test_text_that_looks_like_the_end_of_an_entry() -> None:
    raw = b'a},\\00080019":{"vr":"LO\\b},'
    parts = {"00080018": attribute("LO", raw, _SETS, False), "00080020": b'{"vr":"DA"}'}
    text = _object(parts)
    assert b'},"' in parts["00080018"]
    cut = Chooser(tree_of([(0x00080018,), (0x00080019,), (0x00080020,)])).entries(text)
    assert cut == {key: b'"%s":%s' % (key.encode(), parts[key]) for key in parts}


def test_texts_that_are_not_compact_are_parsed() -> None:
    text = json.dumps(_NESTED, indent=1).encode()
    assert set(Chooser(tree_of([(0x00080018,)])).entries(text)) == {"00080018"}
    assert Chooser(tree_of([(0x00080018,)])).entries(b"{}") == {}
