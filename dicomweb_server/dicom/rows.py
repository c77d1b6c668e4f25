"""Answers of searches as DICOM JSON objects (PS3.18 10.6.3.3).

What the standard leaves open is decided here:

- An attribute of a sequence that is asked for by a dotted path brings the sequence with all its
  items, each cut to the asked members; the sequence's own tag brings all of it.
- Attributes that matched are returned as if they were asked for; of a sequence that was searched
  the items that match (PS3.4 C.2.2.2.6).
- ``includefield=all`` brings all that the index keeps of the level and the levels above.
- What was asked for and is not known is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import orjson

from dicomweb_server.dicom.items import matching_items, nested_by_sequence
from dicomweb_server.dicom.selection import Chooser, JsonObject, entries, read, tree_of
from dicomweb_server.model.ids import Level, Scope
from dicomweb_server.model.levels import (
    COMPUTED,
    INSTANCE_UID,
    REQUEST_ATTRIBUTES_KEPT,
    RETURNED,
    SERIES_UID,
    STUDY_UID,
    ReturnRule,
    level_of,
    levels_of,
)
from dicomweb_server.model.media import EXPLICIT_LITTLE, TRANSFER_SYNTAXES
from dicomweb_server.model.query import (
    Clause,
    InstanceRow,
    Match,
    Moment,
    Nested,
    Path,
    Query,
    SeriesRow,
    StudyRow,
)
from dicomweb_server.model.tags import hex_of

_ONLINE = b'"00080056":{"vr":"CS","Value":["ONLINE"]}'
_UTF8 = b'"00080005":{"vr":"CS","Value":["ISO_IR 192"]}'
_CHARACTER_SET = "00080005"
_AVAILABILITY = "00080056"
_MODALITIES = "00080061"
_RETRIEVE_URL = "00081190"
_TRANSFER_SYNTAX = "00083002"
_SERIES_COUNT = "00201206"
_STUDY_INSTANCES = "00201208"
_SERIES_INSTANCES = "00201209"
_STUDY_UID = hex_of(STUDY_UID)
_SERIES_UID = hex_of(SERIES_UID)
_INSTANCE_UID = hex_of(INSTANCE_UID)
_REQUEST_ATTRIBUTES = 0x00400275
_REMEMBERED = 512

_Name = TypeVar("_Name", str, tuple[str, str])
Entries = dict[str, bytes]
"""Finished ``"key":{...}`` texts by key."""


@dataclass(frozen=True, slots=True)
class _Part:
    """What an answer holds of one level.

    Args:
        chooser: Takes attributes from what the index keeps; None takes all of them.
        always: Attributes that stand in the answer even when unknown, empty.
        computed: Attributes that the archive makes itself.
    """

    chooser: Chooser | None
    always: Entries
    computed: frozenset[str]

    def entries(self, attributes: bytes, computed: Entries) -> Entries:
        made = self.always | self.kept(attributes)
        made.update((name, computed[name]) for name in self.computed if name in computed)
        return made

    def kept(self, attributes: bytes) -> Entries:
        if self.chooser is None:
            return entries(read(attributes))
        return self.chooser.entries(attributes)


class Rows:
    """Writes the answers of one query.

    Args:
        query: The search.
        base: Absolute URL of the DICOMweb root without a trailing slash.
    """

    def __init__(self, query: Query, base: str) -> None:
        self._base = base
        self._parts = {level: _part(query, level) for level in Level if level <= query.level}
        self._studies: dict[str, Entries] = {}
        self._several: dict[tuple[str, str], Entries] = {}
        self._nested = nested_by_sequence(query.clauses)

    def row(self, match: Match, extra: JsonObject | None = None) -> bytes:
        """One answer: a JSON object in compact UTF-8 with sorted keys.

        Args:
            match: With parts down to the level of the query.
            extra: Further attributes out of the instance's document, as `missing_paths` asked.
        """
        row = entries(extra) if extra else {}
        row.update(self._study_entries(match.study))
        if match.series is not None:
            row.update(self._series_entries(match.study, match.series))
            if match.instance is not None:
                row.update(self._instance_entries(match.study, match.series, match.instance))
        row.pop(_CHARACTER_SET, None)
        for key in self._nested.keys() & row.keys():
            row.update(self._matching(key, row[key]))
        written = b"{%s}" % b",".join(sorted(row.values()))
        if written.isascii():
            return written
        return b"{%s}" % b",".join(sorted((_UTF8, *row.values())))

    def _matching(self, key: str, entry: bytes) -> Entries:
        """The entry of a sequence that was searched, with the items that match."""
        attribute = read(b"{%s}" % entry)[key]
        return entries({key: matching_items(attribute, self._nested[key])})

    def _study_entries(self, study: StudyRow) -> Entries:
        known = self._studies.get(study.uid)
        if known is not None:
            return known
        computed = {
            _AVAILABILITY: _ONLINE,
            _MODALITIES: _entry(_MODALITIES, "CS", study.modalities),
            _RETRIEVE_URL: self._url(Scope(study.uid)),
            _SERIES_COUNT: _entry(_SERIES_COUNT, "IS", (study.series_count,)),
            _STUDY_INSTANCES: _entry(_STUDY_INSTANCES, "IS", (study.instance_count,)),
        }
        made = self._parts[Level.STUDY].entries(study.attributes, computed)
        made[_STUDY_UID] = _entry(_STUDY_UID, "UI", (study.uid,))
        return _remember(self._studies, study.uid, made)

    def _series_entries(self, study: StudyRow, series: SeriesRow) -> Entries:
        name = (study.uid, series.uid)
        known = self._several.get(name)
        if known is not None:
            return known
        computed = {
            _AVAILABILITY: _ONLINE,
            _RETRIEVE_URL: self._url(Scope(study.uid, series.uid)),
            _SERIES_INSTANCES: _entry(_SERIES_INSTANCES, "IS", (series.instance_count,)),
        }
        made = self._parts[Level.SERIES].entries(series.attributes, computed)
        made[_SERIES_UID] = _entry(_SERIES_UID, "UI", (series.uid,))
        return _remember(self._several, name, made)

    def _instance_entries(
        self, study: StudyRow, series: SeriesRow, instance: InstanceRow
    ) -> Entries:
        syntax = deliverable(instance.transfer_syntax)
        url = f"{self._base}/studies/{study.uid}/series/{series.uid}/instances/{instance.uid}"
        made = self._parts[Level.INSTANCE].kept(instance.attributes)
        made[_INSTANCE_UID] = _entry(_INSTANCE_UID, "UI", (instance.uid,))
        made[_AVAILABILITY] = _ONLINE
        made[_RETRIEVE_URL] = _entry(_RETRIEVE_URL, "UR", (url,))
        made[_TRANSFER_SYNTAX] = _entry(_TRANSFER_SYNTAX, "UI", (syntax,))
        return made

    def _url(self, scope: Scope) -> bytes:
        return _entry(_RETRIEVE_URL, "UR", (self._base + scope.path,))


def deliverable(transfer_syntax: str) -> str:
    """The transfer syntax in which an instance travels without loss (PS3.18 8.7.3.5).

    Native data travel as Explicit VR Little Endian: Implicit VR and Big Endian never do.
    """
    known = TRANSFER_SYNTAXES.get(transfer_syntax)
    return EXPLICIT_LITTLE if known is not None and known.is_native else transfer_syntax


def missing_paths(query: Query) -> tuple[Path, ...]:
    """Attributes asked for that the index does not keep: they are in the documents alone.

    Empty but for searches of instances (PS3.18 10.6.3.3: no attributes of lower levels).
    """
    if query.level is not Level.INSTANCE:
        return ()
    paths = (*query.include, *_matched(query.clauses, ()))
    return tuple(
        dict.fromkeys(path for path in paths if path[0] not in COMPUTED and not levels_of(path[0]))
    )


def _part(query: Query, level: Level) -> _Part:
    """What answers to a query hold of a level."""
    rules = RETURNED[level] if level is query.level or _adds(query.scope, level) else ()
    asked = [path for path in (*query.include, *_matched(query.clauses, ())) if path]
    paths = [path for path in asked if level_of(path[0]) is level and path[0] not in COMPUTED]
    for rule in rules:
        paths += () if rule.computed else _default_paths(rule)
    computed = {rule.tag for rule in rules if rule.computed}
    computed |= {path[0] for path in asked if COMPUTED.get(path[0]) is level}
    if query.include_all:
        computed |= {tag for tag, first in COMPUTED.items() if first <= level}
    return _Part(
        None if query.include_all else Chooser(tree_of(paths)),
        _empties(rules, level),
        frozenset(map(hex_of, computed)),
    )


def _adds(scope: Scope, level: Level) -> bool:
    """Whether a search below brings a level's attributes: where its scope leaves it open."""
    return scope.study is None if level is Level.STUDY else scope.series is None


