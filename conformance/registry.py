"""All checks, and the rows of requirements that they cover."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from conformance.checks import (
    bulkdata,
    capabilities,
    fields,
    framing,
    general,
    json_model,
    matching,
    negotiation,
    nonimages,
    payload,
    rendered,
    retrieve,
    search,
    store,
    store_response,
    syntaxes,
    thumbnail,
    transcoded,
    uri,
    xml_model,
)
from conformance.model import Check, Level

CHECKS: Final[tuple[Check, ...]] = (
    *retrieve.CHECKS,
    *bulkdata.CHECKS,
    *store.CHECKS,
    *payload.CHECKS,
    *store_response.CHECKS,
    *search.CHECKS,
    *general.CHECKS,
    *matching.CHECKS,
    *fields.CHECKS,
    *negotiation.CHECKS,
    *syntaxes.CHECKS,
    *transcoded.CHECKS,
    *framing.CHECKS,
    *capabilities.CHECKS,
    *json_model.CHECKS,
    *xml_model.CHECKS,
    *rendered.CHECKS,
    *nonimages.CHECKS,
    *thumbnail.CHECKS,
    *uri.CHECKS,
)
"""Every check, part by part."""

PARTS: Final = MappingProxyType(
    {
        "R": "Retrieve (10.4)",
        "T": "Store (10.5)",
        "SC": "Status codes (8.5, 10.4 to 10.6)",
        "SR": "Store response (Annex I)",
        "Q": "Search resources (10.6.1)",
        "K": "Attributes that match (Table 10.6.1-5)",
        "L": "Attributes that are returned (Tables 10.6.3-3 to -5)",
        "G": "Query syntax (8.3)",
        "A": "Matching (8.3.4, PS3.4 C.2.2.2)",
        "F": "includefield (8.3.4.3)",
        "N": "Negotiation (8.7)",
        "MT": "Media types per resource (10.4.4, 10.6.4)",
        "TS": "Media types of transfer syntaxes (Table 8.7.3-5)",
        "B": "Multipart and framing (8.4, 8.6)",
        "X": "Capabilities and methods (8.5, 8.9)",
        "J": "DICOM JSON (Annex F)",
        "M": "Native DICOM Model (PS3.19 A.1)",
        "CS": "Character sets (8.8)",
        "D": "Rendered parameters (8.3.5)",
        "V": "URI service (9)",
    }
)
"""What the letters of ids stand for, in the order of reports."""

NOT_TESTABLE: Final = MappingProxyType(
    {
        "R10": "no requirement: the resource is named in Table H-1 only, against 10.1.1",
        "A5": "implementation-defined; the Conformance Statement says how DS and IS match",
        "A23": "a matter of the Conformance Statement, which declares the limit",
    }
)
"""Rows that nobody can judge from outside, and why."""


def parse_only(text: str) -> tuple[str, ...]:
    """The parts, rows or ids of a comma list: `A,N3,R1.study`."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def chosen(only: tuple[str, ...], level: Level) -> tuple[Check, ...]:
    """The checks of the given parts, rows or ids that bind at least as strongly as `level`.

    Args:
        only: Parts (`A`), rows (`N3`) or ids (`A9.open-start`); none for all.
        level: The weakest level.

    Raises:
        ValueError: A word of `only` names no check.
    """
    known = {name for check in CHECKS for name in (check.part, check.row, check.id)}
    if unknown := [word for word in only if word not in known]:
        raise ValueError(f"no checks of {', '.join(unknown)}; parts are {', '.join(PARTS)}")
    ranks = list(Level)
    return tuple(
        check
        for check in CHECKS
        if ranks.index(check.level) <= ranks.index(level)
        and (not only or {check.part, check.row, check.id} & set(only))
    )
