"""Lower resolutions are decoded without the higher ones, alike by every engine."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray

from dicomweb_server.codec import table
from dicomweb_server.codec.decode import decode
from dicomweb_server.codec.part import cut
from dicomweb_server.codec.raster import Samples
from dicomweb_server.codec.reduced import decode_reduced
from dicomweb_server.codec.tiles import Box
from dicomweb_server.codec.transcode import transcode
from dicomweb_server.model.frame import Frame, Target
from dicomweb_server.model.instance import PixelHeader
from tests.codec.corpus import images_below
from tests.codec.phantoms import header, native_frame, samples_of

KINDS = {
    "8 bits": header(501, 389),
    "12 bits": header(501, 389, 12),
    "12 bits, signed": header(501, 389, 12, signed=True),
    "16 bits": header(501, 389, 16),
    "RGB": header(501, 389, colour="RGB"),
}
WAVELETS = (table.J2K_LOSSLESS, table.J2K, table.HTJ2K_LOSSLESS, table.HTJ2K_RPCL, table.HTJ2K)


def _frame(pixel: PixelHeader, syntax: str, noise: float = 0.01) -> Frame:
    return transcode(native_frame(pixel, noise), Target(syntax, 95))


def _means(samples: Samples, halvings: int) -> NDArray[np.float64]:
    """Means of blocks, without those at the edges."""
    side = 1 << halvings
    rows, columns = samples.shape[0] // side, samples.shape[1] // side
    whole = samples[: rows * side, : columns * side].astype(np.float64)
    shape = (rows, side, columns, side, *samples.shape[2:])
    means: NDArray[np.float64] = whole.reshape(shape).mean(axis=(1, 3))
    return means


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("syntax", WAVELETS)
@pytest.mark.parametrize("halvings", [1, 2, 3])
def test_lower_resolutions_of_wavelets(kind: str, syntax: str, halvings: int) -> None:
    pixel = KINDS[kind]
    frame = _frame(pixel, syntax, noise=0)
    raster, done = decode_reduced(frame, halvings)
    assert done == halvings
    size = (-(-501 >> halvings), -(-389 >> halvings))
    assert raster.samples.shape[:2] == size == (raster.pixel.rows, raster.pixel.columns)
    assert raster.samples.dtype == decode(frame).samples.dtype
    # Samples of lower resolutions stand where every second one stood (ISO/IEC 15444-1 B.5)
    wanted = samples_of(pixel, 0)[:: 1 << halvings, :: 1 << halvings].astype(np.float64)
    error = np.abs(raster.samples.astype(np.float64) - wanted)
    assert error.mean() < (1 << pixel.bits_stored) * 0.01


@pytest.mark.parametrize("kind", ["8 bits", "12 bits", "12 bits, signed", "16 bits", "RGB"])
def test_both_engines_reduce_high_throughput_streams_alike(kind: str) -> None:
    frame = _frame(KINDS[kind], table.HTJ2K_LOSSLESS)
    lossy_says = Frame(frame.pixel, table.HTJ2K, frame.data)
    for halvings in (1, 2):
        exact, _ = decode_reduced(frame, halvings)
        other, _ = decode_reduced(lossy_says, halvings)
        assert np.array_equal(exact.samples, other.samples)


def test_no_more_halvings_than_the_codestream_has() -> None:
    frame = _frame(header(100, 80), table.HTJ2K_LOSSLESS)
    raster, done = decode_reduced(frame, 20)
    assert raster.samples.shape == (-(-100 >> done), -(-80 >> done))
    assert 1 <= done <= 5


def test_values_beyond_the_range_stay_at_its_ends() -> None:
    pixel = header(256, 256, 16)
    checks = (np.indices((256, 256)) // 3).sum(axis=0) % 2 * 65535
    data = bytes(imagecodecs.htj2k_encode(checks.astype(np.uint16), reversible=True))
    raster, _ = decode_reduced(Frame(pixel, table.HTJ2K_LOSSLESS, data), 1)
    other, _ = decode_reduced(Frame(pixel, table.HTJ2K, data), 1)
    assert np.array_equal(raster.samples, other.samples)


@pytest.mark.parametrize("colour", ["", "RGB"])
@pytest.mark.parametrize("halvings", [1, 2, 3, 4])
def test_baseline_jpeg_is_scaled_by_its_own_transform(colour: str, halvings: int) -> None:
    frame = _frame(header(501, 389, colour=colour), table.JPEG_BASELINE)
    raster, done = decode_reduced(frame, halvings)
    assert done == min(halvings, 3)
    assert raster.samples.shape[:2] == (-(-501 >> done), -(-389 >> done))
    whole = decode(frame)
    assert raster.pixel.photometric_interpretation == whole.pixel.photometric_interpretation
    wanted = _means(whole.samples, done)
    found = raster.samples[: wanted.shape[0], : wanted.shape[1]].astype(np.float64)
    assert np.abs(found - wanted).mean() < 4


@pytest.mark.parametrize("syntax", [table.RLE, table.JPEG_LS, table.JPEG_LOSSLESS_SV1])
def test_codings_without_resolutions_are_decoded_whole(syntax: str) -> None:
    frame = _frame(header(50, 60), syntax)
    raster, done = decode_reduced(frame, 2)
    assert done == 0
    assert np.array_equal(raster.samples, decode(frame).samples)


def test_a_cut_of_tiles_can_be_reduced() -> None:
    pixel = header(512, 512, 12)
    shifted = samples_of(pixel).astype(np.uint16) + np.uint16(32768 - 2048)
    stream = bytearray(imagecodecs.htj2k_encode(shifted, reversible=True, tile=(128, 128)))
    stream[42] = 11
    frame = Frame(pixel, table.HTJ2K_LOSSLESS, bytes(stream))
    smaller, left, top = cut(frame, Box(200, 300, 100, 100))
    part, done = decode_reduced(smaller, 2)
    whole, _ = decode_reduced(frame, 2)
    rows, columns = part.samples.shape
    place = whole.samples[top >> 2 : (top >> 2) + rows, left >> 2 : (left >> 2) + columns]
    assert done == 2
    assert np.array_equal(part.samples, place)


@pytest.mark.parametrize(
    "folder", ["ts/j2k-91", "ts/j2k-lossless-90", "ts/htj2k-201", "ts/jpeg-baseline-50"]
)
def test_every_frame_that_can_be_decoded_can_be_reduced(folder: str) -> None:
    for found in images_below(folder):
        frame = found.frame(found.numbers[0])
        raster, done = decode_reduced(frame, 2)
        whole = decode(frame).samples
        sizes = [-(-length >> done) for length in whole.shape[:2]]
        assert list(raster.samples.shape[:2]) == sizes, found.path.name
