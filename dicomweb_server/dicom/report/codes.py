"""Coded entries out of DICOM JSON, and units as people write them."""

from __future__ import annotations

from dicomweb_server.dicom.json_item import JsonItem
from dicomweb_server.dicom.report.tree import Code
from dicomweb_server.dicom.wording import clean

_VALUES = (0x00080100, 0x00080119, 0x00080120)
_SCHEME = 0x00080102
_MEANING = 0x00080104
_LONGEST = 2048
_SYMBOLS = {
    "um": "µm",
    "mm2": "mm²",
    "cm2": "cm²",
    "m2": "m²",
    "mm3": "mm³",
    "cm3": "cm³",
    "um2": "µm²",
    "uV": "µV",
    "ug": "µg",
    "us": "µs",
    "mm[Hg]": "mmHg",
    "cm[H2O]": "cmH₂O",
    "Cel": "°C",
    "deg": "°",
    "dB": "dB",
    "[hnsf'U]": "HU",
    "{H.B.}/min": "/min",
    "{beats}/min": "/min",
    "g/m2": "g/m²",
    "ml/m2": "ml/m²",
}
_NO_UNITS = frozenset(("1", "{ratio}"))


def code_of(item: JsonItem) -> Code:
    """A coded entry from the item that holds it."""
    value = next(filter(None, (item.text(tag) for tag in _VALUES)), "")
    told = (value, item.text(_SCHEME), item.text(_MEANING))
    return Code(*(clean(text[:_LONGEST]).strip() for text in told))


def first_code(item: JsonItem, tag: int) -> Code:
    """The coded entry of a code sequence; an empty one where there is none."""
    return code_of(item.item(tag))


def unit(code: Code) -> str:
    """How a unit is written behind a number; empty for numbers without one.

    UCUM says "1" for no units and puts annotations into braces.
    """
    if code.scheme != "UCUM":
        return code.words
    if code.value in _SYMBOLS:
        return _SYMBOLS[code.value]
    if code.value in _NO_UNITS:
        return ""
    return code.words if "{" in code.value or "[" in code.value else code.value or code.meaning
