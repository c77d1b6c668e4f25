"""Waveforms as drawn pages."""

from __future__ import annotations

from collections.abc import Iterable

from lxml import etree

from dicomweb_server.dicom.svg import svg
from dicomweb_server.dicom.waveform.draw import draw_waveforms
from dicomweb_server.dicom.waveform.groups import bulk_needed
from tests.dicom.metadata import Json
from tests.fuzz import trees
from tests.fuzz.dice import Dice
from tests.fuzz.harness import Harness

_GROUP = (
    0x003A0005,
    0x003A0010,
    0x003A001A,
    0x003A0020,
    0x003A0200,
    0x003A0203,
    0x003A0208,
    0x003A0210,
    0x003A0211,
    0x003A0212,
    0x003A0213,
    0x003A0214,
    0x003A0215,
    0x003A0218,
    0x003A0220,
    0x003A0221,
    0x003A0222,
    0x00181068,
    0x0040B020,
    0x0040A043,
    0x0040A30A,
    0x004008EA,
    0x00080100,
    0x00080102,
    0x00080104,
    0x54000100,
    0x54001004,
    0x54001006,
    0x5400100A,
    0x54001010,
)
_WORDS = ("SS", "SB", "UB", "US", "MB", "AB", "SL", "UL", "MDC", "I", "aVR", "mV", "5.6.3-9-1")
_FIXED: Json = {"00080016": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.9.1.1"]}}


def _run(data: bytes) -> None:
    dice = Dice(data)
    word = dice.one(_WORDS[:8])
    channels, bits = dice.number(16), dice.one((8, 16, 32, 24))
    group = {
        "003A0005": {"vr": "US", "Value": [channels]},
        "003A0010": {"vr": "UL", "Value": [dice.number(300)]},
        "003A001A": {"vr": "DS", "Value": [dice.one((500.0, 0.001, 1e9, 0.0, -1.0, 250.0))]},
        "54001004": {"vr": "US", "Value": [bits]},
        "54001006": {"vr": "CS", "Value": [word]},
        "54001010": {"vr": "OW", "InlineBinary": "AAECAwQFBgcICQoLDA0ODw==" if channels else ""},
    }
    fixed = {**_FIXED, "54000100": {"vr": "SQ", "Value": [group]}} if dice.chance(2) else _FIXED
    document = trees.document(dice, _GROUP, _WORDS, fixed)
    if document is None:
        return
    needed = bulk_needed(document)
    samples = dice.rest() * 3
    drawing = draw_waveforms(document, {path: samples[:most] for path, most in needed.items()})
    etree.fromstring(svg(drawing).encode())


def _seeds() -> Iterable[bytes]:
    yield bytes(range(1, 220))
    for word in range(8):
        yield bytes((word, 12, 1, 200, 0, 0, 1)) + bytes((5, 25, 1)) * 30
        yield bytes((word, 1, 0, 8, 0, 5, 0)) + bytes((9, 4, 2, 3, 1)) * 30


HARNESS = Harness(
    promise="whatever a waveform object holds, it is drawn as far as it goes, as XML",
    run=_run,
    seeds=_seeds,
    longest=600,
)
