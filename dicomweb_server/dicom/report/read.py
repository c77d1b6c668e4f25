"""Structured reports and key object selections out of DICOM JSON (PS3.3 A.35)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dicomweb_server.dicom import wording
from dicomweb_server.dicom.json_item import Json, JsonItem
from dicomweb_server.dicom.report import header
from dicomweb_server.dicom.report.content import CONTENT, NAME, Bounds, read_content
from dicomweb_server.dicom.report.references import former, places
from dicomweb_server.dicom.report.tree import Content, Reference, Report

_KIND = 0x0040A040
_SOP_CLASS = 0x00080016
_SOP_INSTANCE = 0x00080018
_STUDY = 0x0020000D
_SERIES = 0x0020000E
_LANGUAGES = frozenset(("121045", "121046", "121049"))
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")
_MOST_FORMER = 32
_BOUNDS = Bounds()


def is_report(document: Json) -> bool:
    """Whether an object is a tree of content items: SR of any kind, KO, procedure logs.

    Acquisition Context and the like have trees too, but below their images: a tree counts where
    its root is a container.
    """
    item = JsonItem(document)
    return item.text(_KIND) == "CONTAINER" and (item.has(CONTENT) or item.has(NAME))


def read_report(document: Json, bounds: Bounds = _BOUNDS) -> Report:
    """Read a report; whatever is missing is left out.

    Args:
        document: DICOM JSON of the instance.
        bounds: How much is read.
    """
    item = JsonItem(document)
    root, targets, left_out = read_content(item, places(item), bounds)
    kind = wording.kind(item.text(_SOP_CLASS))
    return Report(
        title=root.name.words or kind,
        kind=kind,
        language=_language(root),
        patient=header.patient(item),
        study=header.study(item),
        status=header.status(item),
        people=header.people(item),
        key=Reference(
            item.text(_STUDY),
            item.text(_SERIES),
            item.text(_SOP_INSTANCE),
            item.text(_SOP_CLASS),
            kind,
        ),
        root=root,
        former=former(item, _MOST_FORMER),
        targets=targets,
        left_out=left_out,
    )


def _language(root: Content) -> str:
    """Language of the content (TID 1204)."""
    return next(_languages(root), "")


def _languages(root: Content) -> Iterator[str]:
    for child in root.children:
        told = child.code.value
        if child.name.value in _LANGUAGES and _LANGUAGE.fullmatch(told):
            yield told
