"""The order of a search's rows and the cursor that marks a place in it."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from dicomweb_server.errors import InvalidParameter
from dicomweb_server.model.canonical import canonical
from dicomweb_server.model.instance import IndexedValue
from dicomweb_server.model.levels import default_order, total_order, vr_of
from dicomweb_server.model.match import ValuesBelow
from dicomweb_server.model.query import Order, Path, Query

_Row = TypeVar("_Row")
Keys = tuple[str | float, ...]
"""Sort keys of one row: a number for each IS, a text for all else."""

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:E-?\d+)?", re.ASCII)
_ABSENT = float("-inf")


@dataclass(frozen=True, slots=True)
class Sorting:
    """The total order of a query.

    Args:
        orders: Sort keys; the last ones make every row unique.
        start: Keys of the row that the query's cursor marks, None without a cursor.
    """

    orders: tuple[Order, ...]
    start: Keys | None

    @classmethod
    def of(cls, query: Query) -> Sorting:
        """The order that a query asks for, or its default.

        Raises:
            InvalidParameter: The cursor belongs to another order, or is none.
        """
        if query.order:
            orders = total_order(query.level, query.order)
        else:
            orders = default_order(query.level, query.scope)
        cursor = query.page.cursor
        return cls(orders, None if cursor is None else _read(cursor, orders))

    @staticmethod
    def number(values: Iterable[IndexedValue], path: Path) -> float:
        """The size of an attribute's first value; below all others where it has none."""
        first = next((value for value in values if value.path == path), None)
        text = canonical(first.vr, first.value) if first is not None else ""
        return float(text) if _NUMBER.fullmatch(text) else _ABSENT

    def keys(self, below: ValuesBelow) -> Keys:
        """The sort keys of a row.

        Args:
            below: Gives its values, as for `model.match`.
        """
        return tuple(self._key(order, list(below((order.tag,)))) for order in self.orders)

    def _key(self, order: Order, values: list[IndexedValue]) -> str | float:
        if _is_number(order):
            return self.number(values, (order.tag,))
        return canonical(values[0].vr, values[0].value) if values else ""

    def sorted(self, rows: Iterable[tuple[Keys, _Row]]) -> list[tuple[Keys, _Row]]:
        """Rows in order."""
        ordered = list(rows)
        for place in reversed(range(len(self.orders))):
            ordered.sort(key=lambda row: row[0][place], reverse=self.orders[place].descending)
        return ordered

    def is_behind(self, keys: Keys) -> bool:
        """Whether a row comes behind the one that the cursor marks."""
        for order, mine, other in zip(self.orders, keys, self.start or (), strict=True):
            if mine != other:
                return _greater(mine, other) is not order.descending
        return False

    def cursor(self, keys: Keys) -> str:
        """The cursor that marks a row; letters, digits, `-` and `_` only."""
        plain = [key if isinstance(key, str) else _plain(key) for key in keys]
        text = json.dumps([_signature(self.orders), plain], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode("ascii")).rstrip(b"=").decode("ascii")


def _plain(number: float) -> float | None:
    """A number as JSON has it, the same whether it came as 2 or as 2.0."""
    return None if number == _ABSENT else float(number)


def _is_number(order: Order) -> bool:
    return vr_of(order.tag) == "IS"


def _greater(mine: str | float, other: str | float) -> bool:
    if isinstance(mine, str) or isinstance(other, str):
        return str(mine) > str(other)
    return mine > other


def _signature(orders: tuple[Order, ...]) -> list[int]:
    """A sort key as a number: negative when descending."""
    return [-order.tag if order.descending else order.tag for order in orders]


def _read(cursor: str, orders: tuple[Order, ...]) -> Keys:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        signature, keys = json.loads(base64.b64decode(padded, b"-_", validate=True))
        read = tuple(_cursor_key(order, key) for order, key in zip(orders, keys, strict=True))
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise _not_ours() from None
    if signature != _signature(orders):
        raise _not_ours()
    return read


def _cursor_key(order: Order, key: object) -> str | float:
    if not _is_number(order):
        if isinstance(key, str):
            return key
    elif key is None:
        return _ABSENT
    elif isinstance(key, int | float) and not isinstance(key, bool) and math.isfinite(key):
        return float(key)
    raise TypeError("a sort key of another kind")


def _not_ours() -> InvalidParameter:
    return InvalidParameter(
        "cursor",
        "was not made by a search in this order",
        "take it from the link to the next page and leave the other parameters as they were",
    )
