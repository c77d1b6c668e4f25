"""What a C-MOVE or C-GET asks: the instances that unique keys name (PS3.4 C.4.2.1.4).

What the standard leaves open is decided here: keys other than unique ones count for nothing, and
unique keys above the level have to fit too, where they are given.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

from dicomweb_server.dimse.asked import depth_of
from dicomweb_server.dimse.identifier import Identifier
from dicomweb_server.dimse.models import Depth, Model
from dicomweb_server.errors import InvalidParameter
from dicomweb_server.model.canonical import canonical
from dicomweb_server.model.ids import Level, Scope, is_uid
from dicomweb_server.model.query import Clause, Exact, OneOf, Page, Query
from dicomweb_server.model.tags import hex_of, keyword_of

_BATCH: Final = 500
"""UIDs that are looked for at once."""


def queries(identifier: Identifier, model: Model, *, relational: bool) -> tuple[Query, ...]:
    """Searches that find what is wanted, each once; their pages are to be replaced.

    Args:
        identifier: As it was decoded.
        model: Its information model.
        relational: Whether unique keys above the level may be left out.

    Raises:
        InvalidParameter: A unique key is missing or has a value that its rule does not allow.
    """
    depth = depth_of(identifier, model)
    above: list[Clause] = []
    for other in Depth:
        if model.top <= other < depth:
            values = _values(identifier, other, required=not relational)
            if len(values) > 1 and not relational:
                raise _wrong(other, "needs a single value at this level")
            above += _clause(other, values)
    own = _values(identifier, depth, required=True)
    batches = (own[start : start + _BATCH] for start in range(0, len(own), _BATCH))
    clauses = [(*above, *_clause(depth, batch)) for batch in batches]
    return tuple(Query(depth.level, Page(0), clauses=each) for each in clauses)


def _values(identifier: Identifier, depth: Depth, *, required: bool) -> list[str]:
    text = identifier.text(depth.unique_key)
    if not text:
        if required:
            raise _wrong(depth, "is missing or empty")
        return []
    if depth is Depth.PATIENT:
        if "*" in text or "?" in text or "\\" in text:
            raise _wrong(depth, "needs a single value, without wildcards")
        return [canonical("LO", text)]
    values = list(dict.fromkeys(text.split("\\")))
    if not all(map(is_uid, values)):
        raise _wrong(depth, "is not a UID or a list of UIDs")
    return values


def _wrong(depth: Depth, detail: str) -> InvalidParameter:
    return InvalidParameter(keyword_of(depth.unique_key), detail, "give UIDs, or a patient's ID")


def _clause(depth: Depth, values: list[str]) -> list[Clause]:
    path = (depth.unique_key,)
    if not values:
        return []
    return [Exact(path, values[0]) if len(values) == 1 else OneOf(path, tuple(values))]


def scopes(rows: Iterable[bytes], level: Level) -> Iterator[Scope]:
    """What the rows of a search name.

    Args:
        rows: As QIDO-RS answers them.
        level: Of the search.
    """
    for row in rows:
        found = json.loads(row)
        uids = [found[hex_of(depth.unique_key)]["Value"][0] for depth in list(Depth)[1 : level + 1]]
        yield Scope(*uids)
