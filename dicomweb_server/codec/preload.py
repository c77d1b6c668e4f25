"""Everything that a codec process will need from files, loaded while it can still open any."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pkgutil import walk_packages

import imagecodecs
from PIL import Image, ImageDraw, ImageFont

import dicomweb_server.codec
from dicomweb_server.codec.render import letters

_ENGINES = (
    "bitshuffle",
    "deflate",
    "dicomrle",
    "gif",
    "htj2k",
    "jpeg",
    "jpeg2k",
    "jpeg8",
    "jpegls",
    "jpegsof3",
    "jpegxl",
    "ljpeg",
    "packbits",
    "packints",
    "png",
    "webp",
    "zlib",
)
"""Codecs of imagecodecs, which loads each at its first use."""

_ENDINGS = ("decode", "encode", "check", "version")
_OF_THE_SERVER = ("breaker", "errand", "pictures", "pool", "process", "slot", "worker")
_OTHERS = ("jpeg_ls", "numpy.ma", "openjpeg", "PIL.ImageCms", "PIL.ImageOps", "PIL.ImageSequence")


def preload() -> None:
    """Load codecs, plug-ins, fonts and our own modules."""
    for engine in _ENGINES:
        for ending in _ENDINGS:
            getattr(imagecodecs, f"{engine}_{ending}", None)
    for name in _OTHERS:
        if find_spec(name) is not None:
            import_module(name)
    _load_own()
    _load_pillow()
    letters.preload()


def _load_own() -> None:
    prefix = dicomweb_server.codec.__name__ + "."
    for found in walk_packages(dicomweb_server.codec.__path__, prefix):
        part = found.name.removeprefix(prefix).partition(".")[0]
        if part not in _OF_THE_SERVER:
            import_module(found.name)


def _load_pillow() -> None:
    Image.init()
    image = Image.new("L", (8, 8))
    ImageDraw.Draw(image).text((0, 0), "x", fill=255, font=ImageFont.load_default(8))
