"""Pictures as bytes of a media type."""

from __future__ import annotations

import struct
from collections.abc import Callable
from io import BytesIO

import imagecodecs
import numpy as np
from PIL import Image

from dicomweb_server.codec.render.arrays import Levels
from dicomweb_server.codec.render.containers import in_jph, with_chunk, with_segments
from dicomweb_server.codec.syntaxes.jpeg2000 import decibels
from dicomweb_server.errors import FrameUndecodable
from dicomweb_server.model.rendering import RAW_PICTURE

QUALITY = 90
"""Where a request does not say."""
_FULL_CHROMA = 90
"""From this quality on colours have the resolution of brightness."""
_PNG_GREY = {"level": 1, "strategy": 3, "filter": 16}
"""Runs of differences to the left neighbour: for grey images as small as deflate, and faster."""
_PNG_COLOUR = {"level": 1}
_WEBP_SIDE = 16383
_WEBP_EFFORT = 2


def write_picture(
    picture: Image.Image, media_type: str, quality: int | None, profile: bytes = b""
) -> bytes:
    """Encode a picture.

    Args:
        picture: Grey or RGB.
        media_type: As in Rendering; image/jph is always lossless, image/jp2 at quality 100.
        quality: 1 to 100 for lossy media types.
        profile: ICC profile for image/jpeg, image/png and image/webp; empty for none.

    Raises:
        FrameUndecodable: It is not known, or the picture is too large for it.
    """
    writer = _WRITERS.get(media_type)
    if writer is None:
        raise FrameUndecodable(f"pictures of type {media_type} are not made")
    return writer(picture, min(max(quality or QUALITY, 1), 100), profile)


def _jpeg(picture: Image.Image, quality: int, profile: bytes) -> bytes:
    levels = np.asarray(picture)
    if levels.ndim == 2:
        data = imagecodecs.jpeg8_encode(levels, level=quality)
    else:
        chroma = "444" if quality >= _FULL_CHROMA else "420"
        data = imagecodecs.jpeg8_encode(levels, level=quality, subsampling=chroma)
    return with_segments(bytes(data), profile)


def _png(picture: Image.Image, _quality: int, profile: bytes) -> bytes:
    way = _PNG_GREY if picture.mode == "L" else _PNG_COLOUR
    data = bytes(imagecodecs.png_encode(np.asarray(picture), **way))
    return with_chunk(data, profile)


def _jp2(picture: Image.Image, quality: int, _profile: bytes) -> bytes:
    levels = np.asarray(picture)
    level = 0 if quality == 100 else decibels(quality)
    return bytes(
        imagecodecs.jpeg2k_encode(
            levels,
            level=level,
            codecformat="jp2",
            reversible=level == 0,
            resolutions=_resolutions(levels),
            numthreads=1,
        )
    )


def _jph(picture: Image.Image, _quality: int, _profile: bytes) -> bytes:
    levels = np.ascontiguousarray(np.asarray(picture))
    resolutions = _resolutions(levels) - 1
    code = imagecodecs.htj2k_encode(
        levels, reversible=True, resolutions=resolutions, rgb=levels.ndim == 3
    )
    return in_jph(bytes(code), picture.width, picture.height, len(picture.getbands()))


def _resolutions(levels: Levels) -> int:
    """Resolution levels so that the smallest still has pixels."""
    shorter = min(levels.shape[0], levels.shape[1])
    return max(1, min(6, int(shorter).bit_length()))


def _gif(picture: Image.Image, _quality: int, _profile: bytes) -> bytes:
    return _saved(picture, "GIF")


def _webp(picture: Image.Image, quality: int, profile: bytes) -> bytes:
    if max(picture.size) > _WEBP_SIDE:
        raise FrameUndecodable(
            f"image/webp has {_WEBP_SIDE} pixels a side at the most",
            "ask for a smaller picture with viewport=width,height",
        )
    return _saved(picture, "WEBP", quality=quality, method=_WEBP_EFFORT, icc_profile=profile)


def _saved(picture: Image.Image, name: str, **options: int | bytes) -> bytes:
    target = BytesIO()
    picture.save(target, name, **options)
    return target.getvalue()


def _raw(picture: Image.Image, _quality: int, _profile: bytes) -> bytes:
    return struct.pack("<II", *picture.size) + picture.convert("RGB").tobytes()


_WRITERS: dict[str, Callable[[Image.Image, int, bytes], bytes]] = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/gif": _gif,
    "image/jp2": _jp2,
    "image/jph": _jph,
    "image/webp": _webp,
    RAW_PICTURE: _raw,
}
