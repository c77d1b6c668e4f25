"""Clauses as SQL. Names of tables and columns come from fixed tables, values are bound."""

from __future__ import annotations

from typing import assert_never

from dicomweb_server.index.sqlite.columns import (
    COLUMNS,
    COUNTS,
    MODALITIES_IN_STUDY,
    Column,
    path_key,
)
from dicomweb_server.index.sqlite.conditions import (
    ALWAYS,
    NEVER,
    Single,
    Sql,
    between,
    both,
    either,
    equals,
    like,
    one_of,
)
from dicomweb_server.index.sqlite.moments import compile_moment
from dicomweb_server.index.sqlite.nested import compile_nested
from dicomweb_server.index.sqlite.values import ALIAS, Context, in_values, owner_of, rows
from dicomweb_server.model.ids import Level
from dicomweb_server.model.query import (
    Between,
    Clause,
    Empty,
    Every,
    Exact,
    Like,
    Moment,
    Name,
    Nested,
    OneOf,
)

_SELECTIVE = frozenset({"uid", "patient_id", "accession_number", "study_id"})


def compile_clause(clause: Clause, level: Level, context: Context) -> Sql:
    """One clause as a condition on the rows `s`, `e` and `i`.

    Args:
        clause: About an attribute of `level` or above.
        level: What the search returns.
        context: See `Context`.
    """
    if _owner(clause) > level:  # rows of the level searched have no values of it
        return ALWAYS if isinstance(clause, Empty) else NEVER
    if isinstance(clause, Moment):
        return compile_moment(clause, level, context)
    if isinstance(clause, Nested):
        return compile_nested(clause, context)
    if clause.path == MODALITIES_IN_STUDY:
        return _modalities(clause)
    if clause.path in COUNTS:
        if isinstance(clause, Between):  # numbers are no dates
            return NEVER
        owner, name = COUNTS[clause.path]
        return _on_text(clause, f"CAST({ALIAS[owner]}.{name} AS TEXT)")
    column = COLUMNS[owner_of(clause.path)].get(clause.path)
    if column is None or not (column.matched or column.key):
        return in_values(clause, clause.path, context)
    return _on_column(clause, column, context)


def _owner(clause: Clause) -> Level:
    if isinstance(clause, Moment):
        return max(owner_of(clause.date), owner_of(clause.time))
    return COUNTS[clause.path][0] if clause.path in COUNTS else owner_of(clause.path)


def is_selective(clause: Clause) -> bool:
    """Whether a clause is of the kind that leaves few rows."""
    match clause:
        case Exact() | OneOf():
            column = COLUMNS[owner_of(clause.path)].get(clause.path)
            return column is not None and column.name in _SELECTIVE
        case Name():
            return not clause.words and clause.pattern[:1] not in ("*", "?")
        case _:
            return False


def _on_column(clause: Single, column: Column, context: Context) -> Sql:
    owner = owner_of(clause.path)
    name = f"{ALIAS[owner]}.{column.name}"
    if isinstance(clause, Between) and not column.regular:
        return NEVER
    own = _on_text(clause, name)
    if path_key(clause.path) not in context.spilled:
        return own
    return _spilled(clause, own, owner, context)


def _spilled(clause: Single, own: Sql, owner: Level, context: Context) -> Sql:
    """Some rows have values that the column does not tell: for those the value table speaks."""
    beyond = in_values(clause, clause.path, context)
    if isinstance(clause, Exact | OneOf | Like):  # the column's text is one of the values anyway
        return either(own, beyond)
    listed = rows(owner, "w", Sql("1"), clause.path)
    unlisted = Sql("NOT " + listed.text, listed.parameters)
    if isinstance(clause, Empty):
        return both(own, beyond)
    return either(both(listed, beyond), both(unlisted, own))


def _on_text(clause: Single, name: str) -> Sql:
    """A clause about an attribute that has at most one value, which may be the empty text."""
    match clause:
        case Exact():
            return equals(name, clause.value)
        case OneOf():
            return one_of(name, clause.values)
        case Like():
            return like(name, clause.pattern)
        case Between():
            return between(name, clause.low, clause.high)
        case Empty():
            return Sql(f"{name} = ''")
        case Every():
            return both(*(equals(name, value) for value in clause.values))
        case Name():  # names are in the value tables
            return NEVER
        case _:
            assert_never(clause)


def _modalities(clause: Single) -> Sql:
    match clause:
        case Empty():
            return Sql("NOT EXISTS (SELECT 1 FROM study_modality m WHERE m.study_id = s.id)")
        case Every():
            return both(*(_has_modality(equals("m.modality", one)) for one in clause.values))
        case Between() | Name():
            return NEVER
        case _:
            return _has_modality(_on_text(clause, "m.modality"))


def _has_modality(condition: Sql) -> Sql:
    select = "SELECT m.study_id FROM study_modality m WHERE"
    return Sql(f"s.id IN ({select} {condition.text})", condition.parameters)
