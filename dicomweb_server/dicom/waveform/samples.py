"""Samples of waveforms out of bytes (PS3.3 C.10.9.1.4, C.10.9.1.5)."""

from __future__ import annotations

from array import array
from functools import cache
from sys import byteorder

_KINDS = {
    (8, "SB"): "b",
    (8, "UB"): "B",
    (16, "SS"): "h",
    (16, "US"): "H",
    (32, "SL"): "i",
    (32, "UL"): "I",
    (64, "SV"): "q",
    (64, "UV"): "Q",
}
"""Typecodes by Waveform Bits Allocated and Waveform Sample Interpretation."""

MU_LAW, A_LAW = "MB", "AB"
"""Interpretations of 8 bits that stand for 14 and 13 bits (ITU-T G.711)."""


def is_known(bits: int, interpretation: str) -> bool:
    """Whether samples of a kind can be read."""
    return (bits, interpretation) in _KINDS or (
        bits == 8 and interpretation in (MU_LAW, A_LAW)  # PS3.3 C.10.9.1.5: both have 8 bits
    )


def read_samples(data: bytes, bits: int, interpretation: str) -> array[int]:
    """All samples of a multiplex group, its channels interleaved.

    Args:
        data: Little endian; bytes behind the last whole sample are left out.
        bits: Waveform Bits Allocated.
        interpretation: Waveform Sample Interpretation.
    """
    if interpretation in (MU_LAW, A_LAW):
        return _expanded(data, _mu_law() if interpretation == MU_LAW else _a_law())
    size = bits // 8
    samples = array(_KINDS[bits, interpretation])
    samples.frombytes(data[: len(data) - len(data) % size])
    if byteorder == "big":
        samples.byteswap()
    return samples


def _expanded(data: bytes, values: array[int]) -> array[int]:
    """The values that bytes stand for: both bytes of each are translated, all at once."""
    halves = values.tobytes()
    pairs = bytearray(2 * len(data))
    pairs[::2], pairs[1::2] = data.translate(halves[::2]), data.translate(halves[1::2])
    samples = array("h")
    samples.frombytes(pairs)
    return samples


@cache
def _mu_law() -> array[int]:
    """The 256 values of mu-law, 14 bits and their sign."""
    values = array("h")
    for code in range(256):
        flipped = ~code & 0xFF
        magnitude = ((((flipped & 0x0F) << 1) + 33) << (flipped >> 4 & 7)) - 33
        values.append(-magnitude if flipped & 0x80 else magnitude)
    return values


@cache
def _a_law() -> array[int]:
    """The 256 values of A-law, 13 bits and their sign."""
    values = array("h")
    for code in range(256):
        flipped = code ^ 0x55
        exponent, mantissa = flipped >> 4 & 7, (flipped & 0x0F) << 1 | 1
        magnitude = mantissa if not exponent else (mantissa + 32) << (exponent - 1)
        values.append(magnitude if flipped & 0x80 else -magnitude)
    return values
