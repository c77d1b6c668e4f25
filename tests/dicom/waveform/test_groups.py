"""Channels and samples out of waveform objects."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomweb_server.dicom.report.tree import Code
from dicomweb_server.dicom.waveform.draw import draw_waveforms
from dicomweb_server.dicom.waveform.groups import (
    MOST_BYTES,
    Bulk,
    Group,
    bulk_needed,
    is_waveform,
    read_groups,
)
from dicomweb_server.dicom.waveform.leads import lead_of
from dicomweb_server.dicom.waveform.samples import is_known, read_samples
from tests.dicom.report.samples import Json, value
from tests.dicom.scans import bulk_value, document, plain, scanned
from tests.dicom.waveform.samples import channel, group, waveform


def real(path: Path) -> tuple[Json, Bulk]:
    """Document and bulk values of a file."""
    data = path.read_bytes()
    instance = scanned(data)
    found = document(instance)
    bytes_of = plain(data, instance)
    needed = bulk_needed(found)
    return found, {
        each.path: bulk_value(bytes_of, each) for each in instance.bulk if each.path in needed
    }


def _one(item: Json) -> Group:
    (found,) = read_groups(waveform(item), {})
    return found


@pytest.mark.parametrize("name", ["waveform_ecg", "wave_dfl"])
def test_values_of_real_files_are_those_of_another_reader(data_folder: Path, name: str) -> None:
    path = data_folder / "valid" / "waveform" / f"{name}.dcm"
    groups = read_groups(*real(path))
    dataset = pydicom.dcmread(path)
    assert len(groups) == len(dataset.WaveformSequence)
    for number, found in enumerate(groups):
        expected = dataset.waveform_array(number)
        values = np.array(
            [[each * c.scale + c.offset for each in c.samples] for c in found.channels]
        )
        assert np.allclose(values.T, expected)
        assert found.frequency == float(dataset.WaveformSequence[number].SamplingFrequency)


_KINDS = [
    ("b", "SB"),
    ("B", "UB"),
    ("h", "SS"),
    ("H", "US"),
    ("i", "SL"),
    ("I", "UL"),
    ("q", "SV"),
    ("Q", "UV"),
]


@pytest.mark.parametrize(("form", "kind"), _KINDS)
@given(data=st.data())
def test_samples_of_all_sizes(form: str, kind: str, data: st.DataObject) -> None:
    bits = struct.calcsize(form) * 8
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if form.islower() else (0, 2**bits - 1)
    values = data.draw(st.lists(st.integers(low, high), min_size=2, max_size=8))
    found = _one(group([channel("A"), channel("B")], [values, values[::-1]], 1, form, kind))
    assert list(found.channels[0].samples) == values
    assert list(found.channels[1].samples) == values[::-1]


def test_companded_samples_are_those_of_g_711() -> None:
    # Corner values of ITU-T G.711 tables 1a and 2a, in steps of 13 and 14 bits.
    mu_law = read_samples(bytes((0xFF, 0x7F, 0x80, 0x00, 0xFE, 0xF0)), 8, "MB")
    assert list(mu_law) == [0, 0, 8031, -8031, 2, 30]
    a_law = read_samples(bytes((0xD5, 0x55, 0xAA, 0x2A, 0xD4)), 8, "AB")
    assert list(a_law) == [1, -1, 4032, -4032, 3]
    assert len(set(read_samples(bytes(range(256)), 8, "AB"))) == 256
    assert len(set(read_samples(bytes(range(256)), 8, "MB"))) == 255
    assert not is_known(16, "MB")
    assert not is_known(8, "SS")


def test_values_are_samples_times_sensitivity_and_correction_plus_baseline() -> None:
    others = {"_003A0212": value("DS", 2), "_003A0213": value("DS", 5)}
    found = _one(group([channel("A", "mV", 0.5, **others)], [[10, 20]]))
    (only,) = found.channels
    assert [each * only.scale + only.offset for each in only.samples] == [15, 25]
    assert only.unit == "mV"


def test_channels_begin_where_their_skew_says() -> None:
    later = channel("A", _003A0214=value("DS", 0.25))
    samples = channel("B", _003A0215=value("DS", 50))
    offset = channel("C", _003A0218=value("DS", 1))
    found = _one(group([later, samples, offset], [[1, 2]] * 3, 100))
    assert [each.start for each in found.channels] == [0.25, 0.5, 1.0]


def test_padding_is_told_apart() -> None:
    item = group([channel("A")], [[1, -32768, 3]])
    item["5400100A"] = {"vr": "OW", "InlineBinary": "AIA="}
    assert _one(item).channels[0].padding == -32768


@pytest.mark.parametrize(
    ("source", "label", "expected"),
    [
        (Code("5.6.3-9-1", "SCPECG", "x"), "", "I"),
        (Code("5.6.3-9-61", "SCPECG", "x"), "", "III"),
        (Code("2:62", "MDC", "x"), "", "aVR"),
        (Code("2:8", "MDC", "x"), "", "V6"),
        (Code("2:99", "MDC", "Lead V1"), "V1", ""),
        (Code("x", "y", "Lead aVL, augmented voltage, left"), "", "aVL"),
        (Code("x", "y", "Lead II"), "", "II"),
        (Code("x", "y", "LEAD AVF"), "", "aVF"),
        (Code(), "V5", "V5"),
        (Code("x", "y", "Left ventricle"), "LV", ""),
        (Code("x", "y", "EEG Fp1"), "Fp1", ""),
        (Code(), "V10", ""),
    ],
)
def test_leads_are_known_by_code_and_name(source: Code, label: str, expected: str) -> None:
    assert lead_of(source, label) == expected


def test_long_recordings_are_read_up_to_a_bound() -> None:
    item = group([channel("A")], [[1] * 10])
    item["003A0010"] = value("UL", 10**9)
    found = _one(item)
    assert (found.seconds, found.whole) == (0.1, 10**7)
    item["54001010"] = {"vr": "OW", "BulkDataURI": "x/bulkdata/54000100.1.54001010"}
    assert bulk_needed(waveform(item)) == {"54000100.1.54001010": MOST_BYTES}
    assert read_groups(waveform(item), {}) == ()
    cut = read_groups(waveform(item), {"54000100.1.54001010": bytes(7)})
    assert len(cut[0].channels[0].samples) == 3


def test_objects_without_waveforms() -> None:
    assert not is_waveform({})
    assert read_groups({}, {}) == ()
    assert draw_waveforms({}, {}).width > 0


_LEAF = st.one_of(st.integers(), st.floats(), st.text(max_size=4), st.none(), st.booleans())


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_malformed_groups_never_fail_and_stay_bounded(data: st.DataObject) -> None:
    item: dict[str, Any] = group([channel("I"), channel("V1")], [[1, 2, 3, 4], [5, 6, 7, 8]])
    tags = ["003A0005", "003A0010", "003A001A", "54001004", "54001006", "5400100A", "00181068"]
    for tag in data.draw(st.lists(st.sampled_from(tags), max_size=3)):
        item[tag] = {"vr": "DS", "Value": data.draw(st.lists(_LEAF, max_size=2))}
    inner = ["003A0210", "003A0212", "003A0213", "003A0214", "003A0215", "003A0218", "003A0221"]
    for tag in data.draw(st.lists(st.sampled_from(inner), max_size=3)):
        item["003A0200"]["Value"][0][tag] = {"vr": "DS", "Value": [data.draw(_LEAF)]}
    drawing = draw_waveforms(waveform(item), {})
    assert drawing.height < 20_000
    for line in drawing.lines:
        assert all(abs(x) < 1e7 and abs(y) < 1e7 for x, y in line.points)
