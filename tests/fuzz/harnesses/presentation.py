"""Appearance of frames: windows, tables, palettes, overlays, shutters, presentation states."""

from __future__ import annotations

import math
from collections.abc import Iterable

from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.appearance.frame import appearance, bulk_needed
from dicomweb_server.dicom.appearance.presentation import PresentationState, presentation_bulk
from dicomweb_server.dicom.appearance.source import place_of, referenced, source_of
from dicomweb_server.errors import NotAcceptable
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.rendering import Appearance, LookupTable, Window
from tests.dicom.metadata import Json
from tests.fuzz import trees
from tests.fuzz.dice import Dice
from tests.fuzz.harness import Harness, require_told

_TAGS = (
    0x00281050,
    0x00281051,
    0x00281056,
    0x00281052,
    0x00281053,
    0x00283000,
    0x00283002,
    0x00283003,
    0x00283006,
    0x00283010,
    0x00283110,
    0x00281101,
    0x00281102,
    0x00281103,
    0x00281201,
    0x00281202,
    0x00281203,
    0x00281221,
    0x00281222,
    0x00281223,
    0x00280120,
    0x00280121,
    0x00280034,
    0x00280030,
    0x00180050,
    0x00181600,
    0x00181602,
    0x00181604,
    0x00181606,
    0x00181608,
    0x00181610,
    0x00181612,
    0x00181620,
    0x00181622,
    0x00181623,
    0x60000010,
    0x60000011,
    0x60000015,
    0x60000050,
    0x60000051,
    0x60000100,
    0x60000102,
    0x60003000,
    0x60001001,
    0x00700001,
    0x00700002,
    0x00700006,
    0x00700008,
    0x00700009,
    0x00700010,
    0x00700011,
    0x00700014,
    0x00700022,
    0x00700021,
    0x00700023,
    0x00700024,
    0x00700041,
    0x00700042,
    0x00700052,
    0x00700053,
    0x0070005A,
    0x00700060,
    0x00700062,
    0x00700066,
    0x00700068,
    0x00700100,
    0x00700101,
    0x00700102,
    0x00700103,
    0x20500010,
    0x20500020,
    0x00081115,
    0x00081140,
    0x00081150,
    0x00081155,
    0x00081160,
    0x52009229,
    0x52009230,
    0x00289132,
    0x00289145,
    0x0062000A,
    0x0062000B,
    0x00620002,
    0x00620004,
    0x0062000D,
    0x00200032,
    0x00200037,
    0x3004000E,
)
_WORDS = (
    "LINEAR",
    "LINEAR_EXACT",
    "SIGMOID",
    "HU",
    "IDENTITY",
    "INVERSE",
    "RECTANGULAR",
    "CIRCULAR",
    "POLYGONAL",
    "BITMAP",
    "G",
    "R",
    "LAYER",
    "POLYLINE",
    "CIRCLE",
    "ELLIPSE",
    "POINT",
    "INTERPOLATED",
    "PIXEL",
    "DISPLAY",
    "Y",
    "N",
    "SCALE TO FIT",
    "TRUE SIZE",
    "MAGNIFY",
    "LEFT",
)
_CLASSES = (
    "1.2.840.10008.5.1.4.1.1.2",
    "1.2.840.10008.5.1.4.1.1.66.4",
    "1.2.840.10008.5.1.4.1.1.481.2",
    "1.2.840.10008.5.1.4.1.1.66.7",
    "1.2.840.10008.5.1.4.1.1.11.1",
)


def _run(data: bytes) -> None:
    dice = Dice(data)
    fixed: Json = {"00080016": {"vr": "UI", "Value": [dice.one(_CLASSES)]}}
    colour = dice.one(("MONOCHROME2", "MONOCHROME1", "PALETTE COLOR", "RGB"))
    bits = dice.one((1, 8, 16, 32))
    pixel = PixelHeader(
        16, 16, 3 if colour == "RGB" else 1, bits, bits, bits - 1, dice.number(2), 0, colour, 3, 0
    )
    values = dice.take(dice.number(128)) * 8
    frame = 1 + dice.number(3)
    document = trees.document(dice, _TAGS, _WORDS, fixed)
    if document is None:
        return
    item = Attributes(document)
    bulk = dict.fromkeys((*bulk_needed(item, frame, pixel), *presentation_bulk(item)), values)
    _require_sound(appearance(item, frame, bulk, pixel))
    place_of(item, frame)
    source_of(item, frame)
    referenced(item)
    try:
        state = PresentationState.of(item, bulk)
    except NotAcceptable as refusal:
        require_told(refusal)
        return
    assert len(state.references) < 100_000
    _require_sound(state.appearance(item, frame, bulk, pixel))


def _require_sound(look: Appearance) -> None:
    assert math.isfinite(look.aspect)
    assert look.aspect > 0
    if isinstance(look.voi, Window):
        assert math.isfinite(look.voi.center)
        assert math.isfinite(look.voi.width)
    for table in (look.modality, look.voi, look.presentation):
        if isinstance(table, LookupTable):
            assert table.entries
            assert 1 <= table.bits <= 16
            assert len(table.entries) <= 2 * 65_536
    for overlay in look.overlays:
        assert overlay.rows > 0
        assert overlay.columns > 0
    assert len(look.graphics) + len(look.texts) < 100_000


def _seeds() -> Iterable[bytes]:
    yield bytes(range(1, 240))
    for kind in range(5):
        for begin in (0, 20, 35, 44, 60):
            yield (
                bytes((kind, 0, 2, 0, 32))
                + bytes(range(32))
                + b"\0"
                + bytes(
                    step for n in range(40) for step in (11, (begin + n) % len(_TAGS), 3, n % 9)
                )
            )


HARNESS = Harness(
    promise="whatever an image or presentation state says of its appearance, sizes, windows and "
    "tables are sound; what is damaged is left out",
    run=_run,
    seeds=_seeds,
    longest=600,
)
