"""Pictures that became uncompressed pixels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Picture:
    """What the pixels of a decoded picture are: interleaved samples, unsigned, little endian.

    Args:
        rows, columns: Size in pixels.
        samples: 1 (grey) or 3 (RGB).
        bits: Bits of one sample, 8 or 16.
        frames: Number of frames, one behind the other.
    """

    rows: int
    columns: int
    samples: int
    bits: int
    frames: int

    @property
    def frame_length(self) -> int:
        """Bytes of one frame."""
        return self.rows * self.columns * self.samples * (self.bits // 8)
