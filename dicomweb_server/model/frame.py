"""One frame on its way between transfer syntaxes."""

from __future__ import annotations

from dataclasses import dataclass

from dicomweb_server.model.instance import PixelHeader


@dataclass(frozen=True, slots=True)
class Frame:
    """The bytes of one frame and what describes them.

    Args:
        pixel: Description of exactly these bytes; `number_of_frames` does not matter.
        transfer_syntax: Transfer Syntax UID of the bytes. Native frames are told as Explicit VR
            Little Endian: little endian samples, 1-bit pixels packed from the first bit of the
            first byte (PS3.5 8.1.1). Encapsulated frames are the fragments one behind the other
            without item headers.
        data: The bytes; of native frames exactly as many as the description tells, without padding.
    """

    pixel: PixelHeader
    transfer_syntax: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Target:
    """What a frame is to become.

    Args:
        transfer_syntax: Transfer Syntax UID; Explicit VR Little Endian for native frames.
        quality: 1 to 100 for lossy transfer syntaxes; others take no notice of it.
    """

    transfer_syntax: str
    quality: int = 90


SUBSAMPLED = frozenset(("YBR_FULL_422", "YBR_PARTIAL_422"))
"""Photometric Interpretations of two chroma samples for each two pixels (PS3.3 C.7.6.3.1.2)."""


def frame_bits(pixel: PixelHeader) -> int:
    """Bits of one native frame (PS3.5 8.1.1)."""
    samples = pixel.samples_per_pixel
    if samples == 3 and pixel.photometric_interpretation in SUBSAMPLED:
        samples = 2
    return pixel.rows * pixel.columns * samples * pixel.bits_allocated


def frame_length(pixel: PixelHeader) -> int:
    """Bytes of one native frame as `Frame.data` holds it."""
    return (frame_bits(pixel) + 7) // 8
