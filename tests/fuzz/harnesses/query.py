"""Searches: the query string, what it compiles to, and answers against the reference index."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

from dicomweb_server.errors import InvalidParameter
from dicomweb_server.index.memory import MemoryIndex
from dicomweb_server.index.sqlite.index import SqliteIndex
from dicomweb_server.model.ids import Level, Scope
from dicomweb_server.model.instance import IndexedValue, NewInstance
from dicomweb_server.model.levels import IndexPlan
from dicomweb_server.model.limits import QueryLimits
from dicomweb_server.model.outcome import DuplicatePolicy
from dicomweb_server.testing.instances import recipe
from dicomweb_server.wire import qido, querystring
from tests.fuzz.dice import Dice
from tests.fuzz.harness import Harness, require_told
from tests.index import strategies as known

_PLAN = IndexPlan.of()
_LIMITS = QueryLimits()
_LEVELS = tuple(Level)
_SCOPES = (Scope(), Scope("1.2.3.1"), Scope("1.2.3.2", "1.2.3.2.1"))
_SECONDS = 60.0


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Goes when the process ends."""
    return tempfile.TemporaryDirectory(prefix="fuzz-query-", ignore_cleanup_errors=True)


@cache
def _indexes() -> tuple[SqliteIndex, MemoryIndex]:
    """Both indexes with the same few studies."""
    one, other = (
        SqliteIndex.open(Path(_folder().name) / "index.db", _PLAN, readers=1),
        MemoryIndex(),
    )
    instances = [_instance(n) for n in range(24)]
    run = _loop().run_until_complete
    assert run(one.put(instances, DuplicatePolicy.REPLACE)) == run(
        other.put(instances, DuplicatePolicy.REPLACE)
    )
    return one, other


def _instance(number: int) -> NewInstance:
    """An instance whose values differ from those of the others in kind."""
    study, series = number // 6 + 1, number // 3 % 2 + 1
    made = recipe(study, series, number % 3 + 1)
    place = study - 1
    words = {
        "PN": known.NAMES,
        "DA": known.DATES,
        "TM": known.TIMES,
        "LO": known.TEXTS,
        "SH": known.TEXTS,
        "IS": known.NUMBERS,
    }

    def changed(found: IndexedValue) -> IndexedValue:
        choices = words.get(found.vr) if place else None
        text = choices[(place + len(found.path)) % len(choices)] if choices else found.value
        return found._replace(value=text)

    return replace(made, values=tuple(map(changed, made.values))).make()


def _run(data: bytes) -> None:
    dice = Dice(data)
    level, scope = dice.one(_LEVELS), dice.one(_SCOPES)
    raw = dice.rest()
    try:
        parameters = querystring.parse(raw, _LIMITS)
    except InvalidParameter as refusal:
        require_told(refusal)
        return
    written = querystring.build(parameters).encode("ascii")
    if len(written) <= _LIMITS.query_bytes:
        assert querystring.parse(written, _LIMITS) == parameters, "written and read again"
    try:
        parsed = qido.parse(level, scope, parameters, _PLAN, _LIMITS)
    except InvalidParameter as refusal:
        require_told(refusal)
        return
    assert parsed.query.page.limit <= max(_LIMITS.maximum_limit)
    one, other = _indexes()
    run = _loop().run_until_complete
    try:
        mine = run(one.search(parsed.query, _SECONDS))
    except InvalidParameter:
        if parsed.query.page.cursor is None:  # only those can be known to be wrong so late
            raise
        return
    assert mine == run(other.search(parsed.query, _SECONDS)), "as the reference answers"


def _seeds() -> Iterable[bytes]:
    yield b"\0\0PatientName=Doe*&limit=2&offset=1&includefield=all"
    yield b"\0\0StudyDate=20240101-20241231&StudyTime=1000-&fuzzymatching=true"
    yield b"\1\1Modality=CT&00081030=Th?rax&orderby=-StudyDate"
    yield b"\2\2SOPInstanceUID=1.2.3.2.1.1,1.2.3.2.1.2&InstanceNumber=1"
    yield b"\1\0RequestAttributesSequence.RequestedProcedureID=RP1"
    yield b"\0\0PatientName=%22%22&emptyvaluematching=true"
    yield b"\0\0ModalitiesInStudy=CT%5CMR&multiplevaluematching=true"
    yield b"\0\0StudyDate=20240101&TimezoneOffsetFromUTC=%2B0100"
    yield b"\0\0PatientName=m%C3%BCller&fuzzymatching=true&includefield=00081030,PatientSex"


HARNESS = Harness(
    promise="a query string is understood or refused with what would have worked; SQLite then "
    "answers what the reference index answers",
    run=_run,
    seeds=_seeds,
    words=(
        b"StudyDate=",
        b"StudyTime=",
        b"PatientName=",
        b"PatientID=",
        b"AccessionNumber=",
        b"ModalitiesInStudy=",
        b"StudyInstanceUID=1.2.3.1",
        b"&limit=",
        b"&offset=",
        b"&includefield=",
        b"&orderby=",
        b"fuzzymatching=true",
        b"emptyvaluematching=true",
        b"RequestAttributesSequence.ScheduledProcedureStepID=",
        b"00100010=",
        b"%22%22",
        b"%5C",
        b"%27",
        b"*",
        b"?",
    ),
    longest=512,
)
