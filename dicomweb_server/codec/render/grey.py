"""The grey pipeline: stored values to 8-bit levels (PS3.4 N.2, PS3.3 C.11.1, C.11.2, C.11.6)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dicomweb_server.codec.raster import Samples
from dicomweb_server.codec.render.arrays import Floats, Levels, apply_curve, numbers
from dicomweb_server.codec.render.tables import Table, read_table
from dicomweb_server.codec.render.voi import stretched, through_table, windowed
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.rendering import Appearance, LookupTable, Rescale, Window

_TINY = 1e-6
"""Keeps levels that are whole numbers from being rounded down by the last bit of a float."""


def grey_levels(
    samples: Samples, pixel: PixelHeader, appearance: Appearance, window: Window | None
) -> Levels:
    """Levels 0 to 255 of one frame.

    Args:
        samples: Stored values (rows, columns), unused bits off.
        pixel: Their description.
        appearance: How they are meant to look.
        window: Instead of the one of the appearance.
    """
    bounds = bounds_of(samples)
    voi = window or appearance.voi
    limits = (0.0, 1.0)
    if voi is None:
        limits = _limits(samples, bounds, pixel, appearance)
    return apply_curve(samples, *bounds, curve_of(pixel, appearance, window, limits))


def curve_of(
    pixel: PixelHeader,
    appearance: Appearance,
    window: Window | None,
    limits: tuple[float, float],
) -> GreyCurve:
    """The curve of an appearance.

    Args:
        pixel, appearance, window: As for `grey_levels`.
        limits: What is shown where there is no window.
    """
    modality, voi = appearance.modality, window or appearance.voi
    return GreyCurve(
        modality=read_table(modality) if isinstance(modality, LookupTable) else modality,
        voi=read_table(voi) if isinstance(voi, LookupTable) else voi,
        limits=limits,
        presentation=read_table(appearance.presentation) if appearance.presentation else None,
        inverse=appearance.inverse,
        padding=stored_padding(appearance.padding, pixel),
    )


@dataclass(frozen=True, slots=True)
class GreyCurve:
    """Level of each stored value.

    Args:
        modality: Modality transformation.
        voi: Values of interest.
        limits: Values behind the modality transformation that are shown where `voi` is None.
        presentation: Presentation LUT.
        inverse: Whether the least value is white.
        padding: Stored values that are no image.
    """

    modality: Rescale | Table | None
    voi: Window | Table | None
    limits: tuple[float, float]
    presentation: Table | None
    inverse: bool
    padding: tuple[float, float] | None

    def __call__(self, stored: Floats) -> Levels:
        """Levels of stored values; what is no number is the darkest, as padding is.

        Fractions of a level are cut off, as the standard leaves open and others do.
        """
        shares = self._shares(modality_values(stored, self.modality))
        if self.presentation is not None:
            shares = self.presentation.spread(shares) / self.presentation.top
        if self.inverse:
            shares = 1 - shares
        dark = np.isnan(shares)
        if self.padding is not None:
            dark |= (stored >= self.padding[0]) & (stored <= self.padding[1])
        return np.where(dark, 0, np.clip(shares, 0, 1) * 255 + _TINY).astype(np.uint8)

    def _shares(self, values: Floats) -> Floats:
        if self.voi is None:
            return stretched(values, *self.limits)
        if isinstance(self.voi, Table):
            return through_table(values, self.voi)
        return windowed(values, self.voi)


def modality_values(stored: Floats, modality: Rescale | Table | None) -> Floats:
    """Values behind the modality transformation."""
    if modality is None:
        return stored
    if isinstance(modality, Table):
        return modality.at(stored)
    return stored * modality.slope + modality.intercept


def stored_padding(
    padding: tuple[float, float] | None, pixel: PixelHeader
) -> tuple[float, float] | None:
    """Padding as stored values; unsigned numbers for signed pixels are read as the same bits."""
    if padding is None:
        return None
    low, high = padding
    if pixel.pixel_representation == 1 and 0 < pixel.bits_stored <= 32:
        half, full = 1 << (pixel.bits_stored - 1), 1 << pixel.bits_stored
        low, high = (each - full if half <= each < full else each for each in padding)
    return min(low, high), max(low, high)


def bounds_of(samples: Samples) -> tuple[float, float]:
    """Least and greatest number among the samples; 0 and 0 where there is none."""
    if samples.dtype.kind != "f":
        values = numbers(samples)
        return (float(values.min()), float(values.max())) if samples.size else (0.0, 0.0)
    finite = np.isfinite(samples)
    if not finite.any():
        return 0.0, 0.0
    image = numbers(samples[finite])
    return float(image.min()), float(image.max())


def _limits(
    samples: Samples, bounds: tuple[float, float], pixel: PixelHeader, appearance: Appearance
) -> tuple[float, float]:
    """What is shown where nothing tells: from the least to the greatest value that is image."""
    if pixel.bits_stored == 1:
        return 0.0, 1.0
    used = _used(samples, bounds, stored_padding(appearance.padding, pixel), appearance.modality)
    modality = appearance.modality
    table = read_table(modality) if isinstance(modality, LookupTable) else modality
    values = modality_values(used, table)
    return float(values.min()), float(values.max())


def _used(
    samples: Samples,
    bounds: tuple[float, float],
    padding: tuple[float, float] | None,
    modality: Rescale | LookupTable | None,
) -> Floats:
    """Stored values that are image: their ends, or all where a table comes behind them."""
    image = samples
    if padding is not None and padding[0] <= bounds[1] and bounds[0] <= padding[1]:
        values = numbers(samples)
        kept = samples[(values < padding[0]) | (values > padding[1])]
        image = kept if kept.size else samples
    if isinstance(modality, LookupTable):
        return np.unique(image).astype(np.float64)
    return np.array(bounds if image is samples else bounds_of(image), np.float64)
