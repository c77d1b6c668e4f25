"""What real files look like: nothing is left out, nothing unexpected is raised."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.appearance.frame import appearance, bulk_needed
from dicomweb_server.dicom.appearance.lines import patient_lines, technique_lines
from dicomweb_server.dicom.appearance.presentation import (
    GRAYSCALE,
    PresentationState,
    presentation_bulk,
)
from dicomweb_server.dicom.appearance.references import Placed, in_order
from dicomweb_server.dicom.appearance.source import frame_at_same_place, source_of
from dicomweb_server.errors import NotAcceptable
from dicomweb_server.model.rendering import (
    Appearance,
    LookupTable,
    Overlay,
    Palette,
    Window,
    WindowFunction,
)
from tests.data import broken_files, valid_files
from tests.dicom.appearance.instances import GREY, Kept, kept_file


def _check_table(table: LookupTable) -> None:
    assert 1 <= table.bits <= 16
    assert 2 <= len(table.entries) <= 2 * 65536
    assert len(table.entries) % 2 == 0
    assert -32768 <= table.first <= 65535


def _check_palette(palette: Palette) -> None:
    for table in (palette.red, palette.green, palette.blue):
        _check_table(table)


def _check_overlay(overlay: Overlay) -> None:
    assert 0 < overlay.rows * overlay.columns <= 1 << 26
    if overlay.embedded < 0:
        assert len(overlay.bits) == (overlay.rows * overlay.columns + 7) // 8


def check(look: Appearance) -> None:
    """What an appearance promises."""
    for table in (look.modality, look.voi, look.presentation):
        if isinstance(table, LookupTable):
            _check_table(table)
    if isinstance(look.voi, Window):
        least = 1 if look.voi.function is WindowFunction.LINEAR else 0
        assert look.voi.width >= least
    for palette in (look.palette, look.tint):
        if palette is not None:
            _check_palette(palette)
    for overlay in look.overlays:
        _check_overlay(overlay)
    assert 1 / 32 <= look.aspect <= 32
    assert look.padding is None or look.padding[0] <= look.padding[1]
    assert look.greatest >= 1


def _check_frames(kept: Kept) -> None:
    for frame in {1, max(kept.pixel.number_of_frames, 1)}:
        look = kept.appearance(frame)
        check(look)
        if kept.pixel.photometric_interpretation == "PALETTE COLOR":
            assert look.palette is not None
        for lines in (patient_lines(kept.document), technique_lines(kept.document, frame)):
            assert all(line.isprintable() and 0 < len(line) <= 64 for line in lines)


def test_every_file_with_pixels_has_a_look_for_its_first_and_last_frame(data_folder: Path) -> None:
    count = 0
    for path in valid_files():
        kept = kept_file(path)
        if kept is not None:
            count += 1
            _check_frames(kept)
    assert count > 250


def test_broken_files_that_can_be_stored_have_a_look(data_folder: Path) -> None:
    for path in broken_files():
        kept = kept_file(path) if path.stat().st_size < 1 << 20 else None
        if kept is not None:
            check(kept.appearance(1))


TAGS = re.findall(
    r"\S+",
    """
    00080016 00080018 00080060 00081115 00081140 00081155 00081160 00082112 00089124 00089205
    00181600 00181602 00181604 00181606 00181608 00181610 00181612 00181620 00181622 00181623
    00189472 0020000E 00200032 00200037 00209111 00209113 00209116 00209157 00280030 00280034
    00280107 00280120 00280121 00281040 00281050 00281051 00281052 00281053 00281056 00281101
    00281102 00281103 00281201 00281202 00281203 00281221 00281222 00281223 00282000 00283000
    00283002 00283006 00283010 00283110 00289110 00289132 00289145 20500010 20500020 3004000E
    00480105 00480106 00480207 00620001 00620002 00620004 0062000A 0062000B 0062000D 0062000E
    00700001 00700002 00700003 00700004 00700005 00700006 00700008 00700009 00700010 00700011
    00700014 00700015 00700022 00700023 00700024 00700041 00700042 00700052 00700053 0070005A
    00700060 00700062 00700066 00700101 00700102 00700401 60000010 60000011 60000015 60000050
    60000051 60000100 60000102 60001001 60003000 52009229 52009230 00100010 00100030 00100040
    """,
)
_WORDS = re.findall(
    r"\S+",
    """
    1.2.840.10008.5.1.4.1.1.66.4 1.2.840.10008.5.1.4.1.1.66.7 1.2.840.10008.5.1.4.1.1.481.2
    RECTANGULAR CIRCULAR POLYGONAL BITMAP PIXEL DISPLAY POLYLINE POINT ELLIPSE Y INVERSE COLOR
    1.2.3 LOG FRACTIONAL SIGMOID
    """,
)
_VALUE = st.one_of(
    st.integers(-70_000, 70_000),
    st.integers(-(1 << 70), 1 << 70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(_WORDS),
    st.text(max_size=8),
    st.none(),
)
_PLAIN = st.one_of(
    st.builds(lambda values: {"vr": "US", "Value": values}, st.lists(_VALUE, max_size=8)),
    st.builds(lambda text: {"vr": "OW", "InlineBinary": text}, st.sampled_from(["AAEC", "?", ""])),
    st.just({"vr": "OW", "BulkDataURI": "/x"}),
    st.just({"vr": "PN", "Value": [{"Alphabetic": "A^B"}]}),
    st.just({"vr": "LO"}),
)
_TREE = st.recursive(
    st.dictionaries(st.sampled_from(TAGS), _PLAIN, max_size=12),
    lambda below: st.dictionaries(
        st.sampled_from(TAGS),
        st.one_of(
            _PLAIN,
            st.builds(lambda items: {"vr": "SQ", "Value": items}, st.lists(below, max_size=3)),
        ),
        max_size=12,
    ),
    max_leaves=12,
)


class _Everything(dict[str, bytes]):
    """Has bytes for every path."""

    def get(self, key: str, default: object = None) -> bytes:
        return bytes(range(256)) * 3


@pytest.mark.parametrize("frame", [1, 2])
@given(document=_TREE, state=_TREE, bulk=st.sampled_from([{}, _Everything()]))
def test_nothing_in_a_document_makes_it_fail(
    frame: int, document: dict[str, object], state: dict[str, object], bulk: dict[str, bytes]
) -> None:
    image = Attributes(document)
    bulk_needed(image, frame, GREY)
    check(appearance(image, frame, bulk, GREY))
    source_of(image, frame)
    frame_at_same_place(image, Attributes(state), frame)
    technique_lines(image, frame, Window(1, 2))
    patient_lines(image)
    in_order([Placed.of(image, 1), Placed.of(image, 2)])
    shown = Attributes({**state, "00080016": {"vr": "UI", "Value": [GRAYSCALE]}})
    presentation_bulk(shown)
    try:
        found = PresentationState.of(shown, bulk)
    except NotAcceptable:
        return
    assert isinstance(found.references, tuple)
    check(found.appearance(image, frame, bulk, GREY))
