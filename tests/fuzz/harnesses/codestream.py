"""Headers of compressed images and videos, read by two readers of their own."""

from __future__ import annotations

from collections.abc import Iterable

from dicomweb_server.codec import declared, declared_jxl
from dicomweb_server.dicom.codestream import read_image
from dicomweb_server.dicom.elements import Misfit
from dicomweb_server.dicom.video_coding import read_coding, transfer_syntax
from dicomweb_server.errors import FrameUndecodable
from dicomweb_server.model.instance import ByteRange
from dicomweb_server.model.source import MemorySource
from tests.codec import bombs
from tests.fuzz.harness import Harness, require_told


def _run(data: bytes) -> None:
    found: list[declared.Declared] = []
    for read in (declared.jpeg, declared.jpeg2000, declared_jxl.jpeg_xl):
        try:
            found.append(read(data))
        except FrameUndecodable as refusal:
            require_told(refusal)
    assert len(found) <= 1, "one coding begins so"
    for told in found:
        assert told.rows >= 0
        assert told.columns >= 0
        assert 0 <= told.start <= len(data)
    source, place = MemorySource(data), ByteRange(0, len(data))
    try:
        image = read_image(source, place)
    except Misfit as misfit:
        require_told(misfit)
        image = None
    if image is not None:
        inner = image.codestream
        assert inner.length <= len(data) - inner.start
        for told in found:
            if told.rows and told.columns:
                assert (image.rows, image.columns) == (told.rows, told.columns)
                assert image.samples == told.samples
    try:
        coding = read_coding(source, place)
        if coding is not None:
            transfer_syntax(coding)
    except Misfit:
        return


def _seeds() -> Iterable[bytes]:
    for bomb in bombs.all_bombs():
        if len(bomb.frame.data) < 2_000:
            yield bomb.frame.data
    yield b"\0\0\0\x18ftypisom" + bytes(12) + bombs.box(b"moov", bombs.box(b"trak", bytes(40)))
    yield b"\0\0\1\xb3" + bytes(10) + b"\0\0\1\xb5\x14\x48"
    yield b"\0\0\0\1\x67\x64\x00\x28" + bytes(20)


HARNESS = Harness(
    promise="the header of a compressed image is read or refused, by both readers alike",
    run=_run,
    seeds=_seeds,
    words=(
        b"\xff\xd8\xff",
        b"\xff\x4f\xff\x51",
        b"\xff\xc0",
        b"\xff\xda",
        b"\xff\x52",
        b"\xff\x0a",
        b"jP  \r\n\x87\n",
        b"jp2c",
        b"JXL \r\n\x87\n",
        b"jxlc",
        b"moov",
        b"stsd",
        b"avc1",
        b"\0\0\1",
    ),
    longest=2048,
)
