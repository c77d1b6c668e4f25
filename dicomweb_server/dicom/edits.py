"""Changes to elements of a data set that is otherwise written as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from struct import pack

from dicomweb_server.dicom.rewrite import SEQUENCE_END, header

Edit = Callable[[bytes | None], bytes]
"""Makes an element with its header of its value so far; empty to leave it out.

The value is None where the element is absent, is a sequence, or is too long to be changed.
"""

_ITEM = b"\xfe\xff\x00\xe0"
_UNDEFINED = b"\xff\xff\xff\xff"


def removed(_value: bytes | None) -> bytes:
    """Leaves an element out."""
    return b""


def word(tag: int, number: int) -> Edit:
    """Puts a US element in place.

    Args:
        tag: Group and element.
        number: 0 to 65535.
    """
    element = header(tag, "US", 2) + pack("<H", number)
    return lambda _: element


def text(tag: int, vr: str, change: Callable[[str], str]) -> Edit:
    """Puts a text element in place.

    Args:
        tag: Group and element.
        vr: Its value representation.
        change: The new value of the old one without padding, which is empty where it is absent;
            bytes beyond ASCII are passed through as they are.
    """

    def edit(value: bytes | None) -> bytes:
        old = (value or b"").decode("latin-1").rstrip(" \0")
        return text_element(tag, vr, change(old).encode("latin-1"))

    return edit


def text_element(tag: int, vr: str, value: bytes) -> bytes:
    """A text element, padded to even length (PS3.5 6.2)."""
    value += (b"\0" if vr == "UI" else b" ") * (len(value) % 2)
    return header(tag, vr, len(value)) + value


def item(elements: Iterable[bytes]) -> bytes:
    """A sequence item of known length."""
    content = b"".join(elements)
    return _ITEM + pack("<I", len(content)) + content


def sequence(tag: int, *items: bytes) -> bytes:
    """A sequence with its items."""
    return header(tag, "SQ", 0)[:8] + _UNDEFINED + b"".join(items) + SEQUENCE_END
