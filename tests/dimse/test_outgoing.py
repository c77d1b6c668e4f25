"""Messages to peers: commands as another library reads them, fragments of the right size."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.dimse import outgoing
from dicomweb_server.dimse.outgoing import command, fragments
from tests.dimse.archives import decoded


def test_commands_are_read_by_another_library() -> None:
    made = command(
        {
            outgoing.SOP_CLASS: "1.2.840.10008.5.1.4.1.2.2.1",
            outgoing.FIELD: 0x8020,
            outgoing.RESPONDED_TO: 7,
            outgoing.STATUS: 0xA900,
            outgoing.ERROR_COMMENT: "StudyDate: is malformed",
            outgoing.ORIGINATOR: "TESTER",
        }
    )
    read = decoded(made)
    assert read.CommandGroupLength == len(made) - 12
    assert read.AffectedSOPClassUID == "1.2.840.10008.5.1.4.1.2.2.1"
    assert read.CommandField == 0x8020
    assert read.MessageIDBeingRespondedTo == 7
    assert read.Status == 0xA900
    assert read.ErrorComment == "StudyDate: is malformed"
    assert read.MoveOriginatorApplicationEntityTitle == "TESTER"


@given(st.lists(st.binary(max_size=40), max_size=12), st.integers(2, 33))
def test_fragments_are_even_and_full_but_for_the_last(pieces: list[bytes], most: int) -> None:
    found = [(bytes(piece), is_last) for piece, is_last in fragments(pieces, most)]
    assert b"".join(piece for piece, _ in found) == b"".join(pieces)
    assert [is_last for _, is_last in found] == [False] * (len(found) - 1) + [True]
    assert all(len(piece) == most - most % 2 for piece, _ in found[:-1])
    assert len(found[-1][0]) <= most
