"""Every grey and colour file, rendered here and by DCMTK: less than a grey level apart on average.

DCMTK gets the window that the metadata tell on its command line; neither side draws overlays,
shutters or pixel aspect ratios here, and segments and doses are looked at as the grey images that
they are stored as. What DCMTK cannot decode it gets as a native copy.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from dicomweb_server.codec.decode import decode
from dicomweb_server.codec.raster import Raster
from dicomweb_server.codec.render import render
from dicomweb_server.errors import FrameUndecodable
from dicomweb_server.model.instance import FragmentedFrames
from dicomweb_server.model.rendering import (
    Appearance,
    LookupTable,
    Rendering,
    Rescale,
    Window,
    WindowFunction,
)
from tests.codec.render.files import Pixels, pixels_of
from tests.data import data_folder, valid_files

JPEG = tuple(f"1.2.840.10008.1.2.4.{end}" for end in (50, 51, 57, 70))
JPEG_LS = tuple(f"1.2.840.10008.1.2.4.{end}" for end in (80, 81))
RLE = "1.2.840.10008.1.2.5"
TOOLS = {**dict.fromkeys(JPEG, "dcmj2pnm"), **dict.fromkeys(JPEG_LS, "dcml2pnm"), RLE: "dcmj2pnm"}
"""What reads compressed frames; all others are decoded here first."""

UNREADABLE = {
    "float_pixel_data.dcm": "DCMTK reads no float pixel data",
    "parametric_map_float.dcm": "DCMTK reads no float pixel data",
    "SC_rgb_32bit.dcm": "DCMTK reads no colours of 32 bits a sample",
    "SC_rgb_32bit_2frame.dcm": "DCMTK reads no colours of 32 bits a sample",
    "SC_rgb_expb_32bit.dcm": "DCMTK reads no colours of 32 bits a sample",
    "SC_rgb_expb_32bit_2frame.dcm": "DCMTK reads no colours of 32 bits a sample",
    "SC_rgb_rle_32bit.dcm": "DCMTK reads no colours of 32 bits a sample",
    "SC_rgb_rle_32bit_2frame.dcm": "DCMTK reads no colours of 32 bits a sample",
    "gdcm-US-ALOKA-16.dcm": "DCMTK reads no segmented palettes",
    "gdcm-US-ALOKA-16_big.dcm": "DCMTK reads no segmented palettes",
}
"""Files that DCMTK cannot show; tests of colours compare these with pydicom and the standard."""
DECODED_HERE = {
    "liver_rle.dcm": "DCMTK reads no RLE of single bits",
    "IM00001.fragmented_no_bot_jpeg_baseline.50.dcm": "DCMTK finds one frame alone",
    "rtdose_expb.dcm": "DCMTK takes the halves of big endian 32-bit words the other way round",
    "rtdose_expb_1frame.dcm": "DCMTK takes the halves of big endian words the other way round",
    "SC_rgb_jpeg.dcm": "DCMTK finds its end too early",
}
"""Files whose pixels DCMTK gets as a native copy although it knows their transfer syntax."""

COPIED = (
    *("SOPClassUID", "SOPInstanceUID", "SamplesPerPixel", "NumberOfFrames", "Rows", "Columns"),
    *("BitsStored", "HighBit", "PixelRepresentation", "PlanarConfiguration"),
    *("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence", "VOILUTSequence"),
)
"""Attributes of native copies."""

BELOW = 1.0
"""Mean absolute difference, in grey levels."""

Picture = NDArray[np.float64]

pytestmark = pytest.mark.skipif(
    data_folder() is None or shutil.which("dcmj2pnm") is None,
    reason="needs the folder of real files and DCMTK",
)


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom tells what is odd about old files
@pytest.mark.parametrize("path", valid_files(), ids=lambda path: path.name)
def test_pictures_equal_those_of_dcmtk(path: Path, tmp_path: Path) -> None:
    pixels = pixels_of(path)
    if pixels is None or path.name in UNREADABLE or not _decodable(pixels):
        return
    dataset = pydicom.dcmread(path)
    source, tool = _source(path, pixels, tmp_path)
    for number in pixels.numbers:
        look = _plain(pixels.appearance(number))
        ours = _colours(render(pixels.frame(number), Rendering("image/png", look)))
        options = _options(decode(pixels.frame(number)), look, dataset)
        theirs = _theirs([tool, "+F", str(number), *options, str(source)], tmp_path)
        assert float(np.abs(ours - theirs).mean()) < BELOW, number


def _decodable(pixels: Pixels) -> bool:
    """Whether it is neither video nor damaged: tests of decoding tell which files are."""
    try:
        decode(pixels.frame(1))
    except FrameUndecodable:
        return False
    return True


def _source(path: Path, pixels: Pixels, folder: Path) -> tuple[Path, str]:
    """What DCMTK reads, and with which tool."""
    tool = TOOLS.get(pixels.scan.transfer_syntax, "dcmj2pnm")
    coded = isinstance(pixels.scan.frames, FragmentedFrames)
    known = not coded or pixels.scan.transfer_syntax in TOOLS
    if known and path.name not in DECODED_HERE:
        return path, tool
    return _native(pixels, pydicom.dcmread(path), folder), tool


def _plain(look: Appearance) -> Appearance:
    palette = look.palette
    if palette is not None and (palette.supplemental or look.transparent is not None):
        palette = None
    return replace(look, aspect=1.0, shutters=(), colour=None, tint=None, palette=palette)


def _theirs(command: list[str], folder: Path) -> Picture:
    target = folder / "picture.pnm"
    plain = ["-q", "-O", "-S", "+op"]
    whole = [command[0], *plain, *command[1:], str(target)]
    done = subprocess.run(whole, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return _colours(target.read_bytes())


def _colours(picture: bytes) -> Picture:
    return np.asarray(Image.open(BytesIO(picture)).convert("RGB"), np.float64)


def _options(raster: Raster, look: Appearance, dataset: Dataset) -> list[str]:
    """Options that make DCMTK use the same window.

    DCMTK rounds what a rescale with fractions gives to whole numbers and knows no functional
    groups; there the window is told in stored values.
    """
    if raster.samples.ndim == 3 or look.palette is not None:
        told = str(dataset.PhotometricInterpretation)
        lies = told == "RGB" and raster.pixel.photometric_interpretation != told
        return ["+cl"] if lies else []
    if isinstance(look.voi, LookupTable):
        return ["+Wl", "1"]
    modality = look.modality
    window = look.voi or _whole_range(raster, look)
    exact = window.function is WindowFunction.LINEAR_EXACT
    center, width = window.center - (0 if exact else 0.5), window.width - (0 if exact else 1)
    if window.function is WindowFunction.SIGMOID:
        return ["+Ww", repr(window.center), repr(window.width), "+Wfs"]
    options = ["+Wfl"]
    if isinstance(modality, Rescale) and not _is_whole(modality, dataset):
        center, width = (center - modality.intercept) / modality.slope, width / modality.slope
        options = ["+Wfl", "-M"]
    return ["+Ww", repr(center + 0.5), repr(width + 1), *options]


def _is_whole(modality: Rescale, dataset: Dataset) -> bool:
    told = (dataset.get("RescaleSlope"), dataset.get("RescaleIntercept"))
    return told == (modality.slope, modality.intercept) and all(float(x).is_integer() for x in told)


def _whole_range(raster: Raster, look: Appearance) -> Window:
    """From the least to the greatest value that is no padding."""
    values = raster.samples.astype(np.float64)
    if look.padding is not None:
        image = (values < look.padding[0]) | (values > look.padding[1])
        values = values[image] if image.any() else values
    if isinstance(look.modality, Rescale):
        values = values * look.modality.slope + look.modality.intercept
    elif look.modality is not None:
        entries = np.frombuffer(look.modality.entries, "<u2").astype(np.float64)
        places = np.clip(values - look.modality.first, 0, entries.size - 1)
        values = entries[places.astype(np.int64)]
    least, greatest = float(values.min()), float(values.max())
    if raster.pixel.bits_stored == 1:
        least, greatest = 0.0, 1.0
    return Window((least + greatest) / 2, greatest - least, WindowFunction.LINEAR_EXACT)


def _native(pixels: Pixels, dataset: Dataset, folder: Path) -> Path:
    """An image with native pixels as they are decoded here, and what shows them."""
    assert pixels.scan.frames is not None
    rasters = [decode(pixels.frame(n)) for n in range(1, pixels.scan.frames.count + 1)]
    first = rasters[0]
    copy = Dataset()
    for keyword in COPIED:
        if keyword in dataset:
            setattr(copy, keyword, dataset[keyword].value)
    copy.PhotometricInterpretation = first.pixel.photometric_interpretation
    copy.BitsAllocated = 8 * first.samples.dtype.itemsize
    samples = b"".join(raster.samples.tobytes() for raster in rasters)
    copy.add_new("PixelData", "OW", samples + bytes(len(samples) % 2))
    copy.file_meta = FileMetaDataset()
    copy.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    copy.save_as(folder / "native.dcm", enforce_file_format=True)
    return folder / "native.dcm"
