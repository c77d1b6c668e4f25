"""Failures of codecs in words, as the one error that callers know."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dicomweb_server.errors import FrameUndecodable

_LONGEST = 160


def undecodable(reason: str) -> FrameUndecodable:
    """The error that a frame cannot be decoded.

    Args:
        reason: What is wrong, beginning with "it" or "its", without patient data.
    """
    return FrameUndecodable(f"the frame cannot be decoded: {reason}")


@contextmanager
def decoding(kind: str) -> Iterator[None]:
    """Turn whatever a codec raises into FrameUndecodable.

    Args:
        kind: Name of the coding, with an article in front.
    """
    try:
        yield
    except FrameUndecodable:
        raise
    except MemoryError as failure:
        raise undecodable(f"it needs more memory than a frame may have ({kind})") from failure
    except Exception as failure:  # codecs have no common base class
        reason = " ".join(str(failure).split())[:_LONGEST]
        raise undecodable(f"it is damaged or no {kind} ({reason})") from failure
