"""What stands in the 128 bytes in front of a Part 10 file (PS3.10 7.1, 7.5; T1).

They may hold anything, so that a file can be a DICOM instance and a program at the same time. Three
contents are taken for honest: nothing, the header of a TIFF file, which slide scanners write
(PS3.10 7.1), and what some modalities leave behind 16 bytes of zeros: whatever a system or a
browser takes for a program or a page, it knows by what comes earlier. A list of what is harmful
would never be complete; some programs need no magic at all.
"""

from __future__ import annotations

LENGTH = 128
"""Bytes of a preamble."""

_EMPTY = bytes(LENGTH)
_TELLING = 16
"""Bytes by which the kind of a file is known; magics that lie further in lie behind a preamble."""
_TIFF = {b"II*\0": 8, b"MM\0*": 8, b"II+\0": 16, b"MM\0+": 16}
"""Bytes of the header of a TIFF or BigTIFF file; all else of it can lie behind the preamble."""


def harmless(preamble: bytes) -> bytes:
    """What may leave the archive in place of a preamble.

    Args:
        preamble: 128 bytes.

    Returns:
        128 bytes: the same where they begin with 16 zeros, else all zero but for the header of a
        TIFF file.
    """
    if preamble[:_TELLING] == _EMPTY[:_TELLING]:
        return preamble
    kept = _TIFF.get(preamble[:4], 0)
    return preamble[:kept] + _EMPTY[kept:]


def is_harmless(preamble: bytes) -> bool:
    """Whether a preamble may leave the archive as it is."""
    return preamble == harmless(preamble)


def disarmed(beginning: bytes) -> bytes:
    """The same bytes with a harmless preamble.

    Args:
        beginning: 128 bytes of a file or more.
    """
    preamble = beginning[:LENGTH]
    if preamble == _EMPTY or is_harmless(preamble):
        return beginning
    return harmless(preamble) + beginning[LENGTH:]
