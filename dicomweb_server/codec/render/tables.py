"""Lookup tables of modality, VOI, presentation and palettes (PS3.3 C.11.1.1, C.11.2.1, C.7.9)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dicomweb_server.codec.render.arrays import Floats, Levels
from dicomweb_server.model.rendering import LookupTable, Palette


@dataclass(frozen=True, slots=True)
class Table:
    """A lookup table that can be indexed by anything.

    Args:
        first: Value of the first entry.
        top: Greatest output that the bits of an entry allow.
        entries: At least one.
    """

    first: int
    top: float
    entries: Floats

    def at(self, values: Floats) -> Floats:
        """Entries of values; those below or behind the table take its ends, no number the first."""
        places = np.rint(np.nan_to_num(values, nan=self.first)) - self.first
        return self._entries(places)

    def spread(self, parts: Floats) -> Floats:
        """Entries of shares 0 to 1 of the table."""
        places = np.floor(parts * (self.entries.size - 1) + 1e-9)
        return self._entries(places)

    def _entries(self, places: Floats) -> Floats:
        kept = np.clip(places, 0, self.entries.size - 1).astype(np.int64)
        return np.take(self.entries, kept)


def read_table(table: LookupTable) -> Table:
    """Make entries of bytes.

    Bits that are too few for the entries are taken as a mistake: as many as the greatest entry
    needs count.
    """
    whole = table.entries[: len(table.entries) // 2 * 2]
    entries = np.frombuffer(whole, "<u2") if whole else np.zeros(1, "<u2")
    bits = max(min(table.bits, 16), 1, int(entries.max()).bit_length())
    return Table(table.first, float((1 << bits) - 1), entries.astype(np.float64))


def palette_levels(palette: Palette, values: Floats) -> Levels:
    """RGB of palette indexes, one row of three each.

    Args:
        palette: Red, green and blue tables; of 16-bit entries the upper 8 bits count, unless not
            one of them uses these (a common mistake: 8-bit entries told as 16-bit ones).
        values: Indexes.
    """
    tables = [read_table(each) for each in (palette.red, palette.green, palette.blue)]
    top = max(each.top for each in tables)
    if max(float(each.entries.max()) for each in tables) <= 255:
        top = 255.0
    result = np.zeros((values.size, 3), np.uint8)
    for channel, table in enumerate(tables):
        entries = table.at(values)
        result[:, channel] = entries * 255 // top if top <= 255 else entries // ((top + 1) / 256)
    return result
