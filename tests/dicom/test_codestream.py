"""Headers of compressed images, compared with the description in real files (T6)."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest

from dicomweb_server.dicom.codestream import Image, read_image
from dicomweb_server.dicom.elements import Misfit
from dicomweb_server.errors import InstanceRejected
from dicomweb_server.model.instance import ByteRange, FragmentedFrames
from dicomweb_server.model.media import TRANSFER_SYNTAXES
from dicomweb_server.model.source import MemorySource
from tests.data import valid_files
from tests.dicom.scans import frame, scanned
from tests.pictures import encoded, image

_TYPES = frozenset(("image/jpeg", "image/jls", "image/jp2", "image/jpx", "image/jphc"))
_OTHERWISE = {
    "genFile.dcm": "pixels that are not compressed under a name that says so",
    "ljpeg57_gray16.dcm": "coded with predictor 6 under the syntax of predictor 1",
}
"""Files whose images are not what they say, and what they are."""
_MAY_BE_LOSSLESS = {"1.2.840.10008.1.2.4.91": "1.2.840.10008.1.2.4.90"}
"""Syntaxes that allow what another one demands (PS3.5 A.4.4)."""


def _read(data: bytes) -> Image | None:
    return read_image(MemorySource(data), ByteRange(0, len(data)))


@pytest.mark.parametrize("path", valid_files(), ids=lambda path: path.name)
def test_headers_of_real_images(path: Path) -> None:
    data = path.read_bytes()
    try:
        found = scanned(data)
    except InstanceRejected:
        pytest.fail("a valid file is refused")
    known = TRANSFER_SYNTAXES.get(found.transfer_syntax)
    if (
        path.name in _OTHERWISE
        or known is None
        or known.media_type not in _TYPES
        or found.frames is None
    ):
        return
    assert isinstance(found.frames, FragmentedFrames)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        told = pydicom.dcmread(path)
    first = frame(data, found, 1)
    read = read_image(MemorySource(first), ByteRange(0, len(first)))
    assert read is not None
    assert (read.rows, read.columns, read.samples) == (
        told.Rows,
        told.Columns,
        told.SamplesPerPixel,
    )
    assert read.bits <= told.BitsAllocated
    syntax = found.transfer_syntax
    assert read.transfer_syntax in (syntax, _MAY_BE_LOSSLESS.get(syntax))


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("form", ["JPEG", "JPEG2000"])
def test_every_cut_is_told(mode: str, form: str) -> None:
    data = encoded(image(mode, 16, 16), form)
    whole = _read(data)
    assert whole is not None
    for end in range(3, 700):
        try:
            found = _read(data[:end])
        except Misfit:
            continue
        if found is not None:
            assert replace(found, codestream=whole.codestream) == whole


def test_other_bytes_are_no_image() -> None:
    assert _read(b"") is None
    assert _read(b"RIFF" + bytes(100)) is None
