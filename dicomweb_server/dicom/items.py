"""Which items of a sequence answer a search: those that match, and no others (PS3.4 C.2.2.2.6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dicomweb_server.dicom.selection import JsonAttribute
from dicomweb_server.model.ids import Level
from dicomweb_server.model.instance import IndexedValue
from dicomweb_server.model.match import below_of, holds, matches
from dicomweb_server.model.query import Clause, Nested, Path

_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


def nested_by_sequence(clauses: Iterable[Clause]) -> dict[str, list[Nested]]:
    """The sequence clauses of a query by the hex tag of their outermost sequence."""
    found: dict[str, list[Nested]] = {}
    for clause in clauses:
        if isinstance(clause, Nested):
            found.setdefault(f"{clause.path[0]:08X}", []).append(clause)
    return found


def matching_items(attribute: JsonAttribute, clauses: Sequence[Nested]) -> JsonAttribute:
    """A sequence cut to the items that meet a clause.

    Where none does, all stay: the match lies in another instance of the study or series than the
    one whose attributes are shown.

    Args:
        attribute: A sequence whose items hold what the clauses ask for.
        clauses: Clauses whose path begins with this sequence.
    """
    items = attribute.get("Value")
    if not isinstance(items, list):
        return attribute
    kept = [item for item in items if any(_meets(item, clause) for clause in clauses)]
    return {"vr": "SQ", "Value": kept} if kept else attribute


def _meets(item: dict[str, JsonAttribute], clause: Nested) -> bool:
    below = below_of(_values(item, (), ""))
    if len(clause.path) > 1:
        return holds(Nested(clause.path[1:], clause.clauses), below)
    return matches(clause.clauses, below)


def _values(item: dict[str, JsonAttribute], above: Path, place: str) -> Iterator[IndexedValue]:
    """The values of an item as an index keeps them; an empty attribute is one empty value."""
    for key, attribute in item.items():
        path = (*above, int(key, 16))
        vr = str(attribute.get("vr", "UN"))
        members = attribute.get("Value")
        if not isinstance(members, list):
            yield IndexedValue(Level.INSTANCE, path, place, vr, "")
            continue
        for number, member in enumerate(members, 1):
            if vr == "SQ":
                below = f"{place}.{number:04X}" if place else f"{number:04X}"
                yield from _values(member, path, below)
            else:
                yield IndexedValue(Level.INSTANCE, path, place, vr, _text(member))


def _text(member: object) -> str:
    if isinstance(member, dict):
        return "=".join(str(member.get(group, "")) for group in _GROUPS).rstrip("=")
    return "" if member is None else str(member)
