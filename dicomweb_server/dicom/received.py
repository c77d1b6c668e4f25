"""What stands in front of a data set that came over the network (PS3.10 7.1)."""

from __future__ import annotations

from struct import pack

from dicomweb_server.dicom.meta import PREAMBLE
from dicomweb_server.dicom.writer import IMPLEMENTATION_CLASS, IMPLEMENTATION_VERSION

_VERSION = b"\x02\x00\x01\x00OB\x00\x00\x02\x00\x00\x00\x00\x01"


def beginning(sop_class: str, instance: str, transfer_syntax: str, source: str) -> bytes:
    """Preamble and File Meta Information.

    Args:
        sop_class: SOP Class UID.
        instance: SOP Instance UID.
        transfer_syntax: Transfer Syntax UID.
        source: AE title of the sender.
    """
    group = _VERSION + b"".join(
        (
            _text(0x0002, "UI", sop_class),
            _text(0x0003, "UI", instance),
            _text(0x0010, "UI", transfer_syntax),
            _text(0x0012, "UI", IMPLEMENTATION_CLASS),
            _text(0x0013, "SH", IMPLEMENTATION_VERSION),
            _text(0x0016, "AE", source),
        )
    )
    return PREAMBLE + pack("<HH2sHI", 2, 0, b"UL", 4, len(group)) + group


def _text(element: int, vr: str, text: str) -> bytes:
    value = text.encode("ascii", "replace")
    value += (b"\0" if vr == "UI" else b" ") * (len(value) % 2)
    return pack("<HH2sH", 2, element, vr.encode(), len(value)) + value
