"""Elements whose outcome is remembered come out as those that are read one by one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicomweb_server.dicom import plain
from dicomweb_server.dicom.charset import CharacterSets
from dicomweb_server.dicom.document import tree
from dicomweb_server.dicom.plain import Plain, PlainElements
from dicomweb_server.errors import InstanceRejected
from dicomweb_server.model.instance import ScannedInstance
from dicomweb_server.model.limits import ScanLimits
from tests import data, datasets
from tests.dicom import scans

_TIGHT = ScanLimits(inline_binary=16, inline_text=32, elements=3_000)
_NAMES = (
    "valid/generated/all_vrs_private_unicode.dcm",
    "valid/generated/nesting_24_levels.dcm",
    "valid/ct/CT_small.dcm",
    "valid/mr/MR_small_implicit.dcm",
    "valid/rt/2_rtplan.dcm",
)
_Outcome = ScannedInstance | tuple[str, str, str]


def _outcome(file: bytes, limits: ScanLimits) -> _Outcome:
    try:
        return scans.scanned(file, limits)
    except InstanceRejected as refused:
        return refused.detail, refused.sop_class, refused.instance


@contextmanager
def _nothing_is_plain() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain.Vocabulary, "of", lambda *_, **__: _Strangers())
        yield


class _Strangers(PlainElements):
    """No element is plain."""

    def __init__(self) -> None:
        super().__init__(None, implicit=False)

    def meet(
        self, buffer: bytes, place: int, limit: int, most: int, sets: CharacterSets
    ) -> tuple[None, int]:
        """Nothing is learnt."""
        return None, place


def _one_by_one(file: bytes, limits: ScanLimits) -> _Outcome:
    with _nothing_is_plain():
        return _outcome(file, limits)


@pytest.mark.parametrize("limits", [scans.LIMITS, _TIGHT])
def test_every_file_comes_out_as_if_read_element_by_element(
    limits: ScanLimits, data_folder: Path
) -> None:
    files = [path.read_bytes() for path in data.valid_files() + data.broken_files()]
    for file in files:
        expected = _one_by_one(file, limits)
        for _ in range(2):
            assert _outcome(file, limits) == expected


@pytest.mark.parametrize("name", _NAMES)
@settings(max_examples=100, deadline=None)
@given(st.data())
def test_changed_bytes_come_out_as_if_read_element_by_element(
    name: str, data_folder: Path, drawn: st.DataObject
) -> None:
    file = bytearray((data_folder / name).read_bytes())
    places = st.integers(132, min(len(file), 4_000) - 1)
    changes = st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=3)
    for place, byte in drawn.draw(changes):
        file[place] = byte
    assert _outcome(bytes(file), _TIGHT) == _one_by_one(bytes(file), _TIGHT)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_equal_bytes_in_other_character_sets_are_other_texts(syntax: str) -> None:
    texts = {}
    for name, codec in (("ISO_IR 100", "latin_1"), ("ISO_IR 144", "iso8859_5")):
        said = b"\xc4\xd6\xdc".decode(codec)
        dataset = datasets.dataset(SpecificCharacterSet=name, StudyDescription=said)
        found = scans.scanned(datasets.part10(dataset, syntax))
        texts[codec] = scans.document(found)["00081030"]["Value"][0]
    assert texts == {"latin_1": "ÄÖÜ", "iso8859_5": "Фжм"}


def _met(elements: PlainElements, element: bytes) -> Plain | None:
    found, end = elements.meet(element, 0, len(element), 1_000, CharacterSets.default())
    assert found is None or end == len(element)
    return found


def test_what_is_remembered_is_bounded() -> None:
    elements = PlainElements(tree(scans.PLAN.paths), implicit=False)
    for number in range(3 * 8_192):
        assert _met(elements, b"\x20\0\x13\0IS\x06\0%06d" % number) is not None
        assert len(elements.known) <= 8_192


def test_long_values_and_many_values_are_not_remembered() -> None:
    elements = PlainElements(tree(scans.PLAN.paths), implicit=False)
    for value in (b"A" * 130, rb"A\B\C\D\E "):
        found = _met(elements, b"\x10\0\0\x10LO" + len(value).to_bytes(2, "little") + value)
        assert found is not None
        assert found[2]
    assert not elements.known


def test_sequences_unknown_values_and_pixels_are_not_plain() -> None:
    elements = PlainElements(tree(scans.PLAN.paths), implicit=False)
    for head in (b"\x08\0\x15\x11SQ", b"\x09\0\x15\x11UN", b"\xe0\x7f\x10\0OW"):
        assert _met(elements, head + bytes(6)) is None


@pytest.mark.parametrize("end", [8, 11, 12, 13, 15])
def test_an_element_that_goes_beyond_the_limit_is_not_plain(end: int) -> None:
    elements = PlainElements(None, implicit=False)
    element = b"\x09\0\x15\x11OB\0\0\x04\0\0\0abcd"
    assert _met(elements, element) is not None
    assert elements.meet(element, 0, end, 1_000, CharacterSets.default()) == (None, 0)
