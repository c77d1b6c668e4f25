"""Instances and queries from small vocabularies, so that they meet often."""

from __future__ import annotations

from hypothesis import strategies as st

from dicomweb_server.model.canonical import canonical, fold_name, name_words
from dicomweb_server.model.ids import InstanceKey, Level, Scope
from dicomweb_server.model.instance import IndexedValue, NewInstance
from dicomweb_server.model.levels import SORTABLE, level_of, vr_of
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
    Order,
    Page,
    Path,
    Query,
)
from dicomweb_server.testing.instances import Recipe, value

DATES = ("20240229", "2024.02.29", "20240301", "20230231", "", "2024", "00010101", "99991231")
TIMES = ("1030", "103000.25", "235960", "25", "", "0000", "10:30:00")
NAMES = (
    "Doe^Jane",
    "DOE^JANE^^",
    "Müller^Jörg=山田^太郎=やまだ^たろう",
    "O'Brien-Smith^Mary Ann",
    "=李^四",
    "",
    "a[b]^c*",
)
TEXTS = (
    "CT",
    "MR",
    "ct",
    "A",
    "AB",
    "A[B",
    "ABC",
    "Ä\U0001f600",
    "",
    " A ",
    "\U0010ffff",
    "\ud7ff",
)
NUMBERS = ("1", "007", "10", "-3", "2.5", "abc", "", "1e3")
OFFSETS = ("+0100", "-0530", "+1400", "bad", "")
DATETIMES = ("20240229103000+0100", "2024", "nonsense", "20240229")

_BY_VR = {
    "DA": DATES,
    "TM": TIMES,
    "DT": DATETIMES,
    "PN": NAMES,
    "IS": NUMBERS,
    "US": NUMBERS,
}
Member = Exact | OneOf | Like | Between | Name | Empty | Every | Nested
PLAIN: tuple[Path, ...] = (
    (0x00080020,),
    (0x00080030,),
    (0x00080050,),
    (0x00080090,),
    (0x00081030,),
    (0x00100010,),
    (0x00100020,),
    (0x00100030,),
    (0x00200010,),
    (0x00080021,),
    (0x00080060,),
    (0x0008103E,),
    (0x00200011,),
    (0x00400244,),
    (0x00400245,),
    (0x00200013,),
    (0x00080008,),
    (0x00080022,),
    (0x00080032,),
    (0x0008002A,),
    (0x00280010,),
)
SEQUENCE = 0x00400275
OUTER = 0x0040A730
INSIDE: tuple[Path, ...] = (
    (SEQUENCE, 0x00400009),
    (SEQUENCE, 0x00401001),
    (SEQUENCE, 0x00080090),
    (OUTER, 0x0040A043, 0x00080100),
    (OUTER, 0x0040A043, 0x00080102),
    (OUTER, 0x0040A040),
)
TIMEZONE: Path = (0x00080201,)
COMPUTED: tuple[Path, ...] = ((0x00080061,), (0x00201206,), (0x00201208,), (0x00201209,))
KEYS: tuple[Path, ...] = ((0x0020000D,), (0x0020000E,), (0x00080018,), (0x00080016,))
DATE_PAIRS: tuple[tuple[Path, Path], ...] = (
    ((0x00080020,), (0x00080030,)),
    ((0x00400244,), (0x00400245,)),
    ((0x00080022,), (0x00080032,)),
    ((0x00080021,), (0x00080030,)),
)
UIDS = ("1.1", "1.2", "1.3", "1.2.840.10008.5.1.4.1.1.2", "9")


def texts_of(path: Path) -> tuple[str, ...]:
    """Values that an attribute may have in these tests."""
    if path in KEYS:
        return UIDS
    if path[0] in (0x00201206, 0x00201208, 0x00201209):
        return ("1", "2", "3")
    return _BY_VR.get(vr_of(path[-1]), TEXTS)


def _choices(path: Path) -> tuple[tuple[str, ...], ...]:
    """Nothing, one value (mostly) or two."""
    texts = OFFSETS if path == TIMEZONE else texts_of(path)
    single = tuple((text,) for text in texts)
    pairs = tuple((text, texts[(place + 2) % len(texts)]) for place, text in enumerate(texts))
    return (*single, *single, *pairs, ())


def _plain_values(path: Path) -> st.SearchStrategy[tuple[IndexedValue, ...]]:
    made = [tuple(value(path, text) for text in texts) for texts in _choices(path)]
    return st.sampled_from(made)


_PLAIN_VALUES = st.tuples(*map(_plain_values, (*PLAIN, TIMEZONE)))
_ITEMS = {1: ("0001", "0002"), 2: ("0001.0001", "0001.0002", "0002.0001")}
_NESTED_VALUES = st.lists(
    st.sampled_from(
        [
            value(path, text, item)
            for path in INSIDE
            for text in texts_of(path)[:4]
            for item in _ITEMS[len(path) - 1]
        ]
    ),
    max_size=10,
)


def _one_or_two(numbers: tuple[int, int, int]) -> InstanceKey:
    return InstanceKey(*(f"1.{number}" for number in numbers))


_KEYS = st.tuples(*[st.integers(1, 2)] * 3).map(_one_or_two)
new_instances: st.SearchStrategy[NewInstance] = st.builds(
    lambda key, plain, nested, received_at, content, size: Recipe(
        key,
        tuple(one for group in plain for one in group) + tuple(nested),
        received_at=received_at,
        content=content,
        size=size,
    ).make(),
    _KEYS,
    _PLAIN_VALUES,
    _NESTED_VALUES,
    st.integers(1, 4),
    st.sampled_from("ab"),
    st.integers(1, 100),
)
"""An instance among few."""


