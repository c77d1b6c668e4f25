"""Samples to frames of the transfer syntaxes that are encoded."""

from __future__ import annotations

from dicomweb_server.codec import table
from dicomweb_server.codec.raster import Raster
from dicomweb_server.codec.syntaxes import deflated, jpeg, jpeg2000, jpeg_ls, native, rle
from dicomweb_server.errors import FrameUndecodable
from dicomweb_server.model.frame import Frame, Target
from dicomweb_server.model.media import TRANSFER_SYNTAXES

_PLAIN = {syntax: module.encode for module in (native, rle, deflated) for syntax in module.SYNTAXES}
_TUNED = {
    syntax: module.encode for module in (jpeg, jpeg_ls, jpeg2000) for syntax in module.SYNTAXES
}


def encode(raster: Raster, target: Target) -> Frame:
    """Encode one frame.

    Args:
        raster: What `decode` returned.
        target: In which transfer syntax, and how well where it is lossy.

    Raises:
        FrameUndecodable: Its pixels do not go into that transfer syntax.
    """
    syntax = table.plain(target.transfer_syntax)
    reason = table.unencodable(syntax, raster.pixel)
    if reason:
        raise FrameUndecodable(f"the frame cannot become what was asked: {reason}")
    try:
        if syntax in _PLAIN:
            data = _PLAIN[syntax](raster.samples, raster.pixel)
        else:
            data = _TUNED[syntax](raster.samples, raster.pixel, target)
    except FrameUndecodable:
        raise
    except Exception as failure:
        name = TRANSFER_SYNTAXES[syntax].name
        raise FrameUndecodable(
            f"the frame cannot become what was asked: {name} failed"
        ) from failure
    return Frame(table.encoded(syntax, raster.pixel), syntax, data)
