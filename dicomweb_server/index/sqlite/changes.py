"""The change feed; its numbers grow by one inside the transaction that makes the change."""

from __future__ import annotations

import sqlite3
import time

from dicomweb_server.model.change import Change, ChangeAction
from dicomweb_server.model.ids import InstanceKey

_NEXT = """
UPDATE totals SET sequence = sequence + 1, instances = instances + ?, bytes = bytes + ?
RETURNING sequence
"""
_ADD = "INSERT INTO change VALUES (?, ?, ?, ?, ?, ?, ?)"
_READ = """
SELECT sequence, action, study, series, instance, digest, at FROM change
WHERE sequence > ? ORDER BY sequence LIMIT ?
"""


def add_change(
    connection: sqlite3.Connection,
    action: ChangeAction,
    key: InstanceKey,
    digest: bytes,
    growth: tuple[int, int],
) -> int:
    """Write one line of the change feed and keep the totals.

    Args:
        connection: The writer's, in a transaction.
        action: What happens.
        key: To which instance.
        digest: The bytes concerned.
        growth: By how many instances and by how many bytes the archive grows.

    Returns:
        The number of the change.
    """
    sequence = int(connection.execute(_NEXT, growth).fetchone()[0])
    connection.execute(
        _ADD, (sequence, action.value, key.study, key.series, key.instance, digest, time.time_ns())
    )
    return sequence


def read_changes(connection: sqlite3.Connection, after: int, limit: int) -> tuple[Change, ...]:
    """Lines of the change feed behind a number, oldest first."""
    return tuple(
        Change(row[0], ChangeAction(row[1]), InstanceKey(*row[2:5]), row[5].hex(), row[6])
        for row in connection.execute(_READ, (after, limit))
    )
