"""Sequence matching: one item meets all clauses (PS3.4 C.2.2.2.6)."""

from __future__ import annotations

from dicomweb_server.index.sqlite.conditions import Single, Sql, both
from dicomweb_server.index.sqlite.values import (
    Context,
    Items,
    exists,
    in_values,
    owner_of,
    under,
)
from dicomweb_server.model.query import Empty, Every, Nested, Path


def compile_nested(clause: Nested, context: Context) -> Sql:
    """A sequence's clause; a part that an index can look up goes in front of the exact test."""
    exact = _in_item(clause, (), context, None)
    if context.narrow:
        return exact
    lead = _lead(clause, ())
    return exact if lead is None else both(in_values(*lead, context), exact)


def _lead(clause: Nested, above: Path) -> tuple[Single, Path] | None:
    """A clause that some value under the sequence has to meet, whatever its item."""
    path = above + clause.path
    for inner in clause.clauses:
        if isinstance(inner, Nested):
            lead = _lead(inner, path)
            if lead is not None:
                return lead
        elif not isinstance(inner, Empty | Every):
            return inner, path + inner.path
    return None


def _in_item(clause: Nested, above: Path, context: Context, outer: Items | None) -> Sql:
    path = above + clause.path
    name = f"n{len(path)}"
    items = Items(name, len(path))
    select, inside = under(owner_of(path), name, path, items)
    parts = [inside] if outer is None else [inside, outer.same(name)]
    for inner in clause.clauses:
        if isinstance(inner, Nested):
            parts.append(_in_item(inner, path, context, items))
        else:
            parts.append(in_values(inner, path + inner.path, context, items))
    return exists(select, both(*parts))
