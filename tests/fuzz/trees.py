"""Data sets grown from an input: known attributes, values of their own VR, nested."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence

from pydicom.datadict import dictionary_VR

from dicomweb_server.dicom.elements import DataSet
from dicomweb_server.dicom.json_in import read_metadata
from dicomweb_server.model.limits import ScanLimits
from tests.dicom import scans
from tests.dicom.metadata import UIDS, Json, file_of
from tests.fuzz.dice import Dice

_LIMITS = ScanLimits()
_DEEPEST = 5
_NUMBERS = (0, 1, 2, 8, 16, 255, 4096, 65_535, -1, 0.5, -0.5, 1e-300, 1e300)
_TEXTS = (
    "",
    " ",
    "A",
    "TEXT",
    "<script>alert(1)</script>",
    "a\r\nb",
    "ü山",
    "\u202e",
    "&#0;",
    "]]>",
)


def document(dice: Dice, tags: Sequence[int], words: Sequence[str], fixed: Json) -> Json | None:
    """The document that the archive keeps of a data set, None where it does not take it.

    Args:
        dice: Chooses.
        tags: Attributes that may be there; sequences hold the same.
        words: Texts that mean something.
        fixed: Attributes that are there in any case.
    """
    made = {**_item(dice, tags, (*words, *_TEXTS), 0), **fixed, **UIDS, **fixed}
    text = json.dumps([{tag: made[tag] for tag in sorted(made)}]).encode()
    (found,) = read_metadata(text, _LIMITS)
    if not isinstance(found, DataSet):
        return None
    return scans.document(scans.scanned(file_of(found)))


def _item(dice: Dice, tags: Sequence[int], words: Sequence[str], depth: int) -> Json:
    found: Json = {}
    for _ in range(dice.number(12)):
        tag = dice.one(tags)
        vr = dictionary_VR(tag).split(" ")[0]
        if vr == "SQ":
            if depth < _DEEPEST:
                items = [_item(dice, tags, words, depth + 1) for _ in range(dice.number(4))]
                found[f"{tag:08X}"] = {"vr": vr, "Value": items}
        elif vr in ("OB", "OW", "OF"):
            data = dice.take(dice.number(64) & ~3)
            found[f"{tag:08X}"] = {"vr": vr, "InlineBinary": base64.b64encode(data).decode()}
        else:
            values = [_value(dice, vr, words) for _ in range(dice.number(6))]
            found[f"{tag:08X}"] = {"vr": vr, "Value": values}
        if not dice.left:
            break
    return found


_WIDTHS = {
    "US": (0, 65_535),
    "SS": (-32_768, 32_767),
    "UL": (0, 2**32 - 1),
    "SL": (-(2**31), 2**31),
}


def _value(dice: Dice, vr: str, words: Sequence[str]) -> object:
    if vr in _WIDTHS:
        low, high = _WIDTHS[vr]
        number = dice.number(65_536) if dice.chance(4) else int(dice.one(_NUMBERS[:9]))
        return min(max(number, low), high)
    if vr in ("FL", "FD", "DS", "IS"):
        number_ = dice.one(_NUMBERS[:9]) if vr == "IS" else dice.one(_NUMBERS)
        return max(min(number_, 1e38), -1e38) if vr == "FL" else number_
    if vr == "AT":
        return "00280010"
    if vr == "PN":
        return {"Alphabetic": dice.one(words) or "A^B"}
    if vr == "UI":
        return "1.2.3"
    if vr in ("DA", "DT", "TM"):
        return dice.one(("20240101", "101500", "", "99999999"))
    return dice.one(words)
