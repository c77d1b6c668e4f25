"""SHALL requirements that the server does not meet yet, with the issue that will do it.

The test holds the list exact: what passes must leave it.
"""

from __future__ import annotations

_PIXELS = "issue 4: pixels, rendered images, thumbnails, URI service"

PENDING: dict[str, str] = {
    "N10.rle": _PIXELS,
    "N8.frames": _PIXELS,
    "R7.study": _PIXELS,
    "R7.series": _PIXELS,
    "R7.instance": _PIXELS,
    "R7.frame": _PIXELS,
    "R7.explicit": _PIXELS,
    "R7.inverted": _PIXELS,
    "R7.rgb": _PIXELS,
    "R7.palette": _PIXELS,
    "R7.rle": _PIXELS,
    "R7.fragmented": _PIXELS,
    "R7.jpeg": _PIXELS,
    "R7.unknown": _PIXELS,
    "MT5.default": _PIXELS,
    "MT5.any": _PIXELS,
    "MT5.png": _PIXELS,
    "MT5.gif": _PIXELS,
    "MT5.q": _PIXELS,
    "MT5.refused": _PIXELS,
    "MT5.baseline": _PIXELS,
    "MT6.text": _PIXELS,
    "D1.zero": _PIXELS,
    "D1.above": _PIXELS,
    "D1.word": _PIXELS,
    "D2.one": _PIXELS,
    "D2.word": _PIXELS,
    "D2.seven": _PIXELS,
    "D3.two": _PIXELS,
    "D3.function": _PIXELS,
    "D3.word": _PIXELS,
    "D4.empty": _PIXELS,
    "D3.linear": _PIXELS,
    "D3.exact": _PIXELS,
    "D3.sigmoid": _PIXELS,
    "D2.crop": _PIXELS,
    "D2.flip": _PIXELS,
    "D2.enlarge": _PIXELS,
    "D2.shrink": _PIXELS,
    "D2.aspect": _PIXELS,
    "D2.elided": _PIXELS,
    "D2.native": _PIXELS,
    "D1.quality": _PIXELS,
    "D4.known": _PIXELS,
    "D4.unsupported": _PIXELS,
    "D6.window": _PIXELS,
    "B4.location": _PIXELS,
}
