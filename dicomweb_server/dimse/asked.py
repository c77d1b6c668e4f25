"""What a C-FIND asks: an identifier understood as the same Query that QIDO-RS makes (PS3.4 C.4.1).

What the standard leaves open is decided here:

- Keys of levels above that of the query are matched and returned like its own.
- Keys that cannot be matched or are of a level below count for nothing; then answers are pending
  with a warning (FF01).
- The modality (0008,0060) in a query for studies is matched with Modalities in Study.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from dicomweb_server.dimse.identifier import Identifier, Key
from dicomweb_server.dimse.models import PATIENT_ID, PATIENT_TAGS, Depth, Model
from dicomweb_server.errors import InvalidParameter
from dicomweb_server.model.ids import Level, Scope, is_uid
from dicomweb_server.model.levels import COMPUTED, SERIES_TAGS, STUDY_TAGS, IndexPlan, level_of
from dicomweb_server.model.limits import QueryLimits
from dicomweb_server.model.query import Order, Path, Query
from dicomweb_server.model.tags import hex_of, is_private, keyword_of, lookup
from dicomweb_server.wire import qido
from dicomweb_server.wire.querystring import Parameter

LEVEL: Final = 0x00080052
VIEW: Final = 0x00080053
AE_TITLE: Final = 0x00080054
AVAILABILITY: Final = 0x00080056
TIMEZONE: Final = 0x00080201
_RETRIEVE_URL: Final = 0x00081190
_TOLD: Final = frozenset({LEVEL, VIEW, AE_TITLE, AVAILABILITY})
"""Keys that are no question about what is stored."""
PATIENT_COUNTS: Final = (0x00201200, 0x00201202, 0x00201204)
"""NumberOfPatientRelatedStudies, -Series, -Instances."""
_LIMITS: Final = QueryLimits(parameters=10_000)
_SWITCHES: Final = {
    "fuzzy": "fuzzymatching",
    "empty": "emptyvaluematching",
    "multiple": "multiplevaluematching",
}
_ISSUER: Final[Path] = (0x00100021,)
_PATIENT_ORDER: Final = (Order(PATIENT_ID), Order(0x00100010))


@dataclass(frozen=True, slots=True)
class Options:
    """What was negotiated for a SOP class (PS3.4 Table C.5-1).

    Args:
        relational: Unique keys of the levels above need not be given.
        combined: A range of dates and one of its times make one interval.
        fuzzy: Names match word by word.
        empty: Two quotes match what is empty.
        multiple: Values joined by backslashes must all be there.
    """

    relational: bool = False
    combined: bool = False
    fuzzy: bool = False
    empty: bool = False
    multiple: bool = False


PLAIN: Final = Options()
"""Nothing was negotiated."""
_OFFERED: Final = (1, 1, 1, 0, 0, 1, 1)
"""Relational, date-time, fuzzy; no timezone adjustment of answers, no enhanced multi-frame
conversion; empty value and multiple value matching."""


def negotiate(wanted: bytes) -> bytes:
    """The answer to the application information of a requestor (PS3.4 C.5.1.1.2).

    Args:
        wanted: One byte for each option, 1 for those that are wanted; not all need be there.
    """
    pairs = zip(wanted, _OFFERED, strict=False)
    return bytes(1 if byte == 1 and offered else 0 for byte, offered in pairs)


def options_of(accepted: bytes) -> Options:
    """What `negotiate` agreed to."""
    relational, combined, fuzzy, _, _, empty, multiple = (
        byte == 1 for byte in accepted[:7].ljust(7, b"\0")
    )
    return Options(relational, combined, fuzzy, empty, multiple)


@dataclass(frozen=True, slots=True)
class Asked:
    """A C-FIND as understood.

    Args:
        depth: The level of the query.
        query: What the index is to answer; its page is to be replaced.
        paths: Attributes that the answers hold.
        empty: Tags that stand in the answers even where nothing is known of them.
        partial: Whether a key is not supported (status FF01).
        counts: Which of PATIENT_COUNTS are wanted.
    """

    depth: Depth
    query: Query
    paths: tuple[Path, ...]
    empty: tuple[int, ...]
    partial: bool
    counts: tuple[int, ...] = ()


def understand(
    identifier: Identifier, model: Model, plan: IndexPlan, options: Options = PLAIN
) -> Asked:
    """Read the identifier of a C-FIND.

    Args:
        identifier: As it was decoded.
        model: Its information model.
        plan: What is indexed.
        options: What was negotiated.

    Raises:
        InvalidParameter: A key is missing or has a value that its rule does not allow.
    """
    depth = depth_of(identifier, model)
    keys = [key for key in identifier.keys if key.tag not in _TOLD]
    scope = Scope() if options.relational else _scope(identifier, model, depth)
    counts = tuple(t for t in PATIENT_COUNTS if identifier.key(t) and depth is Depth.PATIENT)
    known = [key for key in keys if _is_supported(key.tag, depth)]
    searched = [key for key in keys if depth > Depth.PATIENT or key.tag in PATIENT_TAGS]
    parameters = [p for key in searched if not _in_scope(key, scope) for p in _parameters(key)]
    parsed = qido.parse(
        depth.level,
        scope,
        (*parameters, *_switches(options)),
        plan,
        _LIMITS,
        combined=options.combined,
    )
    query = parsed.query
    paths = tuple(path for key in known for path in _paths(key, ()))
    partial = bool(parsed.warnings) or len(known) + len(counts) < len(keys)
    empty = tuple(key.tag for key in known)
    order, needed = query.order, paths
    if depth is Depth.PATIENT:
        order, needed = _PATIENT_ORDER, (*paths, _ISSUER)
    include = tuple(dict.fromkeys((*query.include, *needed)))
    query = replace(query, include=include, order=order)
    return Asked(depth, query, paths, empty, partial, counts)


def depth_of(identifier: Identifier, model: Model) -> Depth:
    """The level of a query or retrieval.

    Raises:
        InvalidParameter: It is missing, or the model has no such level.
    """
    text = identifier.text(LEVEL)
    depths = [depth for depth in Depth if model.top <= depth <= model.bottom]
    found = next((depth for depth in depths if depth.name == text), None)
    if found is None:
        allowed = ", ".join(depth.name for depth in depths)
        raise InvalidParameter("QueryRetrieveLevel", f"must be one of {allowed}", model.name)
    return found


def _scope(identifier: Identifier, model: Model, depth: Depth) -> Scope:
    """What the unique keys above the level name: a single value each (PS3.4 C.4.1.2.1)."""
    uids: list[str] = []
    for above in Depth:
        if not model.top <= above < depth:
            continue
        name, text = keyword_of(above.unique_key), identifier.text(above.unique_key)
        if not text or "\\" in text or "*" in text or "?" in text:
            raise InvalidParameter(name, "needs a single value at this level", "give it")
        if above is Depth.PATIENT:
            continue
        if not is_uid(text):
            raise InvalidParameter(name, "is not a UID", "digits and dots")
        uids.append(text)
    return Scope(*uids)


def _in_scope(key: Key, scope: Scope) -> bool:
    """Whether a unique key is told by the scope already."""
    if key.tag == Depth.STUDY.unique_key:
        return scope.study is not None
    return key.tag == Depth.SERIES.unique_key and scope.series is not None


def _is_supported(tag: int, depth: Depth) -> bool:
    """Whether answers of a level can hold an attribute."""
    if depth is Depth.PATIENT:
        return tag in PATIENT_TAGS
    if tag == _RETRIEVE_URL or level_of(tag) > depth.level:
        return False
    if tag in COMPUTED or tag == TIMEZONE or tag in STUDY_TAGS | SERIES_TAGS:
        return True
    known = is_private(tag) or lookup(tag) is not None
    return depth.level is Level.INSTANCE and known and tag >> 16 >= 0x0008


def _parameters(key: Key) -> Iterator[Parameter]:
    """A key as match parameters of QIDO-RS: those in a sequence by a dotted path."""
    name = keyword_of(key.tag) or hex_of(key.tag)
    if key.vr != "SQ":
        yield Parameter(name, key.text, has_value=True)
        return
    if len(key.items) > 1:
        raise InvalidParameter(name, f"has {len(key.items)} items", "one item at the most")
    members = _leaves(key.items, hex_of(key.tag))
    yield from members or [Parameter(name, "", has_value=True)]


def _leaves(items: Iterable[tuple[Key, ...]], above: str) -> list[Parameter]:
    found: list[Parameter] = []
    for key in (key for item in items for key in item):
        name = f"{above}.{hex_of(key.tag)}"
        if len(key.items) > 1:
            raise InvalidParameter(name, f"has {len(key.items)} items", "one item at the most")
        below = _leaves(key.items, name)
        found += below or [Parameter(name, key.text, has_value=True)]
    return found


def _paths(key: Key, above: Path) -> Iterator[Path]:
    path = (*above, key.tag)
    members = [member for item in key.items for member in item]
    if not members:
        yield path
    for member in members:
        yield from _paths(member, path)


def _switches(options: Options) -> Iterator[Parameter]:
    for name, switch in _SWITCHES.items():
        if getattr(options, name):
            yield Parameter(switch, "true", has_value=True)
