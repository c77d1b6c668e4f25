"""Scopes as SQL; `s`, `e` and `i` name study, series and instance in every statement."""

from __future__ import annotations

from dicomweb_server.model.ids import Scope

FROM_INSTANCES = """
FROM study s JOIN series e ON e.study_id = s.id JOIN instance i ON i.series_id = e.id
"""


def where(scope: Scope) -> tuple[str, list[str | int]]:
    """A WHERE clause for a scope and its parameters.

    Args:
        scope: The whole archive, a study, a series or an instance.
    """
    terms: list[str] = []
    parameters: list[str | int] = []
    for term, uid in (
        ("s.uid = ?", scope.study),
        ("e.uid = ?", scope.series),
        ("i.uid = ?", scope.instance),
    ):
        if uid is not None:
            terms.append(term)
            parameters.append(uid)
    return (" WHERE " + " AND ".join(terms) if terms else " WHERE 1"), parameters
