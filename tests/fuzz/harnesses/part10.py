"""Part 10 files: the scan, the rewriting, and what lies where in the file."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable

from dicomweb_server.dicom.rewrite import explicit
from dicomweb_server.errors import InstanceRejected
from dicomweb_server.model.instance import BitFrames, FragmentedFrames, ScannedInstance
from dicomweb_server.model.limits import ScanLimits
from dicomweb_server.model.media import DEFLATED_LITTLE
from dicomweb_server.model.source import MemorySource
from tests import datasets
from tests.dicom import scans
from tests.fuzz import files
from tests.fuzz.dice import Dice
from tests.fuzz.harness import Harness, require_told

_LIMITS = ScanLimits(
    elements=2_000, inflated=1 << 20, document=1 << 18, inline_text=2_000, frames=500
)


def _run(data: bytes) -> None:
    dice = Dice(data)
    mode = dice.number(len(files.SYNTAXES) + 2)
    body = dice.rest()
    if mode < len(files.SYNTAXES):
        syntax = files.SYNTAXES[mode]
        made = files.header(syntax) + (_packed(body) if syntax == DEFLATED_LITTLE else body)
    elif mode == len(files.SYNTAXES):
        made = files.header(DEFLATED_LITTLE) + body
    else:
        made = body
    _scan(made)


def _packed(data: bytes) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def _scan(data: bytes) -> None:
    try:
        found = scans.scanned(data, _LIMITS)
    except InstanceRejected as refusal:
        require_told(refusal)
        return
    parsed = json.loads(found.document.text(scans.BASE))
    assert list(parsed) == sorted(parsed)
    _require_inside(found, len(scans.plain(data, found)))
    if found.explicit_size is not None and found.transfer_syntax != DEFLATED_LITTLE:
        written = b"".join(explicit(MemorySource(data), _LIMITS))
        assert len(written) == found.explicit_size
        again = scans.scanned(written, _LIMITS)
        assert again.key == found.key


def _require_inside(found: ScannedInstance, size: int) -> None:
    """Whatever is told to lie in the file lies in it."""
    for bulk in found.bulk:
        for part in bulk.ranges:
            assert part.start >= 0
            assert 0 <= part.length <= size - part.start, bulk.path
    frames = found.frames
    if frames is None:
        return
    if isinstance(frames, FragmentedFrames):
        for parts in frames.frames:
            for part in parts:
                assert 0 <= part.length <= size - part.start
    elif isinstance(frames, BitFrames):
        assert frames.start + (frames.bit_length * frames.count + 7) // 8 <= size
    else:
        assert frames.start + frames.length * frames.count <= size


def _seeds() -> Iterable[bytes]:
    image = datasets.part10(datasets.dataset())
    behind = len(image) - len(image[image.index(b"\x08\x00\x16\x00UI") :])
    yield b"\0" + image[behind:]
    implicit = datasets.part10(datasets.dataset(), files.SYNTAXES[1])
    yield b"\1" + implicit[implicit.index(b"\x08\x00\x16\x00\x1a\0\0\0") :]
    big = datasets.part10(datasets.dataset(), files.SYNTAXES[2])
    yield b"\2" + big[big.index(b"\x00\x08\x00\x16UI") :]
    yield b"\4" + image[behind:]
    yield b"\5" + _packed(image[behind:])
    yield b"\6" + image
    item = b"\xfe\xff\x00\xe0"
    end = b"\xfe\xff\xdd\xe0" + bytes(4)
    pixels = files.element(0x7FE00010, "OB", b"", 0xFFFFFFFF)
    pixels += item + bytes(4) + (item + b"\4\0\0\0\xff\xd8\xff\xd9") * 2 + end
    count = files.element(0x00280008, "IS", b"2")
    yield b"\3" + files.file(b"", count + pixels)[len(files.header(files.SYNTAXES[0])) :]
    nested = files.element(0x00081115, "SQ", b"", 0xFFFFFFFF)
    nested += item + b"\xff\xff\xff\xff" + nested + end + b"\xfe\xff\x0d\xe0" + bytes(4) + end
    yield b"\0" + files.file(nested)[len(files.header(files.SYNTAXES[0])) :]


HARNESS = Harness(
    promise="a file is scanned or refused; what is told of it lies in it, its document is JSON, "
    "and rewritten it has the size that was told",
    run=_run,
    seeds=_seeds,
    words=(
        b"\xfe\xff\x00\xe0",
        b"\xfe\xff\x0d\xe0",
        b"\xfe\xff\xdd\xe0",
        b"\xff\xff\xff\xff",
        b"\xe0\x7f\x10\x00OW\0\0",
        b"\xe0\x7f\x01\x00OV\0\0",
        b"\x28\x00\x08\x00IS",
        b"\x08\x00\x05\x00CS",
        b"SQ\0\0",
        b"UN\0\0",
        b"ISO_IR 192",
        b"\\ISO 2022 IR 87",
        b"\x1b$B",
    ),
    longest=2048,
)
