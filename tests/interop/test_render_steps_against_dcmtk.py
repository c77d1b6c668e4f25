"""Steps of the grey pipeline that few real files have, on made images, against DCMTK."""

from __future__ import annotations

import shutil
import subprocess
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset

from dicomweb_server.model.frame import Frame
from dicomweb_server.model.media import EXPLICIT_LITTLE
from dicomweb_server.model.rendering import Appearance
from tests import datasets
from tests.codec.render.made import shown
from tests.dicom.appearance.instances import of

pytestmark = pytest.mark.skipif(shutil.which("dcmj2pnm") is None, reason="needs DCMTK")


def lut(count: int, first: int, bits: int, **more: object) -> Dataset:
    """An item with a table that is no straight line."""
    item = Dataset()
    entries = (np.sin(np.linspace(0, 2.5, count)) ** 2 * ((1 << bits) - 1)).astype("<u2")
    item.LUTDescriptor = [count % 65536, first, bits]
    item.add_new("LUTData", "OW", entries.tobytes())
    for keyword, value in more.items():
        setattr(item, keyword, value)
    return item


def image(bits: int, signed: bool = False, /, **attributes: object) -> Dataset:
    top = 1 << bits
    values = np.linspace(0, top - 1, 64 * 80).astype(np.int64) - (top // 2 if signed else 0)
    kind = "<i2" if signed else "<u2"
    return datasets.dataset(
        Rows=64,
        Columns=80,
        BitsStored=bits,
        HighBit=bits - 1,
        PixelRepresentation=int(signed),
        PixelData=values.astype(kind).tobytes(),
        **attributes,
    )


WINDOW: dict[str, object] = {"WindowCenter": 1000, "WindowWidth": 1800}
RESCALE: dict[str, object] = {"RescaleSlope": 2, "RescaleIntercept": -1024}


@pytest.mark.parametrize(
    ("made", "options"),
    [
        (image(12, **WINDOW), ["+Wi", "1"]),
        (image(16, **WINDOW), ["+Wi", "1"]),
        (image(12, True, **WINDOW), ["+Wi", "1"]),
        (image(12, True, **WINDOW, **RESCALE), ["+Wi", "1"]),
        (image(12, PhotometricInterpretation="MONOCHROME1", **WINDOW), ["+Wi", "1"]),
        (image(12, VOILUTFunction="SIGMOID", **WINDOW), ["+Wi", "1", "+Wfs"]),
        (image(12, **RESCALE), ["+Wm"]),
        (image(12, True), ["+Wm"]),
        (image(12, PresentationLUTShape="INVERSE", **WINDOW), ["+Wi", "1", "+Piv"]),
        (image(12, VOILUTSequence=[lut(4096, 0, 8)]), ["+Wl", "1"]),
        (image(12, VOILUTSequence=[lut(3000, 500, 12)]), ["+Wl", "1"]),
        (image(16, VOILUTSequence=[lut(65536, 0, 16)]), ["+Wl", "1"]),
        (image(12, ModalityLUTSequence=[lut(4096, 0, 16, ModalityLUTType="US")]), ["+Wm"]),
        (
            image(10, ModalityLUTSequence=[lut(900, 50, 12, ModalityLUTType="US")], **WINDOW),
            ["+Wi", "1"],
        ),
    ],
)
def test_made_images_equal_those_of_dcmtk(
    made: Dataset, options: list[str], tmp_path: Path
) -> None:
    ours = shown(*seen(made)).astype(int)
    difference = np.abs(ours - by_dcmtk(made, tmp_path, options))
    assert difference.max() <= 1
    assert difference.mean() < 0.6


@pytest.mark.parametrize(
    ("look", "options"),
    [
        (Appearance(rotation=90), ["+Rr"]),
        (Appearance(rotation=180), ["+Rtd"]),
        (Appearance(rotation=270), ["+Rl"]),
        (Appearance(flip=True), ["+Lh"]),
    ],
)
def test_turned_images_equal_those_of_dcmtk(
    look: Appearance, options: list[str], tmp_path: Path
) -> None:
    made = image(12)
    frame, _ = seen(made)
    assert np.array_equal(shown(frame, look), by_dcmtk(made, tmp_path, ["+Wm", *options]))


def seen(made: Dataset) -> tuple[Frame, Appearance]:
    kept = of(made)
    return Frame(kept.pixel, EXPLICIT_LITTLE, made.PixelData), kept.appearance()


def by_dcmtk(
    made: Dataset, folder: Path, options: list[str]
) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    source, target = folder / "image.dcm", folder / "image.pnm"
    source.write_bytes(datasets.part10(made))
    command = ["dcmj2pnm", "-q", "+op", *options, str(source), str(target)]
    subprocess.run(command, check=True, timeout=60)
    return np.asarray(Image.open(BytesIO(target.read_bytes()))).astype(np.int64)
