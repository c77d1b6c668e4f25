"""ICC profiles of pictures, and colours from one into another (PS3.18 8.3.5.1.5, ICC.1:2001-04).

Adobe RGB (1998) and ROMM RGB are written from their published primaries and curves: matrix and
curve profiles of version 2, with the white point adapted to D50.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from io import BytesIO

from PIL import Image, ImageCms

from dicomweb_server.model.rendering import IccProfile

_D50 = (0.9642, 1.0, 0.8249)
_LARGEST = 16 << 20
"""Bytes of a profile that is taken from a data set."""

Colorant = tuple[float, float, float]


def with_profile(
    picture: Image.Image, wanted: IccProfile | None, source: bytes
) -> tuple[Image.Image, bytes]:
    """A picture and the profile that goes with it.

    Args:
        picture: Grey or RGB.
        wanted: None: in sRGB, which pictures without a profile are taken for, and without one.
            `no`: the picture as it is, without a profile. `yes`: as it is, with the profile of its
            source or sRGB. Else converted into that space.
        source: ICC profile of its colours; empty for sRGB, as is one that cannot be read.
    """
    if wanted is IccProfile.NO:
        return picture, b""
    own = readable(source)
    if wanted is None:
        if not own or picture.mode != "RGB":
            return picture, b""
        return _converted(picture, own, profile_of(IccProfile.SRGB)), b""
    colours = picture.convert("RGB")
    if wanted is IccProfile.YES:
        return colours, own or profile_of(IccProfile.SRGB)
    target = profile_of(wanted)
    if own == target or (not own and wanted is IccProfile.SRGB):
        return colours, target
    return _converted(colours, own or profile_of(IccProfile.SRGB), target), target


@lru_cache(maxsize=4)
def profile_of(space: IccProfile) -> bytes:
    """The profile of sRGB, Adobe RGB (1998) or ROMM RGB."""
    if space is IccProfile.ADOBERGB:
        return _matrix_profile(
            "Adobe RGB (1998)",
            ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)),
            563 / 256,
        )
    if space is IccProfile.ROMMRGB:
        return _matrix_profile(
            "ROMM RGB",
            ((0.7977, 0.2880, 0.0), (0.1352, 0.7119, 0.0), (0.0313, 0.0001, 0.8249)),
            1.8,
        )
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def readable(profile: bytes) -> bytes:
    """A profile of RGB colours; empty where it is none."""
    if not 128 <= len(profile) <= _LARGEST or profile[16:20] != b"RGB ":
        return b""
    try:
        opened = ImageCms.ImageCmsProfile(BytesIO(profile))
        ImageCms.buildTransform(opened, ImageCms.createProfile("sRGB"), "RGB", "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return b""
    return profile


def _converted(picture: Image.Image, source: bytes, target: bytes) -> Image.Image:
    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(BytesIO(source)),
        ImageCms.ImageCmsProfile(BytesIO(target)),
        "RGB",
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    converted = ImageCms.applyTransform(picture, transform)
    if converted is None:
        raise ValueError("a colour transformation gave no picture")
    return converted


def _matrix_profile(
    name: str, colorants: tuple[Colorant, Colorant, Colorant], gamma: float
) -> bytes:
    """A display profile of version 2.

    Args:
        name: Its description.
        colorants: XYZ of red, green and blue, adapted to D50.
        gamma: Exponent of the tone curve.
    """
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    text = name.encode("ascii") + b"\0"
    described = b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(78)
    tags = {
        b"desc": described,
        b"cprt": b"text" + bytes(4) + b"No copyright\0",
        b"wtpt": _xyz(_D50),
        b"rXYZ": _xyz(colorants[0]),
        b"gXYZ": _xyz(colorants[1]),
        b"bXYZ": _xyz(colorants[2]),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    return _assembled(tags)


def _assembled(tags: dict[bytes, bytes]) -> bytes:
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for signature, content in tags.items():
        table += signature + struct.pack(">II", start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = struct.pack(
        ">I4sI4s4s4s6H4s",
        start + len(body),
        bytes(4),
        0x02400000,
        b"mntr",
        b"RGB ",
        b"XYZ ",
        *(2000, 1, 1, 0, 0, 0),
        b"acsp",
    )
    header += bytes(28) + _xyz(_D50)[8:]
    return header + bytes(128 - len(header)) + table + body


def _xyz(numbers: Colorant) -> bytes:
    fixed = (round(each * 65536) for each in numbers)
    return b"XYZ " + bytes(4) + struct.pack(">3i", *fixed)
