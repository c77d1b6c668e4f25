"""Real files in other transfer syntaxes: the same pixels, read by others (PS3.18 8.7.3)."""

from __future__ import annotations

import asyncio
import io
import subprocess
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pixel_array

from dicomweb_server.errors import FrameUndecodable
from dicomweb_server.model import media
from dicomweb_server.service.choice import Choice
from tests.data import valid_files
from tests.programs import require
from tests.service.stored import Stored, body_of, opened

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

_P = "1.2.840.10008.1.2."
LOSSLESS = [media.EXPLICIT_LITTLE, *(_P + each for each in ("5", "4.70", "4.80", "4.90"))]
LOSSLESS += [_P + "4.201", _P + "4.202"]
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


MISLABELLED = {"2_SC_rgb_jpeg_lossy_gdcm.dcm": "says RGB of a stream of luminance and chroma"}
DESCRIPTION = ["PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit"]
DESCRIPTION += ["SamplesPerPixel", "PixelRepresentation", "PlanarConfiguration"]


@cache
def different_files() -> list[Path]:
    """Every compressed file, and of native ones that describe their pixels alike one."""
    found: dict[tuple[str, ...], Path] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in valid_files():
            tags = [*DESCRIPTION, "NumberOfFrames"]
            dataset = pydicom.dcmread(path, specific_tags=tags, stop_before_pixels=True, force=True)
            syntax = dataset.file_meta.get("TransferSyntaxUID", "")
            several = str(int(dataset.get("NumberOfFrames") or 1) > 1)
            known = media.TRANSFER_SYNTAXES.get(syntax)
            name = "" if known is None or known.is_native else str(path)
            told = [str(dataset.get(keyword)) for keyword in DESCRIPTION]
            found.setdefault((syntax, several, name, *told), path)
    return list(found.values())


each_file = pytest.mark.parametrize("path", different_files(), ids=lambda path: path.name)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    with opened(tmp_path_factory.mktemp("renditions")) as store:
        yield store


def sent(stored: Stored, data: bytes, syntax: str) -> bytes | None:
    """The file in a transfer syntax, None where that is refused."""

    async def run() -> bytes | None:
        record = await stored.keep(data)
        if record.transfer_syntax == syntax:
            return None
        if record.pixel is None or Choice(stored.codecs).file_obstacle(record, syntax):
            return None
        try:
            return await body_of(stored.part(record, syntax))
        except FrameUndecodable:
            assert raw(pydicom.dcmread(io.BytesIO(data))) is None
            return None

    return asyncio.run(run())


def delivered(stored: Stored, data: bytes, syntax: str) -> Dataset | None:
    """The same as pydicom reads it."""
    found = sent(stored, data, syntax)
    return None if found is None else pydicom.dcmread(io.BytesIO(found))


def raw(dataset: Dataset) -> NDArray[np.generic] | None:
    """Its pixels before any conversion of colours, None where no other decoder can tell."""
    try:
        return pixel_array(dataset, raw=True)
    except (RuntimeError, NotImplementedError, ValueError, AttributeError):
        return None


@each_file
def test_its_pixels_are_the_same_in_every_lossless_transfer_syntax(
    stored: Stored, path: Path
) -> None:
    data = path.read_bytes()
    original = pydicom.dcmread(path)
    if not any(name in original for name in PIXELS):
        return
    expected = None if path.name in MISLABELLED else raw(original)
    for syntax in LOSSLESS:
        found = delivered(stored, data, syntax)
        if found is None:
            continue
        assert found.file_meta.TransferSyntaxUID == syntax
        assert found.SOPInstanceUID == original.SOPInstanceUID
        pixels = raw(found)
        expected = pixels if expected is None else expected
        if pixels is None or expected is None:
            continue
        assert pixels.shape == expected.shape, syntax
        assert np.array_equal(pixels, expected, equal_nan=pixels.dtype.kind == "f"), syntax


def of_one_kind_each() -> list[Path]:
    """A small file of each transfer syntax."""
    found: dict[str, Path] = {}
    for path in different_files():
        if path.stat().st_size < 1_000_000:
            meta = pydicom.filereader.read_file_meta_info(path)
            found.setdefault(meta.get("TransferSyntaxUID", ""), path)
    return list(found.values())


@pytest.mark.parametrize("path", of_one_kind_each(), ids=lambda path: path.name)
def test_dcmtk_takes_the_files(stored: Stored, path: Path, tmp_path: Path) -> None:
    dcmconv = require("dcmconv")
    for syntax in LOSSLESS[:5]:  # this DCMTK does not know High-Throughput JPEG 2000
        found = sent(stored, path.read_bytes(), syntax)
        if found is None:
            continue
        made, copy = tmp_path / "made.dcm", tmp_path / "copy.dcm"
        made.write_bytes(found)
        done = subprocess.run(
            [dcmconv, str(made), str(copy)], capture_output=True, timeout=60, check=False
        )
        assert done.returncode == 0, (syntax, done.stderr)


@pytest.mark.parametrize("name", ["ovly_p01.dcm", "overlay_in_high_bit_12.dcm"])
def test_overlays_in_unused_bits_outlive_them(stored: Stored, name: str) -> None:
    path = next(path for path in valid_files() if path.name == name)
    original = pydicom.dcmread(path)
    cells = np.frombuffer(original.PixelData, "<u2").reshape(original.Rows, original.Columns)
    found = delivered(stored, path.read_bytes(), _P + "4.201")
    assert found is not None
    groups = [group for group in range(0x6000, 0x6020, 2) if (group, 0x0102) in original]
    embedded = [group for group in groups if (group, 0x3000) not in original]
    assert embedded
    for group in embedded:
        wanted = cells >> original[group, 0x0102].value & 1
        assert wanted.any()
        assert np.array_equal(found.overlay_array(group), wanted)
