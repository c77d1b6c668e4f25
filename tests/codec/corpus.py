"""Frames of real files, and what pydicom makes of them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.pixels.utils import pixel_array

from dicomweb_server.codec.raster import Samples
from dicomweb_server.errors import InstanceRejected
from dicomweb_server.model.frame import Frame
from dicomweb_server.model.instance import ScannedInstance
from tests.data import files_below
from tests.dicom import scans

_MOST_PIXELS = 4_000_000
"""Pixels of a file up to which each of its frames is looked at."""


@dataclass(frozen=True)
class Images:
    """Frames of one file that are looked at.

    Args:
        path: The file.
        instance: What the scan found.
        numbers: Frame numbers, from 1 on.
        data: The bytes that offsets refer to.
    """

    path: Path
    instance: ScannedInstance
    numbers: tuple[int, ...]
    data: bytes

    def frame(self, number: int) -> Frame:
        """One frame as codecs get it."""
        assert self.instance.pixel is not None
        syntax = self.instance.transfer_syntax
        return Frame(self.instance.pixel, syntax, scans.frame(self.data, self.instance, number))


def images_below(folder: str) -> Iterator[Images]:
    """Files with pixels below a folder of valid files."""
    for path in files_below(f"valid/{folder}"):
        found = images(path)
        if found is not None:
            yield found


def images(path: Path) -> Images | None:
    """A file's frames; None where it has no pixels."""
    data = path.read_bytes()
    try:
        instance = scans.scanned(data)
    except InstanceRejected:
        return None
    if instance.pixel is None or instance.frames is None:
        return None
    count = instance.frames.count
    numbers = tuple(range(1, count + 1))
    if instance.pixel.rows * instance.pixel.columns * count > _MOST_PIXELS:
        numbers = tuple(sorted({1, (count + 1) // 2, count}))
    return Images(path, instance, numbers, scans.plain(data, instance))


def by_pydicom(path: Path, number: int) -> Samples:
    """Pixels of a frame as pydicom decodes them, without conversion of colour."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: Samples = np.asarray(pixel_array(dcmread(path), raw=True, index=number - 1))
    return found
