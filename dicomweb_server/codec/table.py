"""What frames can become: transfer syntaxes decoded and encoded, and what pixels are then.

Answers from the Image Pixel attributes alone, without touching a pixel; this module needs none of
the libraries that do the work. PS3.5 8.2 and its tables tell what each transfer syntax may hold.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.limits import MIB
from dicomweb_server.model.media import (
    DEFLATED_FRAMES,
    ENCAPSULATED_UNCOMPRESSED,
    EXPLICIT_LITTLE,
    TRANSFER_SYNTAXES,
    Encoding,
)

LARGEST_FRAME = 512 * MIB
"""Bytes that one decoded frame may have."""

_P = "1.2.840.10008.1.2."
RLE = _P + "5"
JPEG_BASELINE, JPEG_EXTENDED = _P + "4.50", _P + "4.51"
JPEG_LOSSLESS, JPEG_LOSSLESS_SV1 = _P + "4.57", _P + "4.70"
JPEG_LS, JPEG_LS_NEAR = _P + "4.80", _P + "4.81"
J2K_LOSSLESS, J2K, J2K_PART2_LOSSLESS, J2K_PART2 = (_P + f"4.{n}" for n in (90, 91, 92, 93))
JXL_LOSSLESS, JXL_RECOMPRESSION, JXL = (_P + f"4.{n}" for n in (110, 111, 112))
HTJ2K_LOSSLESS, HTJ2K_RPCL, HTJ2K = (_P + f"4.{n}" for n in (201, 202, 203))

PIXEL_DATA = 0x7FE00010
_FLOATS = {0x7FE00008: 32, 0x7FE00009: 64}
_JXL = frozenset((JXL_LOSSLESS, JXL_RECOMPRESSION, JXL))
_SUBSAMPLED = frozenset(("YBR_FULL_422", "YBR_PARTIAL_422", "YBR_PARTIAL_420"))
_TRANSFORMED = frozenset(("YBR_RCT", "YBR_ICT", "XYB"))
_MOST_SEGMENTS = 15
"""Segments of an RLE frame (PS3.5 G.5)."""
_FEW_SAMPLES = 64


@dataclass(frozen=True, slots=True)
class Form:
    """What one transfer syntax holds when this server encodes it.

    Args:
        fewest, most: Bits Stored that it takes.
        colour: Photometric Interpretation that RGB pixels get; empty where they stay RGB.
        lossy: Whether information may be lost.
        signed: Whether signed pixels go in.
        whole_bytes: Whether each sample needs bytes of its own.
        grey: Whether only one sample per pixel goes in.
    """

    fewest: int = 2
    most: int = 16
    colour: str = ""
    lossy: bool = False
    signed: bool = True
    whole_bytes: bool = True
    grey: bool = False


FORMS: dict[str, Form] = {
    EXPLICIT_LITTLE: Form(1, 64, whole_bytes=False),
    ENCAPSULATED_UNCOMPRESSED: Form(1, 64, whole_bytes=False),
    DEFLATED_FRAMES: Form(1, 64, whole_bytes=False),
    RLE: Form(1, 64),
    JPEG_BASELINE: Form(1, 8, "YBR_FULL_422", lossy=True, signed=False),
    JPEG_EXTENDED: Form(9, 12, lossy=True, signed=False, grey=True),
    JPEG_LOSSLESS: Form(),
    JPEG_LOSSLESS_SV1: Form(),
    JPEG_LS: Form(),
    JPEG_LS_NEAR: Form(lossy=True, signed=False),
    J2K_LOSSLESS: Form(1, 16, "YBR_RCT", whole_bytes=False),
    J2K: Form(2, 16, "YBR_ICT", lossy=True),
    HTJ2K_LOSSLESS: Form(1, 16, "YBR_RCT", whole_bytes=False),
    HTJ2K_RPCL: Form(1, 16, "YBR_RCT", whole_bytes=False),
    HTJ2K: Form(2, 16, "YBR_ICT", lossy=True),
}
"""Transfer syntaxes that are encoded; Explicit VR Little Endian stands for all native ones."""

DECODED = frozenset(FORMS) | _JXL | {J2K_PART2_LOSSLESS, J2K_PART2}
"""Transfer syntaxes that are decoded."""


def plain(syntax: str) -> str:
    """A transfer syntax, where Explicit VR Little Endian stands for all native ones."""
    known = TRANSFER_SYNTAXES.get(syntax)
    return EXPLICIT_LITTLE if known is not None and known.is_native else syntax


def obstacle(source: str, target: str, pixel: PixelHeader) -> str:
    """Why frames cannot go from one transfer syntax to another; empty where they can.

    Args:
        source, target: Transfer Syntax UIDs.
        pixel: Description of the pixels as stored.
    """
    source, target = plain(source), plain(target)
    if _is_video(source):
        return "video is delivered as it is stored"
    if _is_video(target):
        return "video is not encoded"
    if source == target:
        return ""
    return undecodable(source, pixel) or unencodable(target, decoded(source, pixel))


def outcome(source: str, target: str, pixel: PixelHeader) -> PixelHeader:
    """The description of frames once they are transcoded.

    Args:
        source, target, pixel: As for `obstacle`, which finds none.
    """
    source, target = plain(source), plain(target)
    return pixel if source == target else encoded(target, decoded(source, pixel))


def _is_video(syntax: str) -> bool:
    known = TRANSFER_SYNTAXES.get(syntax)
    return known is not None and known.encoding is Encoding.VIDEO


def undecodable(source: str, pixel: PixelHeader) -> str:
    """Why frames cannot be decoded; empty where they can."""
    if source not in DECODED:
        known = TRANSFER_SYNTAXES.get(source)
        return f"{known.name if known else 'its transfer syntax'} is not decoded"
    if not pixel.rows or not pixel.columns or not pixel.bits_allocated:
        return "Rows, Columns or Bits Allocated is 0 or absent"
    if pixel.tag in _FLOATS:
        return _undecodable_floats(source, pixel)
    if source != EXPLICIT_LITTLE and pixel.bits_allocated not in (1, 8, 16, 32, 64):
        return f"{pixel.bits_allocated} bits are allocated, which is none of 1, 8, 16, 32, 64"
    return _undecodable_size(pixel)


def _undecodable_floats(source: str, pixel: PixelHeader) -> str:
    if source != EXPLICIT_LITTLE:
        return "floating point pixels are not encapsulated"
    if pixel.samples_per_pixel != 1:
        return "floating point pixels have 1 sample per pixel"
    return _undecodable_size(pixel)


def _undecodable_size(pixel: PixelHeader) -> str:
    if pixel.samples_per_pixel not in (1, 3, 4):
        return f"{pixel.samples_per_pixel} samples per pixel are none of 1, 3, 4"
    if pixel.bits_allocated > 64:
        return f"{pixel.bits_allocated} bits are allocated, more than 64"
    if pixel.bits_allocated == 1 and pixel.samples_per_pixel != 1:
        return "1-bit pixels have 1 sample per pixel"
    size = pixel.rows * pixel.columns * pixel.samples_per_pixel * container(pixel)
    if size > LARGEST_FRAME:
        return f"a decoded frame has {size} bytes, more than {LARGEST_FRAME}"
    return ""


def container(pixel: PixelHeader) -> int:
    """Bytes that one decoded sample takes: 1, 2, 4 or 8."""
    bits = _FLOATS.get(pixel.tag, pixel.bits_allocated)
    return 1 if bits <= 8 else 2 if bits <= 16 else 4 if bits <= 32 else 8


def is_float(pixel: PixelHeader) -> bool:
    """Whether samples are floating point numbers (7FE00008, 7FE00009)."""
    return pixel.tag in _FLOATS


def unencodable(target: str, pixel: PixelHeader) -> str:
    """Why decoded pixels do not go into a transfer syntax; empty where they do."""
    known = TRANSFER_SYNTAXES.get(target)
    name = known.name if known else "that transfer syntax"
    form = FORMS.get(target)
    if form is None:
        return f"{name} is not encoded"
    if target == EXPLICIT_LITTLE:
        return ""
    if is_float(pixel):
        return f"floating point pixels do not go into {name}"
    return _unfit_bits(form, name, pixel) or _unfit_samples(form, target, name, pixel)


def _unfit_bits(form: Form, name: str, pixel: PixelHeader) -> str:
    if form.whole_bytes and pixel.bits_allocated == 1:
        return f"1-bit pixels do not go into {name}"
    if not form.fewest <= pixel.bits_stored <= form.most:
        return (
            f"{pixel.bits_stored} bits stored do not go into {name}: {form.fewest} to {form.most}"
        )
    if pixel.bits_allocated > 16 and form.most <= 16:
        return f"{pixel.bits_allocated} bits allocated do not go into {name}"
    return ""


def _unfit_samples(form: Form, target: str, name: str, pixel: PixelHeader) -> str:
    if not form.signed and pixel.pixel_representation:
        return f"signed pixels do not go into {name}"
    if form.lossy and pixel.photometric_interpretation == "PALETTE COLOR":
        return f"palette indices do not go into {name}, which is lossy"
    if form.grey and pixel.samples_per_pixel != 1:
        return f"colour does not go into {name}"
    if form.most <= 16 and pixel.samples_per_pixel not in (1, 3):
        return f"{pixel.samples_per_pixel} samples per pixel do not go into {name}"
    if target == RLE and pixel.samples_per_pixel * container(pixel) > _MOST_SEGMENTS:
        return f"pixels of {pixel.samples_per_pixel * container(pixel)} bytes do not go into {name}"
    return ""


def decoded(source: str, pixel: PixelHeader) -> PixelHeader:
    """The description of frames once they are decoded.

    Chroma is expanded, transforms of the codestream are undone, samples lie by pixel in containers
    of whole bytes with their lowest bit at 0. Single bits stay single bits.

    Args:
        source: Transfer Syntax UID.
        pixel: Description of the pixels as stored.
    """
    if is_float(pixel):
        return pixel
    allocated = pixel.bits_allocated
    stored = pixel.bits_stored if 0 < pixel.bits_stored <= allocated else allocated
    return replace(
        pixel,
        bits_allocated=1 if allocated == 1 else 8 * container(pixel),
        bits_stored=stored,
        high_bit=stored - 1,
        planar_configuration=0,
        photometric_interpretation=_decoded_colour(source, pixel),
    )


def _decoded_colour(source: str, pixel: PixelHeader) -> str:
    told = pixel.photometric_interpretation
    if pixel.samples_per_pixel != 3:
        return told
    if told in _TRANSFORMED or (source in _JXL and told.startswith("YBR")):
        return "RGB"
    return "YBR_FULL" if told in _SUBSAMPLED else told


def encoded(target: str, pixel: PixelHeader) -> PixelHeader:
    """The description of decoded frames once they are encoded.

    Args:
        target: Transfer Syntax UID.
        pixel: What `decoded` told.
    """
    form, colour = FORMS[target], pixel.photometric_interpretation
    bits = {
        JPEG_BASELINE: 8,
        JPEG_EXTENDED: 12,
        JPEG_LS: ls_precision(pixel),
        JPEG_LS_NEAR: pixel.bits_allocated,  # errors may drive values beyond the bits stored
    }.get(target)
    if bits is not None:
        pixel = replace(pixel, bits_stored=bits, high_bit=bits - 1)
    if target == JPEG_BASELINE:
        pixel = replace(pixel, bits_allocated=8)
    if form.colour and (
        colour == "RGB" or (target == JPEG_BASELINE and pixel.samples_per_pixel == 3)
    ):
        colour = form.colour
    planar = int(target == RLE and pixel.samples_per_pixel > 1)
    return replace(pixel, photometric_interpretation=colour, planar_configuration=planar)


def ls_precision(pixel: PixelHeader) -> int:
    """Bits of a sample in a lossless JPEG-LS stream, which Bits Stored has to tell (PS3.5 8.2.3).

    Decoders make single bytes of 8 bits and fewer whatever is allocated, and some fail below 8.
    The engine of less than 16 bits has no room for the headers of tiny frames.

    Args:
        pixel: What `decoded` told.
    """
    wide = 8 * container(pixel)
    if pixel.rows * pixel.columns * pixel.samples_per_pixel < _FEW_SAMPLES:
        return wide
    return max(pixel.bits_stored, 8 if wide == 8 else 9)
