"""OpenJPH by way of imagecodecs, with its failures told."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import imagecodecs

from dicomweb_server.codec.raster import Samples


class DamagedStream(Exception):
    """OpenJPH gave up on a codestream."""


def decode(stream: bytes, halvings: int = 0) -> Samples:
    """Decode a High-Throughput JPEG 2000 codestream.

    Args:
        stream: A whole codestream: OpenJPH says nothing about missing ends.
        halvings: Resolutions to leave out.

    Raises:
        DamagedStream: It cannot be decoded; other errors of imagecodecs are left as they are.
    """
    with _heard():
        cells: Samples = imagecodecs.htj2k_decode(stream, planar=False, skipres=halvings)
    return cells


@contextmanager
def _heard() -> Iterator[None]:
    """Raise what happens inside of loops without exceptions, where imagecodecs only reports it.

    The samples would be whatever lay in memory before. Codecs run one job at a time in a process
    of their own, so the hook of the interpreter may be borrowed.
    """
    failures: list[str] = []
    before = sys.unraisablehook
    sys.unraisablehook = lambda told: failures.append(str(told.exc_value))
    try:
        yield
    finally:
        sys.unraisablehook = before
    if failures:
        raise DamagedStream(failures[0])
