"""SHALL requirements that the server does not meet yet, with the issue that will do it.

The test holds the list exact: what passes must leave it.
"""

from __future__ import annotations

_PIXELS = "issue 4: pixels, rendered images, thumbnails, URI service"

PENDING: dict[str, str] = {
    "N10.rle": _PIXELS,
    "N8.frames": _PIXELS,
}
