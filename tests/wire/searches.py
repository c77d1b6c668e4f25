"""Parsing query strings of searches, for tests."""

from __future__ import annotations

import pytest

from dicomweb_server.errors import InvalidParameter
from dicomweb_server.model.ids import Level, Scope
from dicomweb_server.model.levels import IndexPlan
from dicomweb_server.model.limits import QueryLimits
from dicomweb_server.model.query import Clause
from dicomweb_server.wire import qido, querystring
from dicomweb_server.wire.qido import ParsedSearch

PLAN = IndexPlan.of()
LIMITS = QueryLimits()


def parse(query: str, level: Level = Level.STUDY, scope: Scope = Scope()) -> ParsedSearch:
    parameters = querystring.parse(query.encode("utf-8"), LIMITS)
    return qido.parse(level, scope, parameters, PLAN, LIMITS)


def clauses(query: str, level: Level = Level.STUDY) -> tuple[Clause, ...]:
    parsed = parse(query, level)
    assert parsed.warnings == ()
    return parsed.query.clauses


def refused(query: str, level: Level = Level.STUDY) -> InvalidParameter:
    with pytest.raises(InvalidParameter) as caught:
        parse(query, level)
    assert caught.value.hint
    return caught.value
