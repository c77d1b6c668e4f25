"""Frames of real files with what their metadata say of their appearance."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dicomweb_server.errors import InstanceRejected
from dicomweb_server.model.frame import Frame
from dicomweb_server.model.instance import FragmentedFrames, PixelHeader, ScannedInstance
from dicomweb_server.model.media import EXPLICIT_LITTLE
from dicomweb_server.model.rendering import Appearance
from tests.dicom import scans
from tests.dicom.appearance.instances import Kept, kept_file


@dataclass(frozen=True)
class Pixels:
    """A file with pixels."""

    scan: ScannedInstance
    plain: bytes
    kept: Kept

    @property
    def pixel(self) -> PixelHeader:
        """Description of the pixels."""
        return self.kept.pixel

    @property
    def numbers(self) -> list[int]:
        """The first frame and the middle one."""
        assert self.scan.frames is not None
        return sorted({1, (self.scan.frames.count + 1) // 2})

    def frame(self, number: int) -> Frame:
        """One frame, from 1."""
        fragmented = isinstance(self.scan.frames, FragmentedFrames)
        syntax = self.scan.transfer_syntax if fragmented else EXPLICIT_LITTLE
        return Frame(self.pixel, syntax, scans.frame(self.plain, self.scan, number))

    def appearance(self, number: int) -> Appearance:
        """How it is meant to look."""
        return self.kept.appearance(number)


@cache
def pixels_of(path: Path) -> Pixels | None:
    """Read a file; None where it has no frames that can be told apart."""
    try:
        kept = kept_file(path)
    except InstanceRejected:
        return None
    if kept is None:
        return None
    data = path.read_bytes()
    scan = scans.scanned(data)
    if scan.frames is None:
        return None
    return Pixels(scan, scans.plain(data, scan), kept)
