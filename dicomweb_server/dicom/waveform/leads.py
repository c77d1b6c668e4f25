"""Names of ECG leads out of codes and labels (PS3.16 CID 3001)."""

from __future__ import annotations

import re

from dicomweb_server.dicom.report.tree import Code

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
"""The twelve of a standard ECG in the order of its page."""

_BY_NUMBER = {
    1: "I",
    2: "II",
    3: "V1",
    4: "V2",
    5: "V3",
    6: "V4",
    7: "V5",
    8: "V6",
    61: "III",
    62: "aVR",
    63: "aVL",
    64: "aVF",
}
"""Numbers of ISO/IEEE 11073-10102 (codes "2:61") and SCP-ECG (codes "5.6.3-9-61")."""
_NUMBERED = re.compile(r"(?:2:|5\.6\.3-9-)(\d{1,3})")
_NAMED = re.compile(
    r"\b(?:(?P<roman>I{1,3})|av(?P<letter>[rlf])|v(?P<chest>[1-6]))\b", re.IGNORECASE
)


def lead_of(source: Code, label: str) -> str:
    """The standard lead that a channel holds, empty where it is another signal.

    Args:
        source: Channel Source.
        label: Channel Label.
    """
    numbered = _NUMBERED.fullmatch(source.value)
    if numbered is not None:
        return _BY_NUMBER.get(int(numbered.group(1)), "")
    return _named(source.meaning) or _named(label)


def _named(text: str) -> str:
    found = _NAMED.search(text)
    if found is None:
        return ""
    roman, letter, chest = found.group("roman", "letter", "chest")
    if roman:
        return str(roman).upper()
    return f"aV{letter.upper()}" if letter else f"V{chest}"
