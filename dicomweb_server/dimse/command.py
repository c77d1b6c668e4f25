"""The command set of a C-STORE request, read without the detour of a data set (PS3.7 9.3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from struct import unpack_from

_HEADER = 8
_SOP_CLASS = 0x0002
_FIELD = 0x0100
_MESSAGE_ID = 0x0110
_DATA_SET_TYPE = 0x0800
_SOP_INSTANCE = 0x1000
_C_STORE_RQ = 0x0001
_NO_DATA_SET = 0x0101
_LONGEST_UID = 64


@dataclass(frozen=True, slots=True)
class StoreCommand:
    """A C-STORE request that is followed by a data set.

    Args:
        message_id: Its number.
        sop_class, instance: Affected SOP Class and Instance UID; empty where absent.
    """

    message_id: int
    sop_class: str
    instance: str


def store_command(encoded: bytes) -> StoreCommand | None:
    """The C-STORE request that a command set is; None for other commands and without data set.

    Args:
        encoded: The command set, in Implicit VR Little Endian.

    Raises:
        ValueError: It is cut off, or holds what no command set may hold.
    """
    values = _values(encoded)
    if _number(values, _FIELD) != _C_STORE_RQ or _number(values, _DATA_SET_TYPE) == _NO_DATA_SET:
        return None
    return StoreCommand(
        _number(values, _MESSAGE_ID), _uid(values, _SOP_CLASS), _uid(values, _SOP_INSTANCE)
    )


def _values(encoded: bytes) -> dict[int, bytes]:
    values = {}
    place, end = 0, len(encoded)
    while place < end:
        if place + _HEADER > end:
            raise ValueError("a command set is cut off")
        group, element, length = unpack_from("<HHI", encoded, place)
        place += _HEADER
        if group or place + length > end:
            raise ValueError("a command set holds what it may not hold")
        values[element] = encoded[place : place + length]
        place += length
    return values


def _number(values: dict[int, bytes], element: int) -> int:
    raw = values.get(element, b"")
    if len(raw) != 2:
        raise ValueError("a number of the command set is missing or wrong")
    return int.from_bytes(raw, "little")


def _uid(values: dict[int, bytes], element: int) -> str:
    text = values.get(element, b"").strip(b"\0 ").decode("ascii")
    if len(text) > _LONGEST_UID:
        raise ValueError("a UID of the command set is too long")
    return text
