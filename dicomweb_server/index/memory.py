"""The index on dictionaries: the reference of what every index does; simple, not fast."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import uuid4

from dicomweb_server.errors import QueryDeadlineExceeded
from dicomweb_server.index.order import Sorting
from dicomweb_server.index.port import Counts, Documents, Holding, Removed
from dicomweb_server.model.canonical import canonical
from dicomweb_server.model.change import Change, ChangeAction
from dicomweb_server.model.document import Document
from dicomweb_server.model.ids import InstanceKey, Level, Scope
from dicomweb_server.model.instance import IndexedValue, InstanceRecord, NewInstance
from dicomweb_server.model.match import ValuesBelow, below_of, matches
from dicomweb_server.model.outcome import DuplicatePolicy, PutOutcome, PutResult
from dicomweb_server.model.query import (
    InstanceRow,
    Match,
    Path,
    Query,
    SearchResult,
    SeriesRow,
    StudyRow,
)

_MODALITY: Path = (0x00080060,)
_MODALITIES_IN_STUDY: Path = (0x00080061,)
_SERIES_IN_STUDY: Path = (0x00201206,)
_INSTANCES_IN_STUDY: Path = (0x00201208,)
_INSTANCES_IN_SERIES: Path = (0x00201209,)
_STUDY_UID: Path = (0x0020000D,)
_SERIES_UID: Path = (0x0020000E,)
_INSTANCE_UID: Path = (0x00080018,)
_SOP_CLASS_UID: Path = (0x00080016,)
_KEYS = frozenset({_STUDY_UID, _SERIES_UID, _INSTANCE_UID, _SOP_CLASS_UID})
_SERIES_NUMBER: Path = (0x00200011,)
_INSTANCE_NUMBER: Path = (0x00200013,)


@dataclass(frozen=True, slots=True)
class _Held:
    """An instance and the number of the change that stored it."""

    new: NewInstance
    sequence: int

    @property
    def key(self) -> InstanceKey:
        return self.new.scanned.key

    @property
    def digest(self) -> str:
        return self.new.blob.digest


class MemoryIndex:
    """An Index that forgets everything when the process ends.

    Args:
        clock: Nanoseconds since 1970 (UTC), for the change feed.
    """

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self.generation = uuid4().hex
        self._held: dict[InstanceKey, _Held] = {}
        self._changes: list[Change] = []
        self._writing = asyncio.Lock()

    async def put(
        self,
        instances: Sequence[NewInstance],
        policy: DuplicatePolicy,
        check: Callable[[], None] | None = None,
    ) -> tuple[PutResult, ...]:
        """Add instances, one after the other."""
        async with self._writing:
            if check is not None:
                check()
            return tuple(self._put(new, policy) for new in instances)

    def _put(self, new: NewInstance, policy: DuplicatePolicy) -> PutResult:
        key, digest = new.scanned.key, new.blob.digest
        old = self._held.get(key)
        if old is not None and old.digest == digest:
            return PutResult(PutOutcome.UNCHANGED, 0)
        if old is not None and policy is not DuplicatePolicy.REPLACE:
            kept = policy is DuplicatePolicy.KEEP
            outcome = PutOutcome.KEPT if kept else PutOutcome.REJECTED
            return PutResult(outcome, 0, self._orphan(digest))
        action = ChangeAction.STORED if old is None else ChangeAction.REPLACED
        sequence = self._change(action, key, digest)
        self._held[key] = _Held(new, sequence)
        if old is None:
            return PutResult(PutOutcome.ADDED, sequence)
        return PutResult(PutOutcome.REPLACED, sequence, self._orphan(old.digest))

    def _orphan(self, digest: str) -> str | None:
        return None if any(held.digest == digest for held in self._held.values()) else digest

    def _change(self, action: ChangeAction, key: InstanceKey, digest: str) -> int:
        sequence = len(self._changes) + 1
        self._changes.append(Change(sequence, action, key, digest, self._clock()))
        return sequence

    async def get(self, key: InstanceKey) -> InstanceRecord | None:
        """One instance by its three UIDs."""
        held = self._held.get(key)
        return None if held is None else _record(held)

    async def get_described(self, key: InstanceKey) -> tuple[InstanceRecord, Document] | None:
        """One instance with its DICOM JSON."""
        held = self._held.get(key)
        return None if held is None else (_record(held), held.new.scanned.document)

    async def records(
        self, scope: Scope, after: int = 0, limit: int = 1000, until: int | None = None
    ) -> tuple[InstanceRecord, ...]:
        """Instances of a scope in the order of `sequence`, from behind `after` up to `until`."""
        last = len(self._changes) if until is None else until
        later = [held for held in self._inside(scope) if after < held.sequence <= last]
        later.sort(key=lambda held: held.sequence)
        return tuple(_record(held) for held in later[:limit])

    async def documents(self, scope: Scope) -> Documents:
        """The DICOM JSON of every instance of a scope."""
        found = sorted(self._inside(scope), key=self._document_order)
        return Documents(
            tuple(held.key for held in found), tuple(held.new.scanned.document for held in found)
        )

    def _document_order(self, held: _Held) -> tuple[float, str, float, str, str]:
        key = held.key
        series = _newest(self._inside(Scope(key.study, key.series)))
        return (
            Sorting.number(series.new.scanned.values, _SERIES_NUMBER),
            key.series,
            Sorting.number(held.new.scanned.values, _INSTANCE_NUMBER),
            key.instance,
            key.study,
        )

    async def revision(self, scope: Scope) -> int | None:
        """Greatest change number inside a scope, None where nothing is there."""
        if not any(True for _ in self._inside(scope)):
            return None
        return max(change.sequence for change in self._changes if _contains(scope, change.key))

    async def remove(self, scope: Scope) -> tuple[Removed, ...]:
        """Remove every instance of a scope."""
        gone = sorted(self._inside(scope), key=lambda held: held.sequence)
        for held in gone:
            del self._held[held.key]
            self._change(ChangeAction.DELETED, held.key, held.digest)
        return tuple(Removed(held.key, held.digest) for held in gone)

    async def changes(self, after: int, limit: int) -> tuple[Change, ...]:
        """The change feed behind a sequence number, oldest first."""
        return tuple(self._changes[max(after, 0) :][:limit])

    async def referenced(self, digests: Sequence[str]) -> frozenset[str]:
        """Which of these blobs a row refers to."""
        return frozenset(digests) & {held.digest for held in self._held.values()}

    async def release(
        self, digests: Sequence[str], discard: Callable[[str], Awaitable[bool]]
    ) -> tuple[str, ...]:
        """Discard blobs that no row refers to."""
        async with self._writing:
            live = await self.referenced(digests)
            dead = [digest for digest in digests if digest not in live]
            return tuple([digest for digest in dead if await discard(digest)])

    async def holdings(self, after: str, limit: int) -> tuple[Holding, ...]:
        """Blobs that rows refer to, in order of their digests, from behind `after`."""
        found = [Holding(held.new.blob, key) for key, held in self._held.items()]
        found.sort(key=lambda holding: holding.blob.digest)
        return tuple(one for one in found if one.blob.digest > after)[:limit]

    async def counts(self) -> Counts:
        """Totals."""
        return Counts(
            studies=len({key.study for key in self._held}),
            series=len({(key.study, key.series) for key in self._held}),
            instances=len(self._held),
            bytes=sum(held.new.blob.size for held in self._held.values()),
        )

    async def check(self) -> None:
        """Memory always answers."""

    async def close(self) -> None:
        """Nothing to release."""

    async def search(self, query: Query, seconds: float) -> SearchResult:
        """Answer a query.

        Raises:
            QueryDeadlineExceeded: It took longer than `seconds`.
            InvalidParameter: The cursor was not made by this query's order.
        """
        deadline = time.monotonic() + seconds
        sorting = Sorting.of(query)
        found: list[tuple[tuple[str | float, ...], Match]] = []
        for match, below in self._candidates(query.level, query.scope):
            if time.monotonic() > deadline:
                raise QueryDeadlineExceeded("the search took too long", "narrow it down")
            if matches(query.clauses, below):
                found.append((sorting.keys(below), match))
        return _page(query, sorting, found)

    def _inside(self, scope: Scope) -> Iterator[_Held]:
        return (held for held in self._held.values() if _contains(scope, held.key))

    def _candidates(self, level: Level, scope: Scope) -> Iterator[tuple[Match, ValuesBelow]]:
        for study in _groups(self._inside(Scope(scope.study)), lambda held: held.key.study):
            row, values = _study(study)
            if level is Level.STUDY:
                yield Match(row), below_of(values)
                continue
            wanted = (held for held in study if scope.series in (None, held.key.series))
            for series in _groups(wanted, lambda held: held.key.series):
                yield from _below_study(level, row, values, series)


def _below_study(
    level: Level, study: StudyRow, above: list[IndexedValue], held: list[_Held]
) -> Iterator[tuple[Match, ValuesBelow]]:
    row, values = _series(held)
    if level is Level.SERIES:
        yield Match(study, row), below_of(above + values)
        return
    for one in held:
        instance, own = _instance(one)
        yield Match(study, row, instance), below_of(above + values + own)


def _study(held: list[_Held]) -> tuple[StudyRow, list[IndexedValue]]:
    newest = _newest(held)
    by_series = _groups(held, lambda one: one.key.series)
    modalities = {
        text
        for series in by_series
        for value in _newest(series).new.scanned.values
        if value.path == _MODALITY and (text := canonical(value.vr, value.value))
    }
    attributes = newest.new.scanned.attributes.study
    row = StudyRow(
        newest.key.study, attributes, tuple(sorted(modalities)), len(by_series), len(held)
    )
    values = _own(newest, Level.STUDY) + [
        IndexedValue(Level.STUDY, _MODALITIES_IN_STUDY, "", "CS", text) for text in row.modalities
    ]
    values += [
        IndexedValue(Level.STUDY, _STUDY_UID, "", "UI", row.uid),
        IndexedValue(Level.STUDY, _SERIES_IN_STUDY, "", "IS", str(row.series_count)),
        IndexedValue(Level.STUDY, _INSTANCES_IN_STUDY, "", "IS", str(row.instance_count)),
    ]
    return row, values


def _series(held: list[_Held]) -> tuple[SeriesRow, list[IndexedValue]]:
    newest = _newest(held)
    row = SeriesRow(newest.key.series, newest.new.scanned.attributes.series, len(held))
    values = [
        IndexedValue(Level.SERIES, _SERIES_UID, "", "UI", row.uid),
        IndexedValue(Level.SERIES, _INSTANCES_IN_SERIES, "", "IS", str(row.instance_count)),
    ]
    return row, _own(newest, Level.SERIES) + values


def _instance(held: _Held) -> tuple[InstanceRow, list[IndexedValue]]:
    scanned = held.new.scanned
    row = InstanceRow(held.key.instance, scanned.attributes.instance, scanned.transfer_syntax)
    values = [
        IndexedValue(Level.INSTANCE, _INSTANCE_UID, "", "UI", row.uid),
        IndexedValue(Level.INSTANCE, _SOP_CLASS_UID, "", "UI", scanned.sop_class),
    ]
    return row, _own(held, Level.INSTANCE) + values


def _own(held: _Held, level: Level) -> list[IndexedValue]:
    """What an instance tells of one level, but for the identifiers."""
    values = held.new.scanned.values
    return [value for value in values if value.level is level and value.path not in _KEYS]


def _newest(held: Iterable[_Held]) -> _Held:
    return max(held, key=lambda one: (one.new.received_at, one.digest))


def _groups(held: Iterable[_Held], key: Callable[[_Held], str]) -> list[list[_Held]]:
    return [list(group) for _, group in groupby(sorted(held, key=key), key=key)]


def _contains(scope: Scope, key: InstanceKey) -> bool:
    return (
        scope.study in (None, key.study)
        and scope.series in (None, key.series)
        and scope.instance in (None, key.instance)
    )


def _record(held: _Held) -> InstanceRecord:
    scanned = held.new.scanned
    return InstanceRecord(
        key=scanned.key,
        sop_class=scanned.sop_class,
        transfer_syntax=scanned.transfer_syntax,
        blob=held.new.blob,
        received_at=held.new.received_at,
        sequence=held.sequence,
        pixel=scanned.pixel,
        frames=scanned.frames,
        bulk=scanned.bulk,
        explicit_size=scanned.explicit_size,
    )


def _page(
    query: Query, sorting: Sorting, found: list[tuple[tuple[str | float, ...], Match]]
) -> SearchResult:
    ordered = sorting.sorted(found)
    page = query.page
    behind = [row for row in ordered if page.cursor is None or sorting.is_behind(row[0])]
    rows = behind[page.offset : page.offset + page.limit]
    remaining = max(0, len(behind) - page.offset - len(rows))
    more = remaining > 0
    return SearchResult(
        matches=tuple(match for _, match in rows),
        total=len(ordered) if more or page.total else None,
        remaining=remaining,
        cursor=sorting.cursor(rows[-1][0]) if more and rows else None,
    )


class MemoryTombstones:
    """Tombstones that are forgotten when the process ends."""

    def __init__(self) -> None:
        self._buried: dict[str, int] = {}
        self._removed: dict[str, Removed] = {}

    async def bury(self, removed: Sequence[Removed]) -> None:
        """Remember that these blobs are no longer part of the archive."""
        for one in removed:
            self._buried.setdefault(one.digest, time.time_ns())
            self._removed.setdefault(one.digest, one)

    async def revive(self, digests: Sequence[str], before: int | None = None) -> None:
        """Forget it again."""
        for digest in await self.buried(digests, before):
            del self._buried[digest], self._removed[digest]

    async def buried(self, digests: Sequence[str], before: int | None = None) -> frozenset[str]:
        """Which of these blobs are buried."""
        found = frozenset(digests) & self._buried.keys()
        return frozenset(d for d in found if before is None or self._buried[d] < before)

    async def removed(self, digests: Sequence[str]) -> tuple[Removed, ...]:
        """What these blobs were when they were buried."""
        return tuple(self._removed[digest] for digest in await self.buried(digests))

    async def check(self) -> None:
        """Memory is always there."""

    async def close(self) -> None:
        """Nothing to release."""
