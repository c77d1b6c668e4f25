"""ICC profiles of colour images (PS3.3 C.11.15, C.8.12.5)."""

from __future__ import annotations

from dicomweb_server.dicom.appearance.attributes import Attributes, Bulk
from dicomweb_server.dicom.appearance.groups import FrameGroups

_ICC_PROFILE = 0x00282000
_OPTICAL_PATHS = 0x00480105
_PATH_IDENTIFIER = 0x00480106
_PATH_IDENTIFICATION = 0x00480207
_MOST_PATHS = 256
_MOST_BYTES = 4 << 20
_SIGNATURE = b"acsp"


def icc_profile(groups: FrameGroups, bulk: Bulk) -> bytes:
    """The profile of a frame's colours; empty where it tells none or one that is too long.

    Args:
        groups: What is said of the frame.
        bulk: Values given by reference.
    """
    for holder in (_optical_path(groups), groups.document):
        found = holder.data(_ICC_PROFILE, bulk)
        if found[36:40] == _SIGNATURE and len(found) <= _MOST_BYTES:
            return found
    return b""


def _optical_path(groups: FrameGroups) -> Attributes:
    """The optical path through which a frame was made."""
    paths = groups.document.children(_OPTICAL_PATHS, _MOST_PATHS)
    wanted = groups.macro(_PATH_IDENTIFICATION).text(_PATH_IDENTIFIER)
    matching = [path for path in paths if wanted and path.text(_PATH_IDENTIFIER) == wanted]
    return (matching or paths or [Attributes({})])[0]
