"""Made-up frames for tests of codecs: smooth shapes with noise, over the whole range of values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dicomweb_server.codec.raster import Raster, Samples, dtype_of
from dicomweb_server.codec.syntaxes.native import encode
from dicomweb_server.model.frame import Frame
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.media import EXPLICIT_LITTLE

PIXEL_DATA = 0x7FE00010


def header(
    rows: int,
    columns: int,
    bits: int = 8,
    allocated: int = 0,
    *,
    signed: bool = False,
    colour: str = "",
) -> PixelHeader:
    """A description of grey pixels, or of colour where one is named."""
    return PixelHeader(
        rows=rows,
        columns=columns,
        samples_per_pixel=3 if colour and colour != "PALETTE COLOR" else 1,
        bits_allocated=allocated or (1 if bits == 1 else 8 if bits <= 8 else 16),
        bits_stored=bits,
        high_bit=bits - 1,
        pixel_representation=int(signed),
        planar_configuration=0,
        photometric_interpretation=colour or "MONOCHROME2",
        number_of_frames=1,
        tag=PIXEL_DATA,
    )


def samples_of(pixel: PixelHeader, noise: float = 0.01) -> Samples:
    """Waves with noise from the lowest to the highest value, the same ones at each call."""
    rows, columns, bits = pixel.rows, pixel.columns, pixel.bits_stored
    top = (1 << bits) - 1
    y, x = np.mgrid[:rows, :columns]
    waves = (np.sin(x / 29) + np.cos(y / 23) + 2) / 4 * top
    grain = np.random.default_rng(7).normal(0, noise * top, (rows, columns))
    plane: NDArray[np.float64] = np.clip(np.rint(waves + grain), 0, top)
    plane.flat[0], plane.flat[-1] = 0, top
    whole = plane
    if pixel.samples_per_pixel == 3:
        whole = np.stack([plane, plane[::-1], top - plane], axis=2)
    low = 1 << (bits - 1) if pixel.pixel_representation else 0
    return (whole - low).astype(dtype_of(pixel))


def raster_of(pixel: PixelHeader, noise: float = 0.01) -> Raster:
    """Made-up pixels."""
    return Raster(pixel, samples_of(pixel, noise))


def native_frame(pixel: PixelHeader, noise: float = 0.01) -> Frame:
    """Made-up pixels as a native frame."""
    return Frame(pixel, EXPLICIT_LITTLE, encode(samples_of(pixel, noise), pixel))


def peak_to_noise(found: Samples, wanted: Samples, bits: int) -> float:
    """Ratio of peak signal to noise in decibels; 200 where both are equal."""
    error = float(((found.astype(np.float64) - wanted.astype(np.float64)) ** 2).mean())
    return 200.0 if not error else float(10 * np.log10(((1 << bits) - 1) ** 2 / error))
