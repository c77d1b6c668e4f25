"""What the attributes of an image say of lossy compression (PS3.3 C.7.6.1.1.5, C.12.4)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID

from dicomweb_server.dicom import edits
from dicomweb_server.dicom.edits import Edit, item, text_element

_LOSSY = 0x00282110
_RATIO = 0x00282112
_METHOD = 0x00282114
_IMAGE_TYPE = 0x00080008
_SOP_CLASS = 0x00080016
_SOP_INSTANCE = 0x00080018
_DERIVATION = 0x00082111
_SOURCE_IMAGES = 0x00082112
_DERIVATION_CODES = 0x00089215
_PURPOSE = 0x0040A170
_MOST_TEXT = 1024
"""Characters of Derivation Description (VR ST)."""

_P = "1.2.840.10008.1.2.4."
_METHODS = {
    _P + "50": "ISO_10918_1",
    _P + "51": "ISO_10918_1",
    _P + "81": "ISO_14495_1",
    _P + "91": "ISO_15444_1",
    _P + "93": "ISO_15444_2",
    _P + "111": "ISO_18181_1",
    _P + "112": "ISO_18181_1",
    _P + "203": "ISO_15444_15",
}
"""Lossy Image Compression Method (PS3.3 C.7.6.1.1.5.1) by Transfer Syntax UID."""
_ALWAYS = frozenset((_P + "50", _P + "51"))
"""Transfer syntaxes whose encoding always loses information."""


def marks(transfer_syntax: str, ratio: float) -> dict[int, Edit]:
    """Attributes of an image that was stored in a lossy transfer syntax and leaves in another.

    What the image says itself is kept. Where it says nothing it is told to be lossy: it may be,
    and the transfer syntax will not show it any more.

    Args:
        transfer_syntax: That in which it is stored.
        ratio: Bytes uncompressed to bytes stored.
    """
    method = _METHODS.get(transfer_syntax)
    if method is None:
        return {}
    always = transfer_syntax in _ALWAYS

    def told(old: str) -> str:
        return "01" if always or not old else old

    return {
        _LOSSY: edits.text(_LOSSY, "CS", told),
        _RATIO: edits.text(_RATIO, "DS", lambda old: old or f"{ratio:.4g}"),
        _METHOD: edits.text(_METHOD, "CS", lambda old: old or method),
    }


@dataclass(frozen=True, slots=True)
class Derivation:
    """An image that is a lossy version of a stored one.

    Args:
        sop_class, source: SOP Class and Instance UID of the stored image.
        instance: SOP Instance UID of its lossy version.
        transfer_syntax: In which it is compressed.
        name: Name of that transfer syntax.
        ratio: Bytes uncompressed to bytes compressed, about.
        before: Method and ratio of the stored image, where it is lossy by its transfer syntax and
            may say nothing of it.
    """

    sop_class: str
    source: str
    instance: str
    transfer_syntax: str
    name: str
    ratio: float
    before: tuple[str, str] = ("", "")

    def edits(self) -> dict[int, Edit]:
        """Changes to elements."""
        method, ratio = _METHODS[self.transfer_syntax], f"{self.ratio:.4g}"
        said = f"Lossy compression: {self.name}, ratio about {ratio}:1"
        uid = self.instance
        old_method, old_ratio = self.before
        return {
            _IMAGE_TYPE: edits.text(_IMAGE_TYPE, "CS", _derived),
            _SOP_INSTANCE: edits.text(_SOP_INSTANCE, "UI", lambda _: uid),
            _DERIVATION: edits.text(_DERIVATION, "ST", lambda old: _joined(old, said, "; ")),
            _LOSSY: edits.text(_LOSSY, "CS", lambda _: "01"),
            _RATIO: edits.text(_RATIO, "DS", lambda old: _joined(old or old_ratio, ratio, "\\")),
            _METHOD: edits.text(
                _METHOD, "CS", lambda old: _joined(old or old_method, method, "\\")
            ),
        }

    def appended(self) -> dict[int, bytes]:
        """Items behind those that sequences have."""
        purpose = _code("121320", "DCM", "Uncompressed predecessor")
        source = item(
            (
                text_element(0x00081150, "UI", self.sop_class.encode()),
                text_element(0x00081155, "UI", self.source.encode()),
                edits.sequence(_PURPOSE, purpose),
            )
        )
        return {
            _SOURCE_IMAGES: source,
            _DERIVATION_CODES: _code("113040", "DCM", "Lossy Compression"),
        }


def method_and_ratio(transfer_syntax: str, ratio: float) -> tuple[str, str]:
    """Of an image that is stored in a lossy transfer syntax; empty texts for others.

    Args:
        transfer_syntax, ratio: As for `marks`.
    """
    method = _METHODS.get(transfer_syntax)
    return ("", "") if method is None else (method, f"{ratio:.4g}")


def derived_uid(source: str, *parameters: str) -> str:
    """SOP Instance UID of a version of an image: the same for the same source and parameters.

    Args:
        source: SOP Instance UID of the image.
        parameters: What makes the version what it is.
    """
    digest = hashlib.sha256("\n".join((source, *parameters)).encode()).digest()
    return f"2.25.{UUID(bytes=digest[:16], version=5).int}"


def _derived(old: str) -> str:
    _first, *rest = old.split("\\")
    return "\\".join(["DERIVED", *(rest or ["PRIMARY"])])


def _joined(old: str, new: str, between: str) -> str:
    joined = f"{old}{between}{new}" if old else new
    return joined if len(joined) <= _MOST_TEXT else old


def _code(value: str, scheme: str, meaning: str) -> bytes:
    return item(
        (
            text_element(0x00080100, "SH", value.encode()),
            text_element(0x00080102, "SH", scheme.encode()),
            text_element(0x00080104, "LO", meaning.encode()),
        )
    )
