"""JPEG 2000 and High-Throughput JPEG 2000 (ISO/IEC 15444-1, -2, -15)."""

from __future__ import annotations

import imagecodecs
import numpy as np
from openjpeg.utils import decode as second_opinion

from dicomweb_server.codec import declared, openjph, tiles
from dicomweb_server.codec.declared import Coding, Declared
from dicomweb_server.codec.failure import decoding
from dicomweb_server.codec.raster import Samples, compact, dtype_of, laid_out, narrowed
from dicomweb_server.codec.table import (
    HTJ2K,
    HTJ2K_LOSSLESS,
    HTJ2K_RPCL,
    J2K,
    J2K_LOSSLESS,
    J2K_PART2,
    J2K_PART2_LOSSLESS,
    decoded,
)
from dicomweb_server.errors import FrameUndecodable
from dicomweb_server.model.frame import Frame, Target
from dicomweb_server.model.instance import PixelHeader

SYNTAXES = (
    J2K_LOSSLESS,
    J2K,
    J2K_PART2_LOSSLESS,
    J2K_PART2,
    HTJ2K_LOSSLESS,
    HTJ2K_RPCL,
    HTJ2K,
)
_EXACT = (HTJ2K_LOSSLESS, HTJ2K_RPCL)
_THREADS = 2
_LARGE = 512 * 512
"""Pixels from which a second thread is worth its while."""
SSIZ = 42
"""Offset of the bits of the first component in a codestream; each has three bytes."""
_SMALLEST = 64
"""Width and height that the lowest resolution has at the most (PS3.5 10.18)."""


def decode(frame: Frame) -> Samples:
    """Samples of a JPEG 2000 frame; its transform of components is undone.

    Raises:
        FrameUndecodable: It is damaged, or something else than its data set says.
    """
    found = declared.jpeg2000(frame.data)
    declared.require_same(found, frame.pixel)
    pixel = decoded(frame.transfer_syntax, frame.pixel)
    bare = frame.data[found.start :] if found.start else frame.data
    cells = _cells(bare, found, exact=frame.transfer_syntax in _EXACT)
    return signed_as(cells, pixel, found)


def signed_as(cells: Samples, pixel: PixelHeader, found: Declared) -> Samples:
    """Samples with the sign that their data set tells."""
    if found.signed == bool(pixel.pixel_representation):
        return cells.astype(dtype_of(pixel), copy=False)
    return narrowed(cells, pixel, found.bits)


def _cells(data: bytes, found: Declared, *, exact: bool) -> Samples:
    """Decode with the fastest engine that is right for a codestream, else with the other one."""
    # OpenJPH wraps values beyond the range of samples, which only lossless streams never have
    if found.coding is Coding.HTJ2K and found.reversible and exact:
        tiles.require_whole(data)
        try:
            return _shaped(openjph.decode(data), found)
        except Exception:  # noqa: BLE001, S110 - whatever it is, the other engine has its say
            pass
    try:
        threads = _THREADS if found.rows * found.columns >= _LARGE else 1
        return _shaped(imagecodecs.jpeg2k_decode(data, numthreads=threads), found)
    except Exception:  # noqa: BLE001 - as above
        with decoding(found.coding.value):
            return _shaped(second_opinion(data), found)


def _shaped(cells: Samples, found: Declared) -> Samples:
    size = (found.rows, found.columns)
    return cells.reshape(size if found.samples == 1 else (*size, found.samples))


