"""Windows: values of interest spread over 0 to 1 (PS3.3 C.11.2.1.2, C.11.2.1.3)."""

from __future__ import annotations

import numpy as np

from dicomweb_server.codec.render.arrays import Floats
from dicomweb_server.codec.render.tables import Table
from dicomweb_server.model.rendering import Window, WindowFunction


def windowed(values: Floats, window: Window) -> Floats:
    """Shares 0 to 1 of values by a window; widths that the function does not allow become steps."""
    if window.function is WindowFunction.SIGMOID:
        return _sigmoid(values, window)
    if window.function is WindowFunction.LINEAR_EXACT:
        return _ramp(values, window.center, window.width)
    return _ramp(values, window.center - 0.5, window.width - 1)


def stretched(values: Floats, least: float, greatest: float) -> Floats:
    """Shares 0 to 1 of values between two of them; the least one where both are the same."""
    return _ramp(values, least + (greatest - least) / 2, greatest - least)


def through_table(values: Floats, table: Table) -> Floats:
    """Shares 0 to 1 of values by a VOI LUT."""
    return table.at(values) / table.top


def _ramp(values: Floats, center: float, width: float) -> Floats:
    """0 up to half the width before the center, 1 behind half the width after it."""
    if not width > 0:
        return np.where(values > center, 1.0, 0.0)
    return np.clip((values - center) / width + 0.5, 0.0, 1.0)


def _sigmoid(values: Floats, window: Window) -> Floats:
    """The sigmoid curve; its exponent is bounded so that nothing overflows."""
    if not window.width > 0:
        return np.where(values > window.center, 1.0, 0.0)
    exponents = np.clip(-4 * (values - window.center) / window.width, -700, 700)
    shares: Floats = 1 / (1 + np.exp(exponents))
    return shares
