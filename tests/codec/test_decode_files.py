"""Decoded frames of real files equal what other decoders make of them."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.uid import JPEGLosslessSV1

from dicomweb_server.codec.decode import decode
from dicomweb_server.codec.raster import Samples
from dicomweb_server.errors import FrameUndecodable
from tests.codec.corpus import Images, by_pydicom, images, images_below
from tests.data import broken_files, data_folder

VIDEOS = ("mpeg2-100", "h264-102", "hevc-107")
TWINS = {
    "seg/liver_rle.dcm": "seg/liver.dcm",
    "seg/liver_deflate.dcm": "seg/liver.dcm",
    "ts/jpegxl-lossless-110/jxl_lossless_gray16.dcm": "ts/jpeg-lossless-70/ljpeg57_gray16.dcm",
    "ts/jpegxl-lossless-110/jxl_lossless_rgb.dcm": "generated/rgb_planar1.dcm",
}
"""Files that pydicom cannot decode, and others of the same pixels that it can."""
DCMTK = (
    "ct-enhanced/CT0012.fragmented_no_bot_jpeg_baseline.51.dcm",
    "ts/jpeg-extended-51/JPGExtended.dcm",
    "ts/jpeg-extended-51/NM1_JPLY.dcm",
    "ts/jpeg-extended-51/RG2_JPLY.dcm",
    "ts/jpeg-extended-51/RG2_JPLY_fixed.dcm",
)
"""Files of 12-bit JPEG: pydicom has no free decoder for them, DCMTK has."""
ELSEWHERE = (
    "ct/GH1376.dcm",  # compressed, though its transfer syntax is a native one
    "generated/onebit_multiframe_5f_33x35.dcm",  # frames that begin inside of a byte
    "generated/packed12_ba12.dcm",  # 12 bits allocated
    "ts/jpegxl-111/will-jxl.dcm",
    "ts/jpegxl-112/jxl_lossy_rgb_2f.dcm",
)
"""Files that pydicom cannot decode, with tests of their own below."""
UNDECODABLE = ("ct-enhanced/genFile.dcm",)
"""Native pixels under a transfer syntax of JPEG."""
FOLDERS = sorted(path.name for path in (data_folder() or Path()).glob("valid/*") if path.is_dir())


def _name(found: Images) -> str:
    return "/".join(found.path.parts[found.path.parts.index("valid") + 1 :])


def _one(name: str) -> Images:
    folder = data_folder()
    assert folder is not None
    found = images(folder / "valid" / name)
    assert found is not None
    return found


def _decoded(found: Images, number: int) -> Samples:
    raster = decode(found.frame(number))
    assert raster.samples.shape[:2] == (raster.pixel.rows, raster.pixel.columns)
    return raster.samples


def _require_same(found: Images, number: int, wanted: Samples) -> None:
    samples = _decoded(found, number)
    assert samples.shape == wanted.shape, f"{_name(found)}, frame {number}"
    assert np.array_equal(samples, wanted), f"{_name(found)}, frame {number}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_decoded_frames_equal_those_of_pydicom(data_folder: Path, folder: str) -> None:
    others = (*TWINS, *DCMTK, *ELSEWHERE, *UNDECODABLE)
    for found in images_below(folder):
        name = _name(found)
        if name in others or any(f"ts/{video}" in name for video in VIDEOS):
            continue
        for number in found.numbers:
            _require_same(found, number, by_pydicom(found.path, number))


@pytest.mark.parametrize(("name", "twin"), TWINS.items())
def test_decoded_frames_equal_those_of_an_uncompressed_twin(
    data_folder: Path, name: str, twin: str
) -> None:
    found, other = _one(name), _one(twin)
    for number in found.numbers:
        _require_same(found, number, by_pydicom(other.path, number))


@pytest.mark.parametrize("name", DCMTK)
def test_frames_of_12_bit_jpeg_equal_those_of_dcmtk(
    data_folder: Path, tmp_path: Path, name: str
) -> None:
    program = shutil.which("dcmdjpeg")
    if program is None:
        pytest.skip("dcmdjpeg of DCMTK is not installed")
    found, target = _one(name), tmp_path / "native.dcm"
    done = subprocess.run([program, found.path, target], capture_output=True, timeout=60)
    assert not done.returncode, done.stderr
    for number in found.numbers:
        _require_same(found, number, by_pydicom(target, number))


def test_a_compressed_file_with_a_native_transfer_syntax_is_decoded(
    data_folder: Path, tmp_path: Path
) -> None:
    found = _one("ct/GH1376.dcm")
    told = dcmread(found.path)
    told.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    told["PixelData"].is_undefined_length = True
    told.save_as(tmp_path / "told.dcm", implicit_vr=False, little_endian=True)
    _require_same(found, 1, by_pydicom(tmp_path / "told.dcm", 1))


def test_single_bits_of_frames_that_begin_inside_of_a_byte(data_folder: Path) -> None:
    found = _one("generated/onebit_multiframe_5f_33x35.dcm")
    octets = np.frombuffer(dcmread(found.path).PixelData, np.uint8)
    bits = np.unpackbits(octets, bitorder="little")[: 5 * 33 * 35].reshape(5, 33, 35)
    for number in found.numbers:
        _require_same(found, number, bits[number - 1])


def test_packed_samples_of_12_bits(data_folder: Path) -> None:
    found = _one("generated/packed12_ba12.dcm")
    whole = int.from_bytes(dcmread(found.path).PixelData, "little")
    values = [whole >> 12 * place & 0xFFF for place in range(64 * 64)]
    _require_same(found, 1, np.array(values, np.uint16).reshape(64, 64))


def test_recompressed_jpeg_looks_like_the_jpeg_inside(data_folder: Path) -> None:
    found = _one("ts/jpegxl-111/will-jxl.dcm")
    for number in found.numbers:
        inside = imagecodecs.jpegxl_decode_jpeg(found.frame(number).data, numthreads=1)
        wanted = np.asarray(Image.open(BytesIO(inside)).convert("RGB"))
        # Both decoders bring chroma to full size in their own way
        difference = np.abs(_decoded(found, number).astype(float) - wanted)
        assert difference.mean() < 0.25
        assert difference.max() <= 16


def test_lossy_jpeg_xl_looks_like_its_original(data_folder: Path) -> None:
    wanted = by_pydicom(_one("generated/rgb_planar1.dcm").path, 1).astype(float)
    error = _decoded(_one("ts/jpegxl-112/jxl_lossy_rgb_2f.dcm"), 1).astype(float) - wanted
    assert 10 * np.log10(255**2 / (error**2).mean()) > 32


def test_native_pixels_that_pose_as_jpeg_are_refused_with_the_reason(data_folder: Path) -> None:
    for name in UNDECODABLE:
        with pytest.raises(FrameUndecodable, match="does not begin as a JPEG"):
            decode(_one(name).frame(1))


@pytest.mark.parametrize("video", VIDEOS)
def test_video_is_not_decoded(data_folder: Path, video: str) -> None:
    for found in images_below(f"ts/{video}"):
        with pytest.raises(FrameUndecodable, match="is not decoded"):
            decode(found.frame(1))


def test_frames_of_broken_files_are_decoded_or_refused(data_folder: Path) -> None:
    for path in broken_files():
        found = images(path)
        if found is None:
            continue
        for number in found.numbers[:3]:
            with suppress(FrameUndecodable):
                raster = decode(found.frame(number))
                assert raster.samples.shape[:2] == (raster.pixel.rows, raster.pixel.columns)
