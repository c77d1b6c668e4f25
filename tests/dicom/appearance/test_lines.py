"""Rules of the words on a picture (PS3.18 8.3.5.1.1)."""

from __future__ import annotations

from pydicom import Dataset, Sequence

from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.appearance.lines import patient_lines, technique_lines
from dicomweb_server.model.rendering import Window


def _document(**attributes: object) -> Attributes:
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return Attributes(made.to_json_dict())


def test_patient_lines_say_who_it_is() -> None:
    document = _document(
        PatientName="Doe^Jane^^Dr",
        PatientID="P1",
        PatientBirthDate="19700102",
        PatientSex="F",
    )
    assert patient_lines(document) == (
        "Doe, Dr Jane",
        "ID P1",
        "Born 1970-01-02",
        "Sex female",
    )


def test_what_is_not_known_has_no_line() -> None:
    assert patient_lines(Attributes({})) == ()
    assert technique_lines(Attributes({})) == ()


def test_technique_lines_say_how_it_was_made_and_not_of_whom() -> None:
    document = _document(
        PatientName="Doe^Jane",
        PatientID="P1",
        StudyDate="20240229",
        StudyTime="131415",
        Modality="CT",
        SeriesDescription="Thorax",
        InstitutionName="Clinic",
        StationName="CT1",
        SeriesNumber="2",
        InstanceNumber="7",
        KVP="120",
        XRayTubeCurrent="200",
        SliceThickness="5.0",
        SliceLocation="-77.2040625",
        PixelSpacing=["0.661468", "0.661468"],
    )
    lines = technique_lines(document, window=Window(40, 400))
    assert lines == (
        "2024-02-29 13:14:15",
        "CT, Thorax",
        "Clinic, CT1",
        "Series 2, Image 7",
        "120 kV, 200 mA",
        "Thickness 5 mm, Location -77.204 mm",
        "Pixels 0.661 x 0.661 mm",
        "Window 40 / 400",
    )


def test_functional_groups_tell_the_technique_of_a_frame() -> None:
    group, timing, echo = Dataset(), Dataset(), Dataset()
    timing.RepetitionTime, echo.EffectiveEchoTime = 4000, 194.4
    group.MRTimingAndRelatedParametersSequence = Sequence([timing])
    group.MREchoSequence = Sequence([echo])
    document = _document(
        NumberOfFrames=2, PerFrameFunctionalGroupsSequence=Sequence([Dataset(), group])
    )
    assert technique_lines(document, 2) == ("Frame 2 of 2", "TR 4000 ms, TE 194.4 ms")
    assert technique_lines(document, 1) == ("Frame 1 of 2",)


def test_lines_are_short_and_of_one_row() -> None:
    document = Attributes({"00100020": {"vr": "LO", "Value": ["a\nb\x00" + "c" * 500]}})
    (line,) = patient_lines(document)
    assert line.startswith("ID a b")
    assert len(line) == 64
