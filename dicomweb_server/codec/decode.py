"""Frames of every transfer syntax to samples."""

from __future__ import annotations

from dataclasses import replace

from dicomweb_server.codec import table
from dicomweb_server.codec.failure import undecodable
from dicomweb_server.codec.raster import Raster, Samples
from dicomweb_server.codec.syntaxes import deflated, jpeg, jpeg2000, jpeg_ls, jpeg_xl, native, rle
from dicomweb_server.model.frame import Frame

_PLAIN = {
    syntax: module.decode
    for module in (native, rle, deflated, jpeg2000)
    for syntax in module.SYNTAXES
}
_COLOURED = {
    syntax: module.decode for module in (jpeg, jpeg_ls, jpeg_xl) for syntax in module.SYNTAXES
}


def decode(frame: Frame) -> Raster:
    """Decode one frame.

    Args:
        frame: In any transfer syntax but those of video.

    Returns:
        Stored values without conversion of colour: chroma is brought to full size, transforms of
        components that belong to the codestream are undone, signs are extended.

    Raises:
        FrameUndecodable: It is damaged, lies about its size, or is video.
    """
    syntax = table.plain(frame.transfer_syntax)
    reason = table.undecodable(syntax, frame.pixel)
    if reason:
        raise undecodable(reason)
    pixel = table.decoded(syntax, frame.pixel)
    frame = replace(frame, transfer_syntax=syntax)
    if syntax in _PLAIN:
        return Raster(pixel, _PLAIN[syntax](frame))
    samples, colour = _COLOURED[syntax](frame)
    return Raster(replace(pixel, photometric_interpretation=colour), samples)


def cells(frame: Frame) -> Samples | None:
    """Cells with their unused bits, where overlays may hide; None where a coding keeps none.

    Raises:
        FrameUndecodable: As for `decode`.
    """
    syntax = table.plain(frame.transfer_syntax)
    reason = table.undecodable(syntax, frame.pixel)
    if reason:
        raise undecodable(reason)
    if syntax in native.SYNTAXES:
        return native.cells(frame.data, frame.pixel)
    if syntax in rle.SYNTAXES:
        return rle.cells(frame)
    if syntax in deflated.SYNTAXES:
        return native.cells(deflated.inflated(frame), frame.pixel)
    return None
