"""What can be made of an element whose value representation is none of PS3.5 6.2."""

from __future__ import annotations

from struct import unpack_from

from dicomweb_server.dicom import refusal, vrs
from dicomweb_server.dicom.scope import Scope
from dicomweb_server.dicom.window import Window


def fits_implicit(window: Window, scope: Scope, place: int) -> bool:
    """Whether an element in implicit VR little endian may lie here."""
    length = int.from_bytes(window.read(place + 4, 4), "little")
    return length == 0xFFFFFFFF or place + 8 + length <= scope.limit


def value_of(window: Window, scope: Scope, place: int, tag: int) -> tuple[int, int]:
    """Offset and length of the value: of the two forms of header the one that fits the next.

    Args:
        window: The file.
        scope: The data set that holds the element.
        place: Offset of the element.
        tag: Its tag, for the message.

    Raises:
        InstanceRejected: Neither form is followed by an element.
    """
    order = ">" if scope.big else "<"
    (length,) = unpack_from(order + "H", window.read(place + 6, 2))
    if _followed(window, scope, place + 8 + length):
        return place + 8, length
    if place + 12 > scope.limit:
        raise refusal.cut_off("the header of an element")
    (length,) = unpack_from(order + "I", window.read(place + 8, 4))
    if _followed(window, scope, place + 12 + length):
        return place + 12, length
    raise refusal.not_understood(
        f"{refusal.tag_text(tag)} has a value representation that does not exist",
        "the data set has to be encoded as its transfer syntax says",
    )


def _followed(window: Window, scope: Scope, place: int) -> bool:
    """Whether an element may end here: its scope ends, or a header with a VR follows."""
    if place == scope.limit:
        return True
    if place + 8 > scope.limit:
        return False
    header = window.read(place, 8)
    if header[:2] == (b"\xff\xfe" if scope.big else b"\xfe\xff"):
        return True
    return vrs.is_known(header[4:6])
