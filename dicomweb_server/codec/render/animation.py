"""Pictures put together as one animation."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from io import BytesIO

import numpy as np
from PIL import Image

from dicomweb_server.errors import FrameUndecodable

_HEAD = 8
_SHORTEST = 20
"""Milliseconds: browsers show shorter ones slowly."""
_FORMATS = {"image/gif": "GIF", "image/webp": "WEBP"}
_QUALITY = 80


def animate(pictures: Sequence[bytes], media_type: str, milliseconds: Sequence[int]) -> bytes:
    """Put pictures together as one animation that never ends.

    Args:
        pictures: Pictures of type RAW_PICTURE, all of one size, at least one.
        media_type: image/gif or image/webp.
        milliseconds: How long each is shown; the last counts for those without.

    Raises:
        FrameUndecodable: There is none, or their sizes differ, or the media type cannot move.
    """
    if not pictures or media_type not in _FORMATS:
        raise FrameUndecodable(f"an animation of type {media_type} cannot be made of this")
    frames = [_opened(each) for each in pictures]
    if any(frame.size != frames[0].size for frame in frames):
        raise FrameUndecodable("the frames differ in size, so they make no animation")
    given = [max(int(each), _SHORTEST) for each in milliseconds] or [100]
    lasting = given[: len(frames)] + [given[-1]] * (len(frames) - len(given))
    target = BytesIO()
    options: dict[str, object] = {"save_all": True, "duration": lasting, "loop": 0}
    if media_type == "image/webp":
        options |= {"quality": _QUALITY, "method": 1}
    else:
        options |= {"optimize": False, "disposal": 1}
        frames = [_with_palette(each) for each in frames]
    frames[0].save(target, _FORMATS[media_type], append_images=frames[1:], **options)
    return target.getvalue()


def _opened(picture: bytes) -> Image.Image:
    if len(picture) < _HEAD:
        raise FrameUndecodable("a raw picture is too short")
    width, height = struct.unpack_from("<II", picture)
    if width * height * 3 != len(picture) - _HEAD or width == 0 or height == 0:
        raise FrameUndecodable("a raw picture has not the size that it tells")
    return Image.frombytes("RGB", (width, height), picture[_HEAD:])


def _with_palette(picture: Image.Image) -> Image.Image:
    """Grey keeps all its levels; colours become the 256 that fit best."""
    levels = np.asarray(picture)
    grey = levels[:, :, 0]
    if np.array_equal(grey, levels[:, :, 1]) and np.array_equal(grey, levels[:, :, 2]):
        return Image.fromarray(np.ascontiguousarray(grey))
    return picture.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
