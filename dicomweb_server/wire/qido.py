"""Query parameters of a search, turned into a Query (PS3.18 8.3.4, 10.6.1.2).

Extensions of ours, all optional: ``orderby=[-]Attribute`` (repeatable, comma list), ``cursor``
(from the ``Link`` header of the page before) and ``total=true`` (count all matches); lists of
codes (CS) and of UIDs mean any of the members.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from dicomweb_server.errors import InvalidParameter
from dicomweb_server.model.canonical import offset_minutes
from dicomweb_server.model.ids import Level, Scope
from dicomweb_server.model.levels import COMPUTED, SORTABLE, IndexPlan, level_of
from dicomweb_server.model.limits import QueryLimits
from dicomweb_server.model.query import Clause, Empty, Nested, Order, Page, Path, Query
from dicomweb_server.model.tags import keyword_of, parse_tag
from dicomweb_server.wire import matchvalue, private, temporal
from dicomweb_server.wire.attribute import Attribute, Unknown, read, shown
from dicomweb_server.wire.matchvalue import Matching
from dicomweb_server.wire.querystring import Parameter, split_list

_SWITCHES: Final = frozenset(
    {"fuzzymatching", "emptyvaluematching", "multiplevaluematching", "total"}
)
_ONCE: Final = _SWITCHES | {"limit", "offset", "cursor"}
_ELSEWHERE: Final = frozenset({"accept", "charset"})
_INDEX_SETTING: Final = "index.extra"
_CURSOR = re.compile(r"[A-Za-z0-9_=-]{1,2048}", re.ASCII)
_UNSIGNED = re.compile(r"\d{1,1000}", re.ASCII)
_MODALITY: Final[Path] = (0x00080060,)
_MODALITIES: Final[Path] = (0x00080061,)
_TIMEZONE: Final[Path] = (0x00080201,)
_CHARSET: Final[Path] = (0x00080005,)
_PLURAL: Final = {Level.STUDY: "studies", Level.SERIES: "series", Level.INSTANCE: "instances"}

Leaf = matchvalue.Plain | temporal.Alone
Inner = Leaf | Nested


@dataclass(frozen=True, slots=True)
class ParsedSearch:
    """A search as understood.

    Args:
        query: What the index is to answer.
        warnings: What was ignored, each a sentence for a Warning header, without the 299 prefix.
    """

    query: Query
    warnings: tuple[str, ...] = ()


def parse(
    level: Level,
    scope: Scope,
    parameters: tuple[Parameter, ...],
    plan: IndexPlan,
    limits: QueryLimits,
    combined: bool = True,
) -> ParsedSearch:
    """Read the parameters of a search.

    Args:
        level: What is searched for.
        scope: Study and series of the path, checked already.
        parameters: Decoded, in the order of the URL.
        plan: What is indexed.
        limits: Bounds.
        combined: Whether a range of dates and one of its times make one interval.

    Raises:
        InvalidParameter: A supported parameter has a value that its rule does not allow.
    """
    if len(parameters) > limits.parameters:
        raise InvalidParameter(
            "query string", "has too many parameters", f"at most {limits.parameters} are read"
        )
    controls = _controls(parameters)
    matching = Matching(
        limits,
        fuzzy=_switch(controls, "fuzzymatching"),
        empty=_switch(controls, "emptyvaluematching"),
        multiple=_switch(controls, "multiplevaluematching"),
        combined=combined,
    )
    reader = _Reader(level, plan, matching, private.creators(parameters))
    everything = reader.include(_values(parameters, "includefield"))
    reader.match(parameters)
    query = Query(
        level=level,
        page=_page(controls, level, limits),
        scope=scope,
        clauses=reader.clauses(),
        order=_order(level, _values(parameters, "orderby")),
        include=tuple(reader.included),
        include_all=everything,
    )
    return ParsedSearch(query, tuple(dict.fromkeys(reader.warnings)))


def _controls(parameters: tuple[Parameter, ...]) -> dict[str, str]:
    controls: dict[str, str] = {}
    for parameter in parameters:
        if parameter.name not in _ONCE:
            continue
        if parameter.name in controls:
            raise InvalidParameter(parameter.name, "is given more than once", "give it once")
        controls[parameter.name] = parameter.value
    return controls


def _values(parameters: tuple[Parameter, ...], name: str) -> list[str]:
    return [member for p in parameters if p.name == name for member in split_list(p.value)]


def _switch(controls: dict[str, str], name: str) -> bool:
    value = controls.get(name, "false")
    if value not in ("true", "false"):
        raise InvalidParameter(name, "is neither true nor false", "write true or false")
    return value == "true"


def _unsigned(controls: dict[str, str], name: str, otherwise: int) -> int:
    value = controls.get(name)
    if value is None:
        return otherwise
    if not _UNSIGNED.fullmatch(value):
        raise InvalidParameter(name, "is not an unsigned integer", "write digits only")
    return int(value)


def _page(controls: dict[str, str], level: Level, limits: QueryLimits) -> Page:
    place = level - 1
    limit = _unsigned(controls, "limit", limits.default_limit[place])
    offset = _unsigned(controls, "offset", 0)
    cursor = controls.get("cursor")
    if offset > limits.maximum_offset:
        raise InvalidParameter(
            "offset",
            f"is greater than {limits.maximum_offset}",
            "follow the next link of each page, which has no such bound",
        )
    if cursor is not None and not _CURSOR.fullmatch(cursor):
        raise InvalidParameter("cursor", "is malformed", "take it from the link to the next page")
    if cursor is not None and offset:
        raise InvalidParameter("offset", "is given together with a cursor", "give one of the two")
    total = _switch(controls, "total")
    return Page(min(limit, limits.maximum_limit[place]), offset, cursor, total)


def _order(level: Level, names: list[str]) -> tuple[Order, ...]:
    orders: dict[int, Order] = {}
    for name in names:
        tag = parse_tag(name.removeprefix("-")) if name.isascii() else None
        if tag is None or tag not in SORTABLE[level] or tag in orders:
            allowed = ", ".join(keyword_of(tag) for tag in SORTABLE[level])
            raise InvalidParameter(
                "orderby",
                f"names something by which {_PLURAL[level]} cannot be sorted, or something twice",
                f"one or more of {allowed}, each with a - in front to begin with the greatest",
            )
        orders[tag] = Order(tag, name.startswith("-"))
    return tuple(orders.values())


class _Reader:
    """Collects clauses, attributes to return and warnings of one request."""

    def __init__(
        self, level: Level, plan: IndexPlan, matching: Matching, creators: frozenset[int]
    ) -> None:
        self._level = level
        self._creators = creators
        self._plan = plan
        self._matching = matching
        self._leaves: list[Leaf] = []
        self._spans: dict[int, temporal.Span] = {}
        self._offset: int | None = None
        self.included: dict[Path, None] = {}
        self.warnings: list[str] = []

    def include(self, names: list[str]) -> bool:
        """Note what is to be returned; whether that is everything."""
        if "all" in names:
            if set(names) != {"all"}:
                raise InvalidParameter(
                    "includefield", "names all and something else", "write all alone, or a list"
                )
            return True
        for name in names:
            attribute = self._known("includefield", name)
            if isinstance(attribute, Unknown):
                self.warnings.append(f"includefield: {attribute.reason} and has been ignored")
            else:
                self._return(attribute)
        return False

    def _known(self, parameter: str, name: str) -> Attribute | Unknown:
        """An attribute by its name; a private one only where the query names its creator."""
        attribute = read(parameter, name)
        if isinstance(attribute, Unknown):
            return attribute
        lacking = private.lacks_creator(attribute.path[0], self._creators)
        return Unknown(f"{name} {lacking}") if lacking else attribute

    def match(self, parameters: tuple[Parameter, ...]) -> None:
        """Read everything that is not a control parameter as an attribute to match."""
        keys = self._keys(parameters)
        zone = keys.pop(_TIMEZONE, None)
        if zone is not None:
            self._timezone(*zone)
        for attribute, value in keys.values():
            if matchvalue.is_universal(value):
                self._return(attribute)
            else:
                self._key(attribute, value)

    def clauses(self) -> tuple[Clause, ...]:
        """All clauses, those of one sequence together."""
        moments = temporal.clauses(
            self._spans,
            self._offset,
            lambda tag: self._plan.matches((tag,)),
            self._matching.combined,
        )
        return (*moments, *_nest(self._leaves))

    def _keys(self, parameters: tuple[Parameter, ...]) -> dict[Path, tuple[Attribute, str]]:
        keys: dict[Path, tuple[Attribute, str]] = {}
        for parameter in parameters:
            if parameter.name in _ONCE | _ELSEWHERE | {"includefield", "orderby"}:
                continue
            attribute = self._known(shown(parameter.name), parameter.name)
            if isinstance(attribute, Unknown):
                self.warnings.append(f"The parameter {attribute.reason} and has been ignored")
                continue
            if attribute.path in keys:
                raise InvalidParameter(
                    attribute.name, "the attribute is given more than once", "give it once"
                )
            keys[attribute.path] = (attribute, parameter.value)
        keys.pop(_CHARSET, None)
        return keys

    def _timezone(self, attribute: Attribute, value: str) -> None:
        self._return(attribute)
        if matchvalue.is_universal(value):
            return
        self._offset = offset_minutes(value)
        if self._offset is None:
            raise InvalidParameter(
                attribute.name, "is not an offset from UTC", "for example +0100, -0500 or +0000"
            )

    def _return(self, attribute: Attribute) -> None:
        path = attribute.path
        if self._level is Level.STUDY and path == _MODALITY:
            path = _MODALITIES
        if path == _CHARSET:
            return
        if level_of(path[0]) > self._level:
            self.warnings.append(
                f"{attribute.name} is not an attribute of {_PLURAL[self._level]} "
                "and has not been returned"
            )
        else:
            self.included[path] = None

    def _key(self, attribute: Attribute, value: str) -> None:
        if attribute.vr == "SQ":
            raise InvalidParameter(
                attribute.name, "is a sequence", "match an attribute inside, as in Sequence.Keyword"
            )
        if self._level is Level.STUDY and attribute.path == _MODALITY:
            attribute = replace(attribute, path=_MODALITIES, vm="1-n")
        reason = self._unsupported(attribute)
        if reason:
            self.warnings.append(f"The parameter {attribute.name} {reason} and has been ignored")
            return
        self._return(attribute)
        matchvalue.check(attribute, value, self._matching.limits)
        if matchvalue.wants_empty(attribute, value, self._matching):
            self._leaves.append(Empty(attribute.path))
        elif attribute.vr in matchvalue.TEMPORAL:
            self._temporal(temporal.read(attribute, value, self._offset))
        else:
            self._leaves += matchvalue.clauses(attribute, value, self._matching)

    def _unsupported(self, attribute: Attribute) -> str:
        """Why an attribute cannot be matched here; empty where it can."""
        if level_of(attribute.path[0]) > self._level:
            return f"is below the level of {_PLURAL[self._level]}"
        if attribute.vr not in matchvalue.MATCHABLE:
            return f"cannot be matched, being of VR {attribute.vr},"
        if not self._is_indexed(attribute.path):
            if attribute.path[0] in COMPUTED:
                return "cannot be matched"
            return f"is not indexed (the setting {_INDEX_SETTING} lists further attributes)"
        return ""

    def _is_indexed(self, path: Path) -> bool:
        """Whether a path can be matched; a private one goes with its creator."""
        if private.is_element(path[0]) and not self._plan.matches((private.creator_of(path[0]),)):
            return False
        return self._plan.matches(path)

    def _temporal(self, span: temporal.Span) -> None:
        path = span.attribute.path
        if len(path) == 1:
            self._spans[path[0]] = span
        else:
            self._leaves.append(span.clause())


def _nest(clauses: list[Leaf]) -> list[Inner]:
    """Put clauses of one sequence together, so that one item has to meet all (C.2.2.2.6)."""
    found: list[Inner] = []
    inside: dict[int, list[Leaf]] = {}
    for clause in clauses:
        if len(clause.path) == 1:
            found.append(clause)
        else:
            inner = replace(clause, path=clause.path[1:])
            inside.setdefault(clause.path[0], []).append(inner)
    found += [Nested((tag,), tuple(_nest(members))) for tag, members in inside.items()]
    return found
