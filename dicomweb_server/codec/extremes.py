"""What values there are in a frame."""

from __future__ import annotations

import numpy as np

from dicomweb_server.codec.decode import decode
from dicomweb_server.model.frame import Frame


def greatest(frame: Frame) -> float:
    """The greatest stored value of a frame; 0 where no sample is a number.

    Args:
        frame: In any transfer syntax that can be decoded.

    Raises:
        FrameUndecodable: It cannot be decoded.
    """
    samples = decode(frame).samples
    if samples.dtype.kind == "f":
        samples = samples[np.isfinite(samples)]
    return float(samples.max()) if samples.size else 0.0
