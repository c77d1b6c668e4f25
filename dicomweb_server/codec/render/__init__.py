"""The render engine: frames, animations and drawings as pictures. Runs in codec processes."""

from dicomweb_server.codec.render.animation import animate
from dicomweb_server.codec.render.page import draw
from dicomweb_server.codec.render.still import render

__all__ = ["animate", "draw", "render"]
