"""Rules of lookup tables (PS3.3 C.11.1.1, C.11.2.1.1)."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from struct import pack

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset, Sequence, dcmread
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.appearance.lookup import Descriptor, table, table_of, words_of
from dicomweb_server.model.rendering import LookupTable
from tests import datasets
from tests.dicom.appearance.instances import Kept, kept, kept_file
from tests.dicom.appearance.oracle import looked_up


def _item(descriptor: list[int], data: list[int]) -> Attributes:
    return Attributes(
        {
            "00283002": {"vr": "US", "Value": descriptor},
            "00283006": {"vr": "US", "Value": data},
        }
    )


def test_zero_stands_for_65536_entries() -> None:
    read = Descriptor.of(_item([0, 0, 16], []), 0x00283002)
    assert read == Descriptor(65_536, 0, 16)


def test_a_descriptor_of_unknown_vr_is_read_from_its_bytes() -> None:
    document = Attributes({"00283002": {"vr": "UN", "InlineBinary": "AAEA/BAA"}})
    assert Descriptor.of(document, 0x00283002) == Descriptor(256, 0xFC00, 16)


@pytest.mark.parametrize("values", [[], [1], [256, 0], ["a", "b", "c"], [None, 1, 2]])
def test_descriptors_need_three_numbers(values: list[object]) -> None:
    document = Attributes({"00283002": {"vr": "US", "Value": values}})
    assert Descriptor.of(document, 0x00283002) is None


@pytest.mark.parametrize(
    ("first", "least", "mapped"),
    [(64512, -1024, -1024), (-1024, -1024, -1024), (64512, 0, 64512), (40000, -1024, 40000)],
)
def test_the_first_value_has_a_sign_where_such_values_can_come_in(
    first: int, least: float, mapped: int
) -> None:
    found = table_of(_item([2, first, 16], [0, 65535]), {}, least)
    assert found is not None
    assert found.first == mapped


def test_entries_of_eight_bits_may_be_packed_two_in_a_word() -> None:
    found = table(Descriptor(3, 0, 8), bytes((1, 2, 255, 0)), signed=False)
    assert found == LookupTable(0, 8, pack("<3H", 1, 2, 255))
    found = table(Descriptor(4, 0, 16), bytes((1, 2, 3, 4)), signed=False)
    assert found == LookupTable(0, 8, pack("<4H", 1, 2, 3, 4))


def test_entries_that_are_missing_make_a_table_useless() -> None:
    assert table(Descriptor(256, 0, 16), bytes(255), signed=False) is None
    assert table(Descriptor(256, 0, 16), b"", signed=False) is None


@pytest.mark.parametrize(("told", "bits"), [(12, 12), (8, 12), (0, 12), (300, 12), (16, 16)])
def test_bits_are_as_many_as_told_and_as_the_entries_have(told: int, bits: int) -> None:
    found = table(Descriptor(2, 0, told), pack("<2H", 0, 4095), signed=False)
    assert found is not None
    assert found.bits == bits


def test_a_table_of_nothing_but_zeros_has_a_bit() -> None:
    found = table(Descriptor(2, 0, 0), bytes(4), signed=False)
    assert found is not None
    assert found.bits == 1


def _sequence(descriptor: list[int], data: list[int], vr: str) -> Sequence:
    item = Dataset()
    item.LUTDescriptor = descriptor
    item["LUTDescriptor"].VR = vr
    item.LUTData = pack(f"<{len(data)}H", *data)
    item["LUTData"].VR = "OW"
    return Sequence([item])


def _modality(image: Kept) -> LookupTable:
    found = image.appearance().modality
    assert isinstance(found, LookupTable)
    return found


@pytest.mark.parametrize(
    ("representation", "first", "vr"), [(0, 3, "US"), (1, -5, "SS"), (0, 40000, "US")]
)
def test_modality_tables_give_what_pydicom_gives(representation: int, first: int, vr: str) -> None:
    stored = np.array([[-32768, -6, -5, 0], [3, 4, 9, 32000]], "<i2")
    if not representation:
        stored = stored.view("<u2")
    tables = _sequence([6, first, 16], [5, 9, 100, 4095, 7, 1], vr)
    data = _file(stored, representation, ModalityLUTSequence=tables)
    expected = apply_modality_lut(stored, dcmread(BytesIO(data)))
    assert (looked_up(stored, _modality(_kept(data))) == expected).all()


def test_voi_tables_give_what_pydicom_gives() -> None:
    stored = np.array([[0, 3, 4, 9], [39999, 40000, 40004, 65535]], "<u2")
    data = _file(stored, 0, VOILUTSequence=_sequence([4, 3, 16], [1, 2, 900, 65535], "US"))
    found = _kept(data).appearance().voi
    assert isinstance(found, LookupTable)
    assert found.bits == 16
    assert (looked_up(stored, found) == apply_voi_lut(stored, dcmread(BytesIO(data)))).all()


def _file(stored: NDArray[np.integer], representation: int, **attributes: object) -> bytes:
    """An image with pixels of its own."""
    return datasets.part10(
        datasets.dataset(
            Rows=stored.shape[0],
            Columns=stored.shape[1],
            PixelRepresentation=representation,
            PixelData=stored.tobytes(),
            **attributes,
        )
    )


def _kept(data: bytes) -> Kept:
    found = kept(data)
    assert found is not None
    return found


def test_the_modality_table_of_a_radiograph_gives_what_pydicom_gives(data_folder: Path) -> None:
    path = data_folder / "valid/ts/jpeg-lossless-70/CR-ModalitySequenceLUT.dcm"
    found = kept_file(path)
    assert found is not None
    stored = np.arange(0, 1 << found.pixel.bits_stored, dtype="u2")
    expected = apply_modality_lut(stored, dcmread(path, stop_before_pixels=True))
    assert (looked_up(stored, _modality(found)) == expected).all()


def test_words_left_over_are_left_out() -> None:
    assert list(words_of(b"\1\0\2")) == [1]
