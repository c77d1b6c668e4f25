"""One synthetic instance and how its file is made."""

from __future__ import annotations

import io
import uuid
import zlib
from copy import deepcopy
from dataclasses import dataclass

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG = "1.2.840.10008.1.2.2"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_LS = "1.2.840.10008.1.2.4.80"
JPEG_2000 = "1.2.840.10008.1.2.4.90"
HTJ2K = "1.2.840.10008.1.2.4.201"
MPEG4 = "1.2.840.10008.1.2.4.102"
RLE = "1.2.840.10008.1.2.5"


def new_uid() -> str:
    """A UID that nothing else has."""
    return f"2.25.{uuid.uuid4().int}"


@dataclass(frozen=True, slots=True)
class Instance:
    """What a check knows of an instance.

    Args:
        name: What checks call it.
        dataset: Its data set, without group 0002.
        transfer_syntax: Of its file.
        frames: The bytes of each frame: native little endian, or the codestream.
    """

    name: str
    dataset: Dataset
    transfer_syntax: str = EXPLICIT
    frames: tuple[bytes, ...] = ()

    @property
    def study(self) -> str:
        """Study Instance UID."""
        return str(self.dataset.StudyInstanceUID)

    @property
    def series(self) -> str:
        """Series Instance UID."""
        return str(self.dataset.SeriesInstanceUID)

    @property
    def uid(self) -> str:
        """SOP Instance UID."""
        return str(self.dataset.SOPInstanceUID)

    @property
    def sop_class(self) -> str:
        """SOP Class UID."""
        return str(self.dataset.SOPClassUID)

    @property
    def study_path(self) -> str:
        """Path of its study below the root."""
        return f"/studies/{self.study}"

    @property
    def series_path(self) -> str:
        """Path of its series below the root."""
        return f"{self.study_path}/series/{self.series}"

    @property
    def path(self) -> str:
        """Its path below the root."""
        return f"{self.series_path}/instances/{self.uid}"

    def file(self) -> bytes:
        """Its Part 10 file."""
        return part10(self.dataset, self.transfer_syntax)


def part10(dataset: Dataset, transfer_syntax: str) -> bytes:
    """A Part 10 file of a data set.

    Args:
        dataset: Without group 0002; its encapsulated pixels already in fragments.
        transfer_syntax: Of the file.
    """
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = UID(transfer_syntax)
    meta.ImplementationClassUID = UID("2.25.167840265430129984523713984123")
    copy = deepcopy(dataset)
    copy.file_meta = meta
    buffer = io.BytesIO()
    dcmwrite(buffer, copy, enforce_file_format=True)
    return buffer.getvalue()


def inflated(file: bytes) -> bytes:
    """A raw deflate stream, inflated."""
    return zlib.decompress(file, -zlib.MAX_WBITS)
