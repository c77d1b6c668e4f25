"""Rules of reading attributes: bad values are no values, places of bulk values are known."""

from __future__ import annotations

from base64 import b64encode
from struct import pack

from dicomweb_server.dicom.appearance.attributes import NOTHING, Attributes
from dicomweb_server.dicom.appearance.groups import FrameGroups

CENTER, DATA = 0x00281050, 0x00283006


def test_numbers_written_as_text_count() -> None:
    read = Attributes({"00281050": {"vr": "DS", "Value": ["40.5", 7, None, "many", "NaN", "1e99"]}})
    assert read.floats(CENTER) == [40.5, 7.0, None, None, None, None]
    assert read.float_at(CENTER) == 40.5
    assert read.whole(CENTER) is None
    assert read.whole(CENTER, 1) == 7
    assert read.float_at(CENTER, 9) is None


def test_absent_and_empty_attributes_have_no_values() -> None:
    read = Attributes({"00281050": {"vr": "DS"}})
    assert read.floats(CENTER) == []
    assert read.float_at(CENTER) is None
    assert read.data(CENTER, {}) == b""
    assert NOTHING.data(DATA, {"00283006": b"1"}) == b""


def test_words_come_little_endian_however_they_are_kept() -> None:
    words = pack("<3H", 1, 256, 65535)
    inline = b64encode(words).decode("ascii")
    assert Attributes({"00283006": {"vr": "OW", "InlineBinary": inline}}).data(DATA, {}) == words
    numbers = Attributes({"00283006": {"vr": "US", "Value": [1, 256, 65535]}})
    assert numbers.data(DATA, {}) == words
    signed = Attributes({"00283006": {"vr": "SS", "Value": [1, "256", -1]}})
    assert signed.data(DATA, {}) == words


def test_bulk_values_are_found_by_their_path() -> None:
    item = {"00283006": {"vr": "OW", "BulkDataURI": "/studies/1/bulkdata/elsewhere"}}
    document = Attributes({"00283010": {"vr": "SQ", "Value": [{}, item]}})
    assert document.child(0x00283010, 2).data(DATA, {"00283010.2.00283006": b"ab"}) == b"ab"
    assert document.child(0x00283010, 2).data(DATA, {}) == b""


def test_items_beyond_the_last_are_empty() -> None:
    document = Attributes({"00283010": {"vr": "SQ", "Value": [{"00281050": {"vr": "DS"}}]}})
    for number in (-1, 0, 2, 1 << 40):
        assert not document.child(0x00283010, number)
    assert len(document.children(0x00283010)) == 1


def test_what_is_no_object_is_an_empty_data_set() -> None:
    assert not Attributes.parse(b"[1]")


def test_groups_of_the_frame_go_before_those_of_all_frames() -> None:
    def groups(value: int) -> dict[str, object]:
        return {"00289132": {"vr": "SQ", "Value": [{"00281050": {"vr": "DS", "Value": [value]}}]}}

    document = Attributes(
        {
            "52009229": {"vr": "SQ", "Value": [groups(1)]},
            "52009230": {"vr": "SQ", "Value": [groups(2), {}]},
        }
    )
    found = [FrameGroups(document, n).macro(0x00289132).whole(CENTER) for n in (1, 2, 3)]
    assert found == [2, 1, 1]
    assert FrameGroups(document, 1).macro(0x00289132).path == "52009230.1.00289132.1."
