"""Waveform objects as DICOM JSON, made in code."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from typing import Any

from tests.dicom.report.samples import Json, code, value

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


def channel(name: str, unit: str = "uV", sensitivity: float = 1.0, **others: Any) -> Json:
    """A channel definition; further attributes by the tag behind an underscore."""
    made: Json = {
        "003A0203": value("SH", name),
        "003A0208": value("SQ", code(f"Lead {name}")),
        "003A0210": value("DS", sensitivity),
        "003A0211": value("SQ", code(unit, unit, "UCUM")),
        "003A0212": value("DS", 1),
        "003A0213": value("DS", 0),
    }
    made.update({tag.lstrip("_"): attribute for tag, attribute in others.items()})
    return made


def group(
    channels: Sequence[Json],
    signals: Sequence[Sequence[int]],
    frequency: float = 100.0,
    form: str = "h",
    kind: str = "SS",
) -> Json:
    """A multiplex group with its data in the document."""
    rows = [each for row in zip(*signals, strict=True) for each in row]
    data = struct.pack(f"<{len(rows)}{form}", *rows)
    return {
        "003A0005": value("US", len(channels)),
        "003A0010": value("UL", len(signals[0])),
        "003A001A": value("DS", frequency),
        "003A0200": value("SQ", *channels),
        "54001004": value("US", struct.calcsize(form) * 8),
        "54001006": value("CS", kind),
        "54001010": {"vr": "OW", "InlineBinary": base64.b64encode(data).decode()},
    }


def waveform(*groups: Json, sop_class: str = "1.2.840.10008.5.1.4.1.1.9.1.1") -> Json:
    """A whole object."""
    return {"00080016": value("UI", sop_class), "54000100": value("SQ", *groups)}


def ecg(seconds: float, frequency: float = 100.0, names: Sequence[str] = LEADS) -> Json:
    """An ECG whose leads are flat but for a millivolt at each full second."""
    count = round(seconds * frequency)
    signal = [1000 if place and place % round(frequency) == 0 else 0 for place in range(count)]
    return group([channel(name) for name in names], [signal for _ in names], frequency)