def encode(samples: Samples, pixel: PixelHeader, target: Target) -> bytes:
    """A JPEG 2000 codestream without boxes; RGB goes through the transform of components.

    Args:
        samples: In the shape and type of `pixel`.
        pixel: What is to be encoded, before colour is transformed.
        target: Tells the coding, and the quality of a lossy one.
    """
    whole = laid_out(compact(samples, precision(samples, pixel)))
    if target.transfer_syntax in (HTJ2K_LOSSLESS, HTJ2K_RPCL, HTJ2K):
        return _high_throughput(whole, pixel, target)
    lossy = target.transfer_syntax == J2K
    return bytes(
        imagecodecs.jpeg2k_encode(
            whole,
            decibels(target.quality) if lossy else 0,
            codecformat="J2K",
            bitspersample=precision(whole, pixel),
            resolutions=levels(pixel) + 1,
            reversible=not lossy,
            mct=pixel.photometric_interpretation == "RGB",
            numthreads=_THREADS if pixel.rows * pixel.columns >= _LARGE else 1,
        )
    )


def decibels(quality: int) -> int:
    """The ratio of peak signal to noise that a quality stands for: 30 to 60."""
    return 30 + 30 * quality // 100


def levels(pixel: PixelHeader) -> int:
    """Decompositions after which width and height are no more than 64."""
    longest, count = max(pixel.rows, pixel.columns), 1
    while longest > _SMALLEST << count:
        count += 1
    return max(count, 5) if min(pixel.rows, pixel.columns) >= 1 << 5 else count


def precision(samples: Samples, pixel: PixelHeader) -> int:
    """Bits Stored, or the whole container where a sample does not keep to them."""
    bits = pixel.bits_stored
    low = -(1 << (bits - 1)) if pixel.pixel_representation else 0
    if int(samples.min()) < low or int(samples.max()) >= low + (1 << bits):
        return 8 * samples.dtype.itemsize
    return bits


def _high_throughput(samples: Samples, pixel: PixelHeader, target: Target) -> bytes:
    """Encode with OpenJPH, which takes whole containers only.

    The header then gets the precision that samples really have. Unsigned ones are moved in front
    of the reversible coding, so that the encoder's level shift by half a container becomes theirs
    (ISO/IEC 15444-1 G.1); the irreversible coding works on parts of the range (E.1), so samples
    are raised to fill the container.
    """
    bits, wide = precision(samples, pixel), 8 * samples.dtype.itemsize
    lossy = target.transfer_syntax == HTJ2K
    moved = samples
    if lossy:
        moved = np.left_shift(samples, samples.dtype.type(wide - bits))
    elif bits < wide and not pixel.pixel_representation:
        shift = (1 << (wide - 1)) - (1 << (bits - 1))
        moved = np.add(samples, samples.dtype.type(shift))
    stream = _coded(moved, pixel, target, levels(pixel))
    if not lossy and not _gives(stream, moved):
        # Releases of the engine differ in what they do with images of one row or column.
        stream = _coded(moved, pixel, target, 0)
        if target.transfer_syntax == HTJ2K_RPCL or not _gives(stream, moved):
            raise FrameUndecodable("the codec does not keep every bit of this frame")
    for component in range(pixel.samples_per_pixel):
        stream[SSIZ + 3 * component] = stream[SSIZ + 3 * component] & 0x80 | bits - 1
    return bytes(stream)


def _coded(samples: Samples, pixel: PixelHeader, target: Target, count: int) -> bytearray:
    """The codestream of samples that fill their container, with so many decompositions."""
    lossy = target.transfer_syntax == HTJ2K
    parts = imagecodecs.HTJ2K.TILEPART.RESOLUTIONS
    return bytearray(
        imagecodecs.htj2k_encode(
            samples,
            step(target.quality) if lossy else None,
            rgb=pixel.photometric_interpretation == "RGB",
            planar=False,
            resolutions=count,
            reversible=not lossy,
            tlm=True,
            tilepart=parts if target.transfer_syntax == HTJ2K_RPCL else None,
        )
    )


def _gives(stream: bytearray, samples: Samples) -> bool:
    """Whether a codestream decodes to exactly these samples."""
    try:
        return openjph.decode(bytes(stream)).tobytes() == samples.tobytes()
    except openjph.DamagedStream:
        return False


def step(quality: int) -> float:
    """The step of quantisation that a quality stands for, as a part of the range of samples."""
    return float(10 ** (-(decibels(quality) - 8) / 20))
