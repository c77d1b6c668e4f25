"""Tables as numpy applies them, for comparison with pydicom."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dicomweb_server.model.rendering import LookupTable, Palette


def looked_up(values: NDArray[np.integer], table: LookupTable) -> NDArray[np.integer]:
    """Each value behind a table; those outside take its ends."""
    entries = np.frombuffer(table.entries, "<u2")
    index = np.clip(values.astype("i8") - table.first, 0, len(entries) - 1)
    found: NDArray[np.integer] = entries[index]
    return found


def coloured(values: NDArray[np.integer], palette: Palette) -> NDArray[np.integer]:
    """Each value in red, green and blue."""
    tables = (palette.red, palette.green, palette.blue)
    return np.stack([looked_up(values, table) for table in tables], axis=-1)
