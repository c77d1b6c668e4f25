"""The command set of C-STORE requests, against pynetdicom's own."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode

from dicomweb_server.dimse.command import StoreCommand, store_command
from tests.dimse import raw

uids = st.from_regex(r"[0-2](\.(0|[1-9][0-9]{0,8})){1,5}", fullmatch=True)


@given(st.integers(0, 0xFFFF), uids, uids, st.sampled_from(["", "MOVER"]))
def test_command_is_read_as_the_library_writes_it(
    message: int, sop_class: str, instance: str, originator: str
) -> None:
    request = C_STORE()
    request.MessageID, request.Priority = message, 1
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = sop_class, instance
    if originator:
        request.MoveOriginatorApplicationEntityTitle = originator
        request.MoveOriginatorMessageID = 5
    made = C_STORE_RQ()
    made.primitive_to_message(request)
    made.command_set.CommandDataSetType = 1
    encoded = encode(made.command_set, True, True)
    assert encoded is not None
    assert store_command(encoded) == StoreCommand(message, sop_class, instance)


def test_request_without_data_set_is_left_to_the_library() -> None:
    elements: dict[int, int | str] = {0x0100: 0x0001, 0x0110: 1, 0x0800: 0x0101}
    assert store_command(raw.command(elements)) is None


def test_other_commands_are_left_to_the_library() -> None:
    assert store_command(raw.echo_command(1)) is None


@given(st.binary(max_size=200))
def test_anything_else_is_a_value_error_or_nothing(encoded: bytes) -> None:
    with suppress(ValueError):
        store_command(encoded)


@pytest.mark.parametrize("cut", range(1, 8))
def test_command_that_is_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(ValueError, match="command set"):
        store_command(raw.store_command("1.2", "1.2.3")[:-cut])
