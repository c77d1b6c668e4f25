"""Frames made of arrays, and pictures as arrays."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dicomweb_server.codec.render import render
from dicomweb_server.model.frame import Frame
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.media import EXPLICIT_LITTLE
from dicomweb_server.model.rendering import Appearance, LookupTable, Rendering, RenderOptions

Array = NDArray[np.generic]
Levels = NDArray[np.uint8]
PLAIN, AS_IS = Appearance(), RenderOptions()
FLOAT, DOUBLE = 0x7FE00008, 0x7FE00009


def frame_of(samples: Array, bits: int = 0, photometric: str = "", tag: int = 0x7FE00010) -> Frame:
    """A native frame of (rows, columns) or (rows, columns, samples)."""
    wide = 8 * samples.dtype.itemsize
    depth = samples.shape[2] if samples.ndim == 3 else 1
    pixel = PixelHeader(
        rows=samples.shape[0],
        columns=samples.shape[1],
        samples_per_pixel=depth,
        bits_allocated=wide,
        bits_stored=bits or wide,
        high_bit=(bits or wide) - 1,
        pixel_representation=int(samples.dtype.kind == "i"),
        planar_configuration=0,
        photometric_interpretation=photometric or ("MONOCHROME2" if depth == 1 else "RGB"),
        number_of_frames=1,
        tag=tag,
    )
    return Frame(pixel, EXPLICIT_LITTLE, samples.tobytes())


def shown(
    samples: Array | Frame,
    appearance: Appearance = PLAIN,
    options: RenderOptions = AS_IS,
) -> Levels:
    """What a frame looks like."""
    frame = samples if isinstance(samples, Frame) else frame_of(samples)
    return opened(render(frame, Rendering("image/png", appearance, options)))


def opened(picture: bytes) -> Levels:
    """A picture as (rows, columns) or (rows, columns, 3)."""
    return np.asarray(Image.open(BytesIO(picture)))


def table(first: int, bits: int, *entries: int) -> LookupTable:
    """A lookup table."""
    return LookupTable(first, bits, np.array(entries, "<u2").tobytes())


def signed_as(frame: Frame, representation: int) -> Frame:
    """The same bytes with another Pixel Representation."""
    return replace(frame, pixel=replace(frame.pixel, pixel_representation=representation))
