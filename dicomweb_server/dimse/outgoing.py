"""Messages to a peer: command sets encoded, data sets sent as they come (PS3.7 6.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from struct import pack
from typing import Final

from pynetdicom.association import Association
from pynetdicom.pdu_primitives import P_DATA

from dicomweb_server.model.limits import KIB

SOP_CLASS: Final = 0x0002
FIELD: Final = 0x0100
MESSAGE_ID: Final = 0x0110
RESPONDED_TO: Final = 0x0120
PRIORITY: Final = 0x0700
DATA_SET_TYPE: Final = 0x0800
STATUS: Final = 0x0900
OFFENDING_ELEMENT: Final = 0x0901
ERROR_COMMENT: Final = 0x0902
SOP_INSTANCE: Final = 0x1000
REMAINING: Final = 0x1020
COMPLETED: Final = 0x1021
FAILED: Final = 0x1022
WARNING: Final = 0x1023
ORIGINATOR: Final = 0x1030
ORIGINATOR_MESSAGE: Final = 0x1031
"""Elements of group 0000 (PS3.7 E.1)."""

C_STORE_RQ: Final = 0x0001
RESPONSE: Final = 0x8000
"""Added to the Command Field of a request."""
_HAS_DATA_SET: Final = 0x0001
_NO_DATA_SET: Final = 0x0101
_LONGEST: Final = 256 * KIB
"""Bytes of a PDU where the peer takes any length."""
_SHORTEST: Final = 128
_COMMAND, _LAST = 1, 2
_PDV: Final = 6
"""Bytes of a presentation data value beside its fragment (PS3.8 9.3.5.1)."""

Field = int | str
"""A number of 16 bits (US), or a text: a UID, or one that is padded with a space."""


def command(fields: Mapping[int, Field]) -> bytes:
    """An encoded command set, with its group length (PS3.7 6.3.1).

    Args:
        fields: Elements of group 0000 by their number.
    """
    elements = b"".join(_element(number, fields[number]) for number in sorted(fields))
    return pack("<HHII", 0, 0, 4, len(elements)) + elements


def _element(number: int, value: Field) -> bytes:
    if isinstance(value, int):
        return pack("<HHIH", 0, number, 2, value)
    raw = value.encode("ascii", "replace")
    if len(raw) % 2:
        raw += b"\0" if number in (SOP_CLASS, SOP_INSTANCE) else b" "
    return pack("<HHI", 0, number, len(raw)) + raw


def send(
    association: Association,
    context_id: int,
    fields: Mapping[int, Field],
    data: Iterable[bytes | memoryview] | None = None,
) -> None:
    """Send a message; waits while the peer is slow, and sends nothing where it has gone.

    Args:
        association: To whom.
        context_id: In which presentation context.
        fields: The command set, without what tells of the data set.
        data: The encoded data set in pieces of any size, None for none. What it raises goes
            through; the message is incomplete then and the association cannot be used any more.
    """
    kind = _NO_DATA_SET if data is None else _HAS_DATA_SET
    most = max(_SHORTEST, association.dimse.maximum_pdu_size or _LONGEST) - _PDV
    held: list[tuple[int, bytes]] = []
    for piece, is_last in fragments([command({**fields, DATA_SET_TYPE: kind})], most):
        _put(association, held)
        held = [(context_id, _value(_COMMAND, piece, is_last))]
    room = most - _PDV - len(held[0][1]) + 1
    for piece, is_last in fragments(data, most) if data is not None else ():
        if not association.is_established:
            return
        if held and len(piece) > room:
            _put(association, held)
            held = []
        _put(association, [*held, (context_id, _value(0, piece, is_last))])
        held = []
    _put(association, held)


def _value(kind: int, piece: bytes | memoryview, is_last: bool) -> bytes:
    return b"".join((bytes((kind | _LAST * is_last,)), piece))


def _put(association: Association, values: list[tuple[int, bytes]]) -> None:
    if values:
        primitive = P_DATA()
        primitive.presentation_data_value_list.extend(values)
        association.dul.send_pdu(primitive)


def fragments(
    pieces: Iterable[bytes | memoryview], most: int
) -> Iterator[tuple[bytes | memoryview, bool]]:
    """Pieces cut to fragments, each with whether it is the last one; there is at least one.

    Args:
        pieces: Of any size.
        most: Bytes of a fragment; all but the last have as many, an even number (PS3.8 E.1).
    """
    most -= most % 2
    full: bytes | memoryview | None = None
    rest = bytearray()
    for piece in pieces:
        view = memoryview(piece)
        while view:
            taken = view[: most - len(rest)]
            view = view[len(taken) :]
            if rest or len(taken) < most:
                rest += taken
                if len(rest) < most:
                    continue
                taken = memoryview(bytes(rest))
                rest.clear()
            if full is not None:
                yield full, False
            full = taken
    if full is not None and rest:
        yield full, False
    yield bytes(rest) if rest else full or b"", True