def _canonical(path: Path, text: str) -> str:
    return canonical(vr_of(path[-1]), text)


def _patterns(texts: tuple[str, ...]) -> st.SearchStrategy[str]:
    def cut(text: str, start: int, mark: str) -> str:
        place = start % (len(text) + 1)
        return text[:place] + mark + text[place + (mark == "?") :]

    made = st.builds(cut, st.sampled_from(texts), st.integers(0, 9), st.sampled_from("*?"))
    twice = st.builds(cut, made, st.integers(0, 9), st.sampled_from("*?"))
    return (made | twice).filter(lambda text: text.strip("*") != "")


def _bound(path: Path) -> st.SearchStrategy[str | None]:
    good = {
        "DA": ("20240229", "20240301", "00010101", "99991231"),
        "TM": ("103000.000000", "000000.000000", "235959.999999"),
        "DT": ("20240229093000.000000", "20240101000000.000000"),
    }
    return st.none() | st.sampled_from(good.get(vr_of(path[-1]), ("1", "A")))


@st.composite
def single_clauses(draw: st.DrawFn, path: Path, base: Path = ()) -> Member:
    """A clause about one attribute, whose path starts behind `base`."""
    inner, texts = path[len(base) :], texts_of(path)
    if vr_of(path[-1]) == "PN":
        return draw(_name_clauses(inner))
    kind = draw(st.sampled_from((Exact, OneOf, Like, Between, Empty, Every)))
    one = st.sampled_from(tuple(filter(None, texts))).map(lambda text: _canonical(path, text))
    several = st.lists(one, min_size=1, max_size=3).map(tuple)
    if kind is Exact:
        return Exact(inner, draw(one))
    if kind is OneOf:
        return OneOf(inner, draw(several))
    if kind is Like:
        return Like(inner, draw(_patterns(texts)))
    if kind is Between:
        return Between(inner, draw(_bound(path)), draw(_bound(path)))
    return Empty(inner) if kind is Empty else Every(inner, draw(several.filter(all)))


@st.composite
def _name_clauses(draw: st.DrawFn, path: Path) -> Member:
    name = draw(st.sampled_from(tuple(filter(None, NAMES))))
    kind = draw(st.integers(0, 4))
    if kind == 0:
        return Empty(path)
    group = fold_name(draw(st.sampled_from(name.split("="))))
    if kind == 1 and name_words(group):
        words = tuple(word[:2] for word in name_words(group))
        return Name(path, "", tuple(draw(st.permutations(words))))
    if kind == 2:
        return Name(path, draw(_patterns((group or "x",))))
    return Every(path, (group or "x",)) if kind == 3 else Name(path, group)


@st.composite
def nested_clauses(draw: st.DrawFn) -> Nested:
    """A clause about items, one or two sequences deep."""
    if draw(st.booleans()):
        return Nested((SEQUENCE,), draw(_members((SEQUENCE,), INSIDE[:3])))
    below = (OUTER, 0x0040A043)
    inner = Nested((0x0040A043,), draw(_members(below, INSIDE[3:5])))
    more = draw(_members((OUTER,), INSIDE[5:]))
    return Nested((OUTER,), draw(st.sampled_from(((inner,), (inner, *more), (*more, inner)))))


@st.composite
def _members(draw: st.DrawFn, base: Path, paths: tuple[Path, ...]) -> tuple[Member, ...]:
    chosen = draw(st.lists(st.sampled_from(paths), min_size=1, max_size=3))
    return tuple(draw(single_clauses(path, base)) for path in chosen)


@st.composite
def moments(draw: st.DrawFn) -> Moment:
    """A combined range, with or without an offset of its own."""
    date, time = draw(st.sampled_from(DATE_PAIRS))
    bound = st.none() | st.sampled_from(
        ("20240229103000.000000", "20240301000000.000000", "20240229095959.999999")
    )
    offset = draw(st.none() | st.sampled_from((0, 60, -330)))
    return Moment(date, time, draw(bound), draw(bound), offset)


def owner_of(clause: Clause) -> Level:
    """The level that a clause speaks of."""
    if isinstance(clause, Moment):
        return max(level_of(clause.date[0]), level_of(clause.time[0]))
    return Level.SERIES if clause.path == (0x00201209,) else level_of(clause.path[0])


CLAUSES: st.SearchStrategy[Clause] = st.one_of(
    st.sampled_from((*PLAIN, *PLAIN, *INSIDE, *COMPUTED, *KEYS)).flatmap(single_clauses),
    nested_clauses(),
    moments(),
)


@st.composite
def queries(draw: st.DrawFn) -> Query:
    """A query of any level; its clauses belong to the level or above."""
    level = draw(st.sampled_from(tuple(Level)))
    clauses = draw(st.lists(CLAUSES, min_size=1, max_size=2))
    orders = draw(st.lists(st.sampled_from(SORTABLE[level]), max_size=2, unique=True))
    uid = st.none() | st.none() | st.sampled_from(UIDS[:3])
    scope = Scope(draw(uid), draw(uid)) if level > Level.STUDY else Scope()
    return Query(
        level,
        Page(draw(st.integers(0, 6)), draw(st.integers(0, 3)), total=draw(st.booleans())),
        scope,
        tuple(clause for clause in clauses if owner_of(clause) <= level),
        tuple(Order(tag, draw(st.booleans())) for tag in orders),
    )
