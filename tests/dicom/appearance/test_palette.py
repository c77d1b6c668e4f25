"""Rules of palettes (PS3.3 C.7.6.3.1.5, C.7.6.19)."""

from __future__ import annotations

from pathlib import Path
from struct import pack

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.pixels.processing import apply_color_lut

from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.appearance.palette import palette_of
from dicomweb_server.model.rendering import Palette
from tests import datasets
from tests.data import valid_files
from tests.dicom.appearance.instances import kept_file, of
from tests.dicom.appearance.oracle import coloured

COLOURS = ("Red", "Green", "Blue")


def _with_tables(
    descriptor: list[int], data: tuple[bytes, bytes, bytes], segmented: bool = False
) -> Dataset:
    made = datasets.dataset(PhotometricInterpretation="PALETTE COLOR")
    for colour, each in zip(COLOURS, data, strict=True):
        setattr(made, f"{colour}PaletteColorLookupTableDescriptor", descriptor)
        kind = "Segmented" if segmented else ""
        keyword = f"{kind}{colour}PaletteColorLookupTableData"
        setattr(made, keyword, each)
        made[keyword].VR = "OW"
    return made


def _palette(made: Dataset) -> Palette:
    found = of(made).appearance().palette
    assert found is not None
    return found


def test_entries_of_sixteen_bits_are_taken_as_they_are() -> None:
    tables = tuple(pack("<3H", 0, 1000 * n, 65535) for n in (1, 2, 3))
    found = _palette(_with_tables([3, 2, 16], (tables[0], tables[1], tables[2])))
    assert (found.red.first, found.red.bits, found.red.entries) == (2, 16, tables[0])
    assert (found.green.entries, found.blue.entries) == tables[1:]
    assert not found.supplemental


def test_colours_of_eight_bits_under_sixteen_are_not_black() -> None:
    table = pack("<3H", 0, 100, 255)
    assert _palette(_with_tables([3, 0, 16], (table, table, table))).blue.bits == 8


def test_a_palette_with_a_part_missing_is_none() -> None:
    table = pack("<3H", 0, 100, 255)
    made = _with_tables([3, 0, 16], (table, table, table))
    del made.GreenPaletteColorLookupTableData
    assert of(made).appearance().palette is None


def test_segmented_tables_of_eight_bits_are_expanded() -> None:
    table = bytes((0, 1, 0, 1, 255, 255))
    found = _palette(_with_tables([256, 0, 8], (table, table, table), segmented=True))
    assert found.red.entries == pack("<256H", *range(256))
    assert found.red.bits == 8


def test_segments_of_sixteen_bits_under_a_descriptor_of_eight_are_recognised() -> None:
    table = pack("<6H", 0, 1, 0, 1, 255, 65535)
    found = _palette(_with_tables([256, 0, 8], (table, table, table), segmented=True))
    assert found.red.entries == pack("<256H", *(257 * step for step in range(256)))
    assert found.red.bits == 16


def test_segments_that_end_early_go_on_with_their_last_entry() -> None:
    table = pack("<4H", 0, 2, 7, 900)
    found = _palette(_with_tables([4, 0, 16], (table, table, table), segmented=True))
    assert found.red.entries == pack("<4H", 7, 900, 900, 900)


def test_tables_given_by_reference_are_asked_for() -> None:
    table = pack("<65536H", *range(65536))
    kept = of(_with_tables([0, 0, 16], (table, table, table)))
    assert len(kept.bulk) == 3
    found = kept.appearance().palette
    assert found is not None
    assert found.green.entries == table


def _mixed(presentation: str) -> Dataset:
    table = pack("<2H", 0, 65535)
    made = _with_tables([2, 1024, 16], (table, table, table))
    made.PhotometricInterpretation = "MONOCHROME2"
    made.PixelPresentation = presentation
    return made


@pytest.mark.parametrize("presentation", ["COLOR", "MIXED"])
def test_supplemental_colours_leave_grey_values_grey(presentation: str) -> None:
    found = _palette(_mixed(presentation))
    assert found.supplemental
    assert found.red.first == 1024


def test_an_image_that_is_presented_in_grey_has_no_supplemental_colours() -> None:
    assert of(_mixed("MONOCHROME")).appearance().palette is None


def _palette_files() -> list[Path]:
    return [path for path in valid_files() if _is_palette(path)]


def _is_palette(path: Path) -> bool:
    kept = kept_file(path)
    return kept is not None and kept.pixel.photometric_interpretation == "PALETTE COLOR"


def test_palettes_of_files_give_what_pydicom_gives(data_folder: Path) -> None:
    paths = _palette_files()
    assert len(paths) > 10
    for path in paths:
        kept = kept_file(path)
        assert kept is not None
        found = kept.appearance().palette
        assert found is not None, path
        stored = np.arange(1 << kept.pixel.bits_stored, dtype="u2")
        expected = apply_color_lut(stored, dcmread(path, stop_before_pixels=True))
        if path.parent.name == "big-endian":
            expected = _as_little_endian(expected, path)
        assert (coloured(stored, found) == expected).all(), path


def _as_little_endian(found: NDArray[np.integer], path: Path) -> NDArray[np.integer]:
    """What pydicom makes of plain tables in a big endian file: it reads them in native order."""
    plain = "RedPaletteColorLookupTableData" in dcmread(path, stop_before_pixels=True)
    return found.byteswap() if plain else found


def test_well_known_palettes_are_read(data_folder: Path) -> None:
    for name in ("hotiron", "hotmetalblue"):
        dataset = dcmread(data_folder / "valid/non-patient" / f"{name}.dcm")
        document = Attributes(dataset.to_json_dict())
        found = palette_of(document, {}, signed=False)
        assert found is not None
        stored = np.arange(256, dtype="u1")
        assert (coloured(stored, found) == apply_color_lut(stored, dataset)).all()
