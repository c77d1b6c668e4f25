"""Instances that were stored while all was well, and every way to read them."""

from __future__ import annotations

import random
from collections.abc import Iterator

import httpx
import pydicom
from pydicom.uid import DeflatedExplicitVRLittleEndian

from tests.live.instances import make, make_dataset, part10, path_of, store, with_meta
from tests.live.parts import parts_of

_WHOLE = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_FRAMES = 'multipart/related; type="application/octet-stream"'


class Kept:
    """A study of two images in plain form and one that is deflated.

    Args:
        client: Of the server that stores them.

    Raises:
        AssertionError: They were not stored.
    """

    def __init__(self, client: httpx.Client) -> None:
        self._plain = make(2, side=64)
        self.study = self._plain[0].study_path
        uids = self.study.removeprefix("/studies/"), self._plain[0].dataset.SeriesInstanceUID
        deflated = make_dataset(*uids, 3, side=64)
        self._deflated = part10(with_meta(deflated, DeflatedExplicitVRLittleEndian))
        self._deflated_path = path_of(deflated)
        self._pixels = bytes(deflated.PixelData)
        self._turn = random.Random(len(self._pixels))
        answer = store(client, [*(made.data for made in self._plain), self._deflated])
        assert answer.status_code == 200, answer.text

    def broken(self, client: httpx.Client) -> Iterator[str]:
        """What is not read as it should be: files, metadata, frames, searches and pictures."""
        for made in self._plain:
            answer = client.get(made.path, headers={"Accept": _WHOLE})
            if answer.status_code != 200 or parts_of(answer)[0].body != made.data:
                yield f"a file is answered with {answer.status_code}"
        answer = client.get(self.study + "/metadata")
        if answer.status_code != 200 or len(answer.json()) != 3:
            yield f"metadata are answered with {answer.status_code}"
        answer = client.get("/studies", params={"PatientID": "P*", "limit": 5})
        if answer.status_code != 200 or not answer.json():
            yield f"a search is answered with {answer.status_code}"
        answer = client.get(self._deflated_path + "/frames/1", headers={"Accept": _FRAMES})
        if answer.status_code != 200 or parts_of(answer)[0].body != self._pixels:
            yield f"a frame of a deflated instance is answered with {answer.status_code}"
        yield from self._undrawn(client)

    def _undrawn(self, client: httpx.Client) -> Iterator[str]:
        """Pictures that cannot be kept already, because nobody has asked for them before."""
        window = f"{self._turn.uniform(100, 4000):.6f},{self._turn.uniform(100, 4000):.6f},linear"
        for path in (self._plain[0].path, self._deflated_path):
            answer = client.get(
                path + "/rendered", params={"window": window}, headers={"Accept": "image/png"}
            )
            if answer.status_code != 200:
                yield f"a picture is answered with {answer.status_code}"


def changed(data: bytes) -> bytes:
    """Other bytes under the same UIDs."""
    dataset = pydicom.dcmread(pydicom.filebase.DicomBytesIO(data))
    dataset.StudyDescription = "Changed"
    return part10(dataset)
