"""Sort keys as SQL."""

from __future__ import annotations

from dicomweb_server.errors import InvalidParameter
from dicomweb_server.index.order import Keys, Sorting
from dicomweb_server.index.sqlite.columns import COLUMNS, COUNTS
from dicomweb_server.index.sqlite.conditions import Parameter, Sql
from dicomweb_server.index.sqlite.values import ALIAS
from dicomweb_server.model.ids import Level
from dicomweb_server.model.levels import level_of
from dicomweb_server.model.query import Order


def key_columns(sorting: Sorting, level: Level) -> tuple[str, ...]:
    """The columns that hold the sort keys; none of them is ever NULL.

    Args:
        sorting: The order.
        level: What the search returns.

    Raises:
        InvalidParameter: An attribute cannot be sorted by.
    """
    return tuple(_column(order, level) for order in sorting.orders)


def order_by(sorting: Sorting, columns: tuple[str, ...]) -> str:
    """The ORDER BY list."""
    pairs = zip(columns, sorting.orders, strict=True)
    return ", ".join(f"{name} DESC" if order.descending else name for name, order in pairs)


def behind(sorting: Sorting, columns: tuple[str, ...], start: Keys) -> Sql:
    """Rows that come after a place; the first key alone stands in front, for an index."""
    text = "0"
    parameters: tuple[Parameter, ...] = ()
    for name, order, value in reversed(list(zip(columns, sorting.orders, start, strict=True))):
        sign = "<" if order.descending else ">"
        text = f"({name} {sign} ? OR ({name} = ? AND {text}))"
        parameters = (value, value, *parameters)
    sign = "<=" if sorting.orders[0].descending else ">="
    return Sql(f"({columns[0]} {sign} ? AND {text})", (start[0], *parameters))


def _column(order: Order, level: Level) -> str:
    path = (order.tag,)
    if path in COUNTS:
        owner, name = COUNTS[path]
    else:
        owner = level_of(order.tag)
        column = COLUMNS[owner].get(path)
        name = "" if column is None else column.place or column.name
    if not name or owner > level:
        raise InvalidParameter("orderby", "answers cannot be sorted by this attribute")
    return f"{ALIAS[owner]}.{name}"
