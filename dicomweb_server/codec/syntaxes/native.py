"""Native samples and those that are merely wrapped: little endian, bit-packed, subsampled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dicomweb_server.codec.failure import undecodable
from dicomweb_server.codec.raster import Samples, dtype_of, fitted, shape_of
from dicomweb_server.codec.table import container, is_float
from dicomweb_server.model.frame import Frame
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.media import ENCAPSULATED_UNCOMPRESSED, EXPLICIT_LITTLE

SYNTAXES = (EXPLICIT_LITTLE, ENCAPSULATED_UNCOMPRESSED)
_SUBSAMPLED = ("YBR_FULL_422", "YBR_PARTIAL_422")


def decode(frame: Frame) -> Samples:
    """Samples of a native frame; see PS3.5 8.1.1 for how they lie in its bytes.

    Raises:
        FrameUndecodable: There are fewer bytes than the description tells, or more than padding.
    """
    told, found = length_of(frame.pixel, len(frame.data)), len(frame.data)
    if found > told + 1:
        raise undecodable(f"it has {found} bytes, its description asks for {told}")
    return from_bytes(frame.data, frame.pixel)


def length_of(pixel: PixelHeader, found: int) -> int:
    """Bytes of one uncompressed frame.

    Args:
        pixel: Its description.
        found: Bytes that are there, which tell whether chroma is really subsampled.
    """
    bits = 8 * container(pixel) if is_float(pixel) else pixel.bits_allocated
    samples = 2 if is_subsampled(pixel, found) else pixel.samples_per_pixel
    return (pixel.rows * pixel.columns * samples * bits + 7) // 8


def from_bytes(data: bytes, pixel: PixelHeader) -> Samples:
    """Samples of uncompressed bytes.

    Args:
        data: Little endian; what lies behind the pixels is left alone.
        pixel: Tells how they lie.
    """
    return fitted(cells(data, pixel), pixel)


def cells(data: bytes, pixel: PixelHeader) -> Samples:
    """Cells as they lie in the bytes, unused bits included, one for each sample and by pixel.

    Args:
        data, pixel: As for `from_bytes`.
    """
    count = pixel.rows * pixel.columns * pixel.samples_per_pixel
    if is_float(pixel):
        _require(data, count * container(pixel))
        return np.frombuffer(data, dtype_of(pixel), count).reshape(shape_of(pixel))
    if is_subsampled(pixel, len(data)):
        return _expanded(data, pixel)
    if pixel.bits_allocated != 8 * container(pixel):
        flat = _unpacked(data, pixel.bits_allocated, count)
    else:
        _require(data, count * container(pixel))
        flat = np.frombuffer(data, f"<u{container(pixel)}", count)
    return interleaved(flat, pixel, planar=bool(pixel.planar_configuration))


def interleaved(flat: Samples, pixel: PixelHeader, *, planar: bool) -> Samples:
    """Samples in the shape of a frame, taken from one that lies by plane or by pixel."""
    shape = shape_of(pixel)
    if pixel.samples_per_pixel > 1 and planar:
        planes = flat.reshape(pixel.samples_per_pixel, pixel.rows, pixel.columns)
        return np.ascontiguousarray(np.moveaxis(planes, 0, -1))
    return flat.reshape(shape)


def is_subsampled(pixel: PixelHeader, length: int) -> bool:
    """Whether chroma is there for every second column only (PS3.3 C.7.6.3.1.2).

    Data sets that say so with all samples in place are common; the length tells them apart.
    """
    subsampled = pixel.samples_per_pixel == 3 and pixel.photometric_interpretation in _SUBSAMPLED
    full = pixel.rows * pixel.columns * 3 * container(pixel)
    return subsampled and not pixel.planar_configuration and length < full


def _require(data: bytes, length: int) -> None:
    if len(data) < length:
        raise undecodable(f"it has {len(data)} bytes, its description asks for {length}")


def _unpacked(data: bytes, bits: int, count: int) -> Samples:
    """Cells that do not fill bytes, lowest bit first (PS3.5 8.1.1 and Annex D)."""
    _require(data, (bits * count + 7) // 8)
    single: NDArray[np.uint8] = np.unpackbits(
        np.frombuffer(data, np.uint8, (bits * count + 7) // 8),
        count=bits * count,
        bitorder="little",
    )
    if bits == 1:
        return single
    size = 1 if bits < 8 else 2 if bits < 16 else 4 if bits < 32 else 8
    wide = np.zeros((count, 8 * size), np.uint8)
    wide[:, :bits] = single.reshape(count, bits)
    packed = np.packbits(wide, axis=1, bitorder="little")
    return packed.reshape(-1).view(f"<u{size}")


def _expanded(data: bytes, pixel: PixelHeader) -> Samples:
    """Y1 Y2 Cb Cr for two pixels become Y1 Cb Cr, Y2 Cb Cr."""
    pairs = pixel.rows * pixel.columns // 2
    if pixel.columns % 2:
        raise undecodable("its chroma is subsampled, but Columns is odd")
    _require(data, pairs * 4 * container(pixel))
    source = np.frombuffer(data, f"<u{container(pixel)}", pairs * 4).reshape(pairs, 4)
    found = np.zeros((pairs, 2, 3), source.dtype)
    found[:, :, 0] = source[:, :2]
    found[:, :, 1] = source[:, 2:3]
    found[:, :, 2] = source[:, 3:]
    return found.reshape(pixel.rows, pixel.columns, 3)


def encode(samples: Samples, pixel: PixelHeader) -> bytes:
    """Bytes of native samples, by pixel and without padding; single bits are packed.

    Args:
        samples: In the shape and type of `pixel`.
        pixel: What is to be encoded.
    """
    if pixel.bits_allocated == 1:
        return np.packbits(samples.astype(np.uint8, copy=False), bitorder="little").tobytes()
    return samples.tobytes()
