"""Fetch the native frames of a series into one numpy array and save it.

``python frames_to_numpy.py STUDY_UID SERIES_UID volume.npy``: an array of shape (frames, rows,
columns), or (frames, rows, columns, samples) for colour, with rescaled values where the images
tell a slope and an intercept. Needs dicomweb-client and numpy.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from dicomweb_client.api import DICOMwebClient
from pydicom.dataset import Dataset

NATIVE = (("application/octet-stream", "1.2.840.10008.1.2.1"),)
"""Uncompressed pixels in Explicit VR Little Endian."""


def pixel_type(image: Dataset) -> np.dtype[np.generic]:
    """The numpy type of stored pixels."""
    kind = "i" if image.PixelRepresentation else "u"
    return np.dtype(f"<{kind}{image.BitsAllocated // 8}")


def frames_of(client: DICOMwebClient, image: Dataset) -> npt.NDArray[np.generic]:
    """All frames of one instance."""
    count = int(image.get("NumberOfFrames") or 1)
    raw = client.retrieve_instance_frames(
        image.StudyInstanceUID,
        image.SeriesInstanceUID,
        image.SOPInstanceUID,
        list(range(1, count + 1)),
        media_types=NATIVE,
    )
    pixels = np.frombuffer(b"".join(raw), pixel_type(image))
    samples = int(image.SamplesPerPixel)
    if samples == 1:
        return pixels.reshape(count, image.Rows, image.Columns)
    if image.get("PlanarConfiguration"):
        return pixels.reshape(count, samples, image.Rows, image.Columns).transpose(0, 2, 3, 1)
    return pixels.reshape(count, image.Rows, image.Columns, samples)


def rescaled(frames: npt.NDArray[np.generic], image: Dataset) -> npt.NDArray[np.generic]:
    """Pixel values in the unit that the image names, such as Hounsfield units."""
    if "RescaleSlope" not in image:
        return frames
    values = frames.astype(np.float32)
    return values * float(image.RescaleSlope) + float(image.RescaleIntercept)


def main() -> int:
    """Fetch and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study")
    parser.add_argument("series")
    parser.add_argument("output", type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:8080/dicom-web")
    arguments = parser.parse_args()

    client = DICOMwebClient(url=arguments.url)
    metadata = client.retrieve_series_metadata(arguments.study, arguments.series)
    for item in metadata:
        item.pop("7FE00010", None)
    images = [Dataset.from_json(item, bulk_data_uri_handler=lambda uri: b"") for item in metadata]
    images.sort(key=lambda image: int(image.get("InstanceNumber") or 0))
    volume = np.concatenate([rescaled(frames_of(client, image), image) for image in images])
    np.save(arguments.output, volume)
    print(f"{volume.shape} {volume.dtype}, {volume.min()} to {volume.max()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