def _default_paths(rule: ReturnRule) -> list[Path]:
    if rule.tag == _REQUEST_ATTRIBUTES:
        return [(rule.tag, member) for member in REQUEST_ATTRIBUTES_KEPT]
    return [(rule.tag,)]


def _empties(rules: Iterable[ReturnRule], level: Level) -> Entries:
    if level is Level.INSTANCE:
        return {}
    always = [rule for rule in rules if rule.always]
    return {hex_of(rule.tag): _entry(hex_of(rule.tag), rule.vr, ()) for rule in always}


def _matched(clauses: Iterable[Clause], above: Path) -> Iterator[Path]:
    for clause in clauses:
        if isinstance(clause, Moment):
            yield from (clause.date, clause.time)
        elif isinstance(clause, Nested):
            yield from _matched(clause.clauses, above + clause.path)
        else:
            yield above + clause.path


def _entry(key: str, vr: str, values: Sequence[str | int]) -> bytes:
    if not values:
        return b'"%s":{"vr":"%s"}' % (key.encode("ascii"), vr.encode("ascii"))
    members = orjson.dumps(values)
    return b'"%s":{"vr":"%s","Value":%s}' % (key.encode("ascii"), vr.encode("ascii"), members)


def _remember(known: dict[_Name, Entries], name: _Name, made: Entries) -> Entries:
    """Neighbouring answers share their study and series; memory stays bounded."""
    if len(known) >= _REMEMBERED:
        known.clear()
    known[name] = made
    return made
