"""Decoded pixels of one frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dicomweb_server.codec.table import container, is_float
from dicomweb_server.model.instance import PixelHeader

Samples: TypeAlias = NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Raster:
    """Stored values of one frame as they were decoded, without conversion of colour.

    Args:
        pixel: Describes exactly these samples; its Photometric Interpretation is what the samples
            are, which may differ from what a data set said that did not fit its codestream.
        samples: (rows, columns) or (rows, columns, samples); little endian, signed or unsigned as
            `pixel` tells; 0 and 1 for single bits. May be read-only.
    """

    pixel: PixelHeader
    samples: Samples


def dtype_of(pixel: PixelHeader) -> np.dtype[np.generic]:
    """The type of one sample."""
    size = container(pixel)
    if is_float(pixel):
        return np.dtype(f"<f{size}")
    return np.dtype(f"<{'i' if pixel.pixel_representation else 'u'}{size}")


def shape_of(pixel: PixelHeader) -> tuple[int, ...]:
    """The shape of one frame."""
    size = (pixel.rows, pixel.columns)
    return size if pixel.samples_per_pixel == 1 else (*size, pixel.samples_per_pixel)


def fitted(cells: Samples, pixel: PixelHeader) -> Samples:
    """Samples from cells: unused bits removed, signs extended.

    Args:
        cells: Unsigned cells of the container's size, or floating point numbers.
        pixel: Tells Bits Stored and High Bit of the cells.
    """
    if is_float(pixel):
        return cells
    wide = 8 * container(pixel)
    stored = pixel.bits_stored if 0 < pixel.bits_stored <= wide else wide
    high = pixel.high_bit if stored - 1 <= pixel.high_bit < wide else stored - 1
    if pixel.bits_allocated == 1 or (stored == wide and high == wide - 1):
        return cells.view(dtype_of(pixel))
    unsigned = cells.view(f"<u{container(pixel)}")
    raised = np.left_shift(unsigned, unsigned.dtype.type(wide - 1 - high)).view(dtype_of(pixel))
    shift = raised.dtype.type(wide - stored)
    return np.right_shift(raised, shift)  # type: ignore[no-any-return] # integers


def narrowed(cells: Samples, pixel: PixelHeader, bits: int) -> Samples:
    """Samples whose sign was lost or made up by a codestream get the sign of their data set.

    Args:
        cells: Integers of any size.
        pixel: Of decoded pixels; tells container and sign.
        bits: Bits of a sample in the codestream, of which the highest is the sign.
    """
    wide = 8 * container(pixel)
    words = cells.astype(f"<u{container(pixel)}", copy=False)
    if bits >= wide:
        return words.view(dtype_of(pixel))
    shift = words.dtype.type(wide - bits)
    raised = np.left_shift(words, shift).view(dtype_of(pixel))
    return np.right_shift(raised, raised.dtype.type(wide - bits))  # type: ignore[no-any-return] # integers


def laid_out(samples: Samples) -> Samples:
    """Samples one behind the other, with strides that tell so.

    Codecs compare strides with the shape, and arrays with an axis of length 1 may have any.
    """
    plain = np.ascontiguousarray(samples)
    if 1 not in plain.shape:
        return plain
    return np.frombuffer(plain.tobytes(), plain.dtype).reshape(plain.shape)


def compact(samples: Samples, bits: int) -> Samples:
    """Samples in single bytes where that many bits fit into them."""
    if bits > 8 or samples.dtype.itemsize == 1:
        return samples
    return samples.astype(f"{samples.dtype.kind}1")
