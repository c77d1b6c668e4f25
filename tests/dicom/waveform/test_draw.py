"""Drawn pages of waveforms: paper of ECG, lanes of everything else, bounds."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from dicomweb_server.dicom.waveform.derived import limb_leads
from dicomweb_server.dicom.waveform.draw import draw_waveforms
from dicomweb_server.dicom.waveform.groups import read_groups
from dicomweb_server.model.drawing import Drawing, Line
from tests.dicom.report.samples import code, value
from tests.dicom.waveform.samples import LEADS, channel, ecg, group, waveform
from tests.dicom.waveform.test_groups import real

_SECOND, _MILLIVOLT = 125.0, 50.0
"""Pixels: 25 mm in a second and 10 mm for a millivolt at 5 pixels for a millimetre."""
_GENERAL = "1.2.840.10008.5.1.4.1.1.9.1.2"
_EEG = "1.2.840.10008.5.1.4.1.1.9.7.1"


def _told(drawing: Drawing) -> list[str]:
    return [words.text for words in drawing.words]


def _traces(drawing: Drawing) -> list[Line]:
    """Lines of signals: those with more points than grid and calibration have."""
    return [line for line in drawing.lines if len(line.points) > 8]


def test_a_standard_ecg_has_three_rows_of_four_leads_and_one_of_rhythm() -> None:
    drawing = draw_waveforms(waveform(ecg(10)), {})
    told = _told(drawing)
    assert [told.count(lead) for lead in LEADS] == [1, 2, *[1] * 10]
    assert told[0] == "12-lead ECG"
    assert "25 mm/s, 10 mm/mV, 100 samples/s" in told
    assert len(_traces(drawing)) == 13
    assert drawing.width == 1350


def test_paper_speed_and_gain_are_those_of_the_paper() -> None:
    rhythm = _traces(draw_waveforms(waveform(ecg(10)), {}))[-1]
    flat = rhythm.points[0][1]
    spikes = [x for x, y in rhythm.points if y < flat - 1]
    heights = {round(flat - y, 1) for _, y in rhythm.points if y < flat - 1}
    assert heights == {_MILLIVOLT}
    assert [round(b - a, 1) for a, b in pairwise(spikes)] == [_SECOND] * 8
    assert rhythm.points[-1][0] - rhythm.points[0][0] == pytest.approx(10 * _SECOND, abs=2)


def test_the_calibration_mark_is_a_millivolt_for_a_fifth_of_a_second() -> None:
    marks = [line for line in draw_waveforms(waveform(ecg(10)), {}).lines if len(line.points) == 6]
    assert len(marks) == 4
    for mark in marks:
        (_, low), (left, _), (_, high), (right, _) = mark.points[:4]
        assert low - high == _MILLIVOLT
        assert right - left == _SECOND / 5


def test_the_grid_is_of_1_and_5_millimetres() -> None:
    drawing = draw_waveforms(waveform(ecg(10)), {})
    upright = [line for line in drawing.lines if len(line.points) == 2 and line.width == 1.0]
    by_colour: dict[tuple[int, int, int], list[float]] = {}
    for line in upright:
        (left, _), (right, _) = line.points
        if left == right:
            by_colour.setdefault(line.colour, []).append(left)
    fine, strong = by_colour.values()
    assert {b - a for a, b in pairwise(fine)} == {5.0}
    assert {b - a for a, b in pairwise(strong)} == {25.0}


def test_columns_go_on_where_the_one_before_ends() -> None:
    count = 1000
    ramp = [place - 500 for place in range(count)]
    item = group([channel(name) for name in LEADS], [ramp for _ in LEADS])
    drawing = draw_waveforms(waveform(item), {})
    first_row = _traces(drawing)[:4]
    for before, behind in pairwise(first_row):
        assert behind.points[0] == pytest.approx(before.points[-1], abs=0.2)


@pytest.mark.parametrize(("seconds", "rows", "named"), [(1.2, 3, 12), (4.0, 6, 12), (7.0, 4, 13)])
def test_short_recordings_have_layouts_of_their_own(seconds: float, rows: int, named: int) -> None:
    drawing = draw_waveforms(waveform(ecg(seconds)), {})
    assert len([line for line in drawing.lines if len(line.points) == 6]) == rows
    assert sum(words in LEADS for words in _told(drawing)) == named


def test_leads_that_were_not_recorded_are_told() -> None:
    drawing = draw_waveforms(waveform(ecg(10, names=LEADS[:8])), {})
    assert _told(drawing).count("not recorded") == 4


def test_limb_leads_follow_from_the_first_two() -> None:
    names = ("I", "II", *LEADS[6:])
    signals = {"I": 300, "II": 1000}
    item = group(
        [channel(name) for name in names],
        [[0] * 600 + [signals.get(name, 0)] * 300 + [0] * 100 for name in names],
    )
    drawing = draw_waveforms(waveform(item), {})
    told = _told(drawing)
    expected = {"III": 700, "aVR": -650, "aVL": -200, "aVF": 850}
    assert {f"{lead} (derived)" for lead in expected} <= set(told)
    assert "not recorded" not in told
    (found,) = read_groups(waveform(item), {})
    leads = {each.lead: each for each in found.channels}
    for lead, made in limb_leads(leads, 1000).items():
        assert made.samples[700] * made.scale + made.offset == expected[lead]
    assert limb_leads({"I": leads["I"]}, 1000) == {}


def test_signals_that_are_no_voltages_do_not_spoil_the_page() -> None:
    names = (*LEADS, "Resp", "V7")
    channels = [channel(name, "Ohm" if name == "Resp" else "uV") for name in names]
    item = group(channels, [[0, 1] * 500 for _ in names])
    drawing = draw_waveforms(waveform(item), {})
    assert len([line for line in drawing.lines if len(line.points) == 6]) == 5
    assert any("1 more channels are not shown" in words for words in _told(drawing))


def test_recordings_beyond_ten_seconds_say_what_is_shown() -> None:
    assert any(
        "10 s of 30 s shown" in words for words in _told(draw_waveforms(waveform(ecg(30)), {}))
    )


def test_voltages_of_any_unit_have_the_same_gain() -> None:
    drawings = []
    for unit, factor in (("mV", 0.001), ("uV", 1.0), ("V", 1e-6)):
        signal = [0] * 100 + [1000] * 10 + [0] * 890
        item = group([channel(name, unit, factor) for name in LEADS], [signal for _ in LEADS])
        drawings.append(draw_waveforms(waveform(item), {}).lines)
    assert drawings[0] == drawings[1] == drawings[2]


def test_other_ecgs_are_strips_of_ten_seconds() -> None:
    drawing = draw_waveforms(waveform(ecg(25, names=("II", "MCL1")), sop_class=_GENERAL), {})
    told = _told(drawing)
    assert (told.count("II"), told.count("MCL1"), told.count("10 s"), told.count("20 s")) == (
        3,
        3,
        2,
        2,
    )


def test_long_recordings_become_lanes_with_extremes_kept() -> None:
    count = 1_000_000
    signal = [0] * count
    signal[123_456] = 30_000
    item = group([channel("A"), channel("B")], [signal, [0] * count], 1000)
    drawing = draw_waveforms(waveform(item, sop_class=_GENERAL), {})
    assert sum(len(line.points) for line in drawing.lines) < 20_000
    first = max(
        _traces(drawing),
        key=lambda line: max(y for _, y in line.points) - min(y for _, y in line.points),
    )
    heights = [y for _, y in first.points]
    assert max(heights) - min(heights) == pytest.approx(98, abs=1)
    assert "2:00 min" in _told(drawing)


def test_lanes_tell_names_units_and_ends() -> None:
    item = group([channel("LV", "mm[Hg]", 0.1), channel("Fp1")], [[0, 1200], [-50, 50]])
    drawing = draw_waveforms(waveform(item, sop_class=_EEG), {})
    for words in ("LV", "mmHg", "0", "120", "Fp1", "uV", "-50", "50", "0 s"):
        assert words in _told(drawing)


def test_missing_samples_are_gaps() -> None:
    signal = [0] * 40 + [-32768] * 20 + [0] * 40
    item = group([channel("A")], [signal])
    item["5400100A"] = {"vr": "OW", "InlineBinary": "AIA="}
    drawing = draw_waveforms(waveform(item, sop_class=_EEG), {})
    assert len(_traces(drawing)) == 2
    assert "-32768" not in _told(drawing)


def test_many_groups_and_channels_are_bounded_and_say_so() -> None:
    names = [f"C{number}" for number in range(300)]
    wide = group([channel(name) for name in names], [[1, 2]] * 300)
    drawing = draw_waveforms(waveform(*[wide] * 12, sop_class=_EEG), {})
    assert drawing.height < 20_000
    told = " ".join(_told(drawing))
    assert "236 more channels are not shown" in told
    assert "more groups" in told


def test_the_heart_rate_stands_where_it_was_measured() -> None:
    annotation = {
        "0040A043": value("SQ", code("Ventricular Heart Rate")),
        "0040A30A": value("DS", 72),
        "004008EA": value("SQ", code("BPM", "{H.B.}/min", "UCUM")),
    }
    item = {**waveform(ecg(10)), "0040B020": value("SQ", annotation)}
    assert any("rate 72 /min" in words for words in _told(draw_waveforms(item, {})))


def test_nothing_about_the_patient_is_on_the_page_unless_asked() -> None:
    item = {
        **waveform(ecg(10)),
        "00100010": value("PN", {"Alphabetic": "Canary^Bird"}),
        "00100020": value("LO", "canary"),
        "00080080": value("LO", "canary"),
    }
    assert not any("anary" in words for words in _told(draw_waveforms(item, {})))
    told = _told(draw_waveforms(item, {}, (("Canary, Bird", "canary"), ("ECG",))))
    assert {"Canary, Bird", "canary", "ECG"} <= set(told)


@pytest.mark.parametrize(("name", "rows"), [("waveform_ecg", 7), ("wave_dfl", 4)])
def test_real_ecgs_are_drawn_on_paper(data_folder: Path, name: str, rows: int) -> None:
    found = real(data_folder / "valid" / "waveform" / f"{name}.dcm")
    drawing = draw_waveforms(*found)
    assert len([line for line in drawing.lines if len(line.points) == 6]) == rows
    assert drawing == draw_waveforms(*found)
    told = " ".join(_told(drawing))
    assert "filter 0.05 to" in told
    assert "Anonymous" not in told
