"""The arrays that pictures are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
from numpy.typing import NDArray

from dicomweb_server.codec.raster import Samples

Floats = NDArray[np.float64]
"""Values in the middle of the grey pipeline."""

Levels = NDArray[np.uint8]
"""What a screen shows: (rows, columns) grey or (rows, columns, 3) RGB."""

WORDS = 65536
"""Different values of 16 bits."""

_CHUNK = 1 << 16
"""Values that are computed at once where no table can be used."""


def apply_curve(samples: Samples, least: float, greatest: float, curve: Curve) -> Levels:
    """Put every value through a curve.

    Where the values span no more than 16 bits the curve is computed once for each value that there
    can be and the pixels index that table; else it is computed in pieces, so memory stays small.

    Args:
        samples: Stored values of any shape.
        least, greatest: Bounds of the samples.
        curve: Levels of values; called with one-dimensional arrays.
    """
    if samples.dtype.kind in "iu" and greatest - least < WORDS:
        values = np.arange(int(least), int(greatest) + 1)
        return look_up(samples, values, curve(values.astype(np.float64)))
    flat = samples.reshape(-1)
    pieces = [
        curve(flat[start : start + _CHUNK].astype(np.float64))
        for start in range(0, flat.size, _CHUNK)
    ]
    levels: Levels = np.concatenate(pieces).reshape((*samples.shape, *pieces[0].shape[1:]))
    return levels


def look_up(samples: Samples, values: NDArray[np.int64], levels: Levels) -> Levels:
    """Levels of integer samples by a table.

    Args:
        samples: Integers, all of them in `values`.
        values: Ascending integers without gaps, at most 65536.
        levels: What each of them becomes; more than one dimension for colours.
    """
    if samples.dtype.itemsize > 2:
        return _taken(levels, samples, int(values[0]))
    words = _words(samples)
    table = np.zeros((1 << 8 * words.dtype.itemsize, *levels.shape[1:]), np.uint8)
    table[values.astype(words.dtype)] = levels
    return _taken(table, words, 0)


def _taken(table: Levels, samples: Samples, first: int) -> Levels:
    """Entries of a table, piece by piece: numpy widens indexes to 64 bits."""
    flat = numbers(samples.reshape(-1))
    result = np.zeros((flat.size, *table.shape[1:]), np.uint8)
    for start in range(0, flat.size, _CHUNK):
        piece = flat[start : start + _CHUNK]
        places = piece.astype(np.int64) - first if first else piece
        np.take(table, places, axis=0, out=result[start : start + piece.size], mode="clip")
    return result.reshape((*samples.shape, *table.shape[1:]))


def numbers(samples: Samples) -> NDArray[np.int64]:
    """The same array, told to be of numbers: what comparisons need to know, not what it is."""
    return cast("NDArray[np.int64]", samples)


def _words(samples: Samples) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The bits of integers of 8 or 16 bits, without their sign."""
    return samples.view(np.uint8) if samples.dtype.itemsize == 1 else samples.view(np.uint16)


Curve = Callable[[Floats], Levels]
"""Levels of stored values; one more dimension for colours."""
