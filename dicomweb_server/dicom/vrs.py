"""Which value representation an element has, and what that means for its bytes."""

from __future__ import annotations

from functools import cache, lru_cache

from pydicom.datadict import dictionary_VR, private_dictionary_VR

from dicomweb_server.model import tags

_SHORT = "AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US"
_LONG = "OB OD OF OL OV OW SQ SV UC UN UR UT UV"

SHORT_VRS: dict[bytes, str] = {vr.encode(): vr for vr in _SHORT.split()}
"""VRs whose explicit header has a length of 16 bits (PS3.5 7.1.2)."""
LONG_VRS: dict[bytes, str] = {vr.encode(): vr for vr in _LONG.split()}
"""VRs whose explicit header has a length of 32 bits."""
SHORT_NAMES = frozenset(SHORT_VRS.values())

BINARY_VRS = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))
"""VRs that DICOM JSON gives as InlineBinary or BulkDataURI (PS3.18 F.2.2)."""
REFERABLE_VRS = BINARY_VRS | frozenset(
    ("DS", "FL", "FD", "IS", "LT", "SL", "SS", "ST", "SV", "UC", "UL", "US", "UT", "UV")
)
"""VRs that may be given as BulkDataURI (PS3.18 F.2.2)."""

WORDS: dict[str, int] = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), 2),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
"""Bytes of one word that byte order concerns; VRs not listed have single bytes (PS3.5 7.3)."""

IMPLICIT_LIMIT = 0xFFFE
"""Longest value of a VR with a 16-bit length, in bytes (PS3.18 8.7.3.4 note 3)."""


def is_known(code: bytes) -> bool:
    """Whether two bytes are a value representation of PS3.5 6.2."""
    return code in SHORT_VRS or code in LONG_VRS


def explicit_header_size(vr: str, length: int) -> int:
    """Bytes of the header of an element in explicit VR.

    Args:
        vr: Value representation before N12 turns long values of short VRs into UN.
        length: Bytes of the value.
    """
    return 8 if vr in SHORT_NAMES and length <= IMPLICIT_LIMIT else 12


@cache
def public_vrs() -> dict[int, str]:
    """VR by tag of every public element; some entries name alternatives ("US or SS")."""
    return {
        tag: "UN" if entry.vr == "NONE" else entry.vr for tag, entry in tags.dictionary().items()
    }


@lru_cache(maxsize=16_384)
def repeating_vr(tag: int) -> str:
    """VR of a public element outside the plain dictionary: repeating groups, else UN."""
    if tag & 0xFFFF == 0:
        return "UL"
    try:
        return dictionary_VR(tag)
    except KeyError:
        return "UN"


@lru_cache(maxsize=16_384)
def private_vr(tag: int, creator: str) -> str:
    """VR of a private element of a creator that is known, else UN."""
    try:
        vr = private_dictionary_VR(tag, creator)
    except KeyError:
        return "UN"
    return vr if is_known(vr.encode()) else "UN"
