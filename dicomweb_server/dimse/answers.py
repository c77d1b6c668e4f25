"""The identifiers of C-FIND responses (PS3.4 C.4.1.1.3.2)."""

from __future__ import annotations

from collections.abc import Mapping

from dicomweb_server.dicom import answer
from dicomweb_server.dicom.charset_out import writer_of
from dicomweb_server.dicom.elements import Element
from dicomweb_server.dicom.selection import tree_of
from dicomweb_server.dimse.asked import AE_TITLE, AVAILABILITY, LEVEL, TIMEZONE, Asked
from dicomweb_server.model import media
from dicomweb_server.model.levels import vr_of

_ONLINE = Element(AVAILABILITY, "CS", b"ONLINE")


class Answers:
    """Writes the answers of one query: what was asked and no more, empty where nothing is known.

    Args:
        asked: The query.
        title: AE title from which everything can be retrieved.
        terms: Specific Character Set of the request.
        transfer_syntax: Of the presentation context.
    """

    def __init__(
        self, asked: Asked, title: str, terms: tuple[str, ...], transfer_syntax: str
    ) -> None:
        self._tree = tree_of([*asked.paths, (TIMEZONE,)])
        self._empty = [_empty(tag) for tag in asked.empty]
        self._fixed = [
            Element(LEVEL, "CS", asked.depth.name.encode("ascii")),
            Element(AE_TITLE, "AE", title.encode("ascii", "replace")),
            _ONLINE,
        ]
        self._reader = writer_of(terms)
        self._implicit = transfer_syntax == media.IMPLICIT_LITTLE

    def encode(self, row: bytes, counts: Mapping[int, int] | None = None) -> bytes:
        """The encoded identifier of one match.

        Args:
            row: The DICOM JSON object that QIDO-RS answers.
            counts: Numbers that the row does not tell, by tag.
        """
        found = answer.chosen(row, self._tree)
        known = {element.tag for element in found.elements}
        absent = [element for element in self._empty if element.tag not in known]
        told = [Element(tag, "IS", b"%d" % count) for tag, count in (counts or {}).items()]
        whole = found.replaced(*absent, *self._fixed, *told)
        return answer.encode(whole, self._reader, self._implicit)


def _empty(tag: int) -> Element:
    vr = vr_of(tag)
    return Element(tag, vr, () if vr == "SQ" else b"")
