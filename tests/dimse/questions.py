"""Patients of many scripts, and generated questions about them."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import strategies as st
from pydicom import Dataset

from dicomweb_server.model.ids import Level
from dicomweb_server.model.tags import hex_of, tag_of
from tests.datasets import dataset
from tests.dimse.archives import keys

NAMES = (
    ("ISO_IR 192", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    ("ISO_IR 192", "Hong^Gildong=洪^吉洞=홍^길동"),
    ("ISO_IR 192", "Wang^XiaoDong=王^小东"),
    ("ISO_IR 126", "Διονυσιος"),
    ("ISO_IR 144", "Жуков^Иван"),
    ("ISO_IR 100", "Müller^Jérôme"),
    ("", "Doe^Jane"),
)
LEVELS = {Level.STUDY: "STUDY", Level.SERIES: "SERIES", Level.INSTANCE: "IMAGE"}


def instances() -> Iterator[Dataset]:
    """Seven patients with two studies of up to three series of up to two instances."""
    for person, (charset, name) in enumerate(NAMES, 1):
        for study in range(1, 3):
            for series in range(1, person % 3 + 2):
                for number in range(1, series % 2 + 2):
                    yield dataset(
                        SpecificCharacterSet=charset,
                        PatientName=name,
                        PatientID=f"P{person}",
                        PatientBirthDate=f"19{person}00101",
                        AccessionNumber=f"A{person}{study}",
                        StudyDate=f"2024010{study + person % 3}",
                        StudyTime=f"{8 + person:02}0000",
                        StudyDescription="" if person == 3 else f"Study {study}",
                        ReferringPhysicianName="" if person == 4 else "Smith^John",
                        Modality=("CT", "MR", "PT")[series % 3],
                        SeriesNumber=series,
                        InstanceNumber=number,
                        StudyInstanceUID=f"1.2.{person}.{study}",
                        SeriesInstanceUID=f"1.2.{person}.{study}.{series}",
                        SOPInstanceUID=f"1.2.{person}.{study}.{series}.{number}",
                        EchoTime=f"{number}.50",
                    )


MATCHING = {
    Level.STUDY: {
        "PatientName": ["", "Y*", "山田*", "*吉*", "müller*", "?oe^J*", "Жуков^Иван", "διον*"],
        "PatientID": ["", "P1", "P?", "nobody"],
        "StudyDate": ["", "20240102", "20240102-", "-20240102", "20240101-20240103"],
        "StudyTime": ["", "09", "0900-1200", "-10"],
        "AccessionNumber": ["", "A11", "A1*", "*"],
        "ModalitiesInStudy": ["", "CT", "C*", "MR\\PT"],
        "StudyInstanceUID": ["", "1.2.1.1", "1.2.1.1\\1.2.2.2\\1.2.99"],
        "StudyDescription": ["", "Study 1", "study*"],
        "ReferringPhysicianName": ["", "SMITH*"],
        "NumberOfStudyRelatedInstances": ["", "3"],
        "PatientBirthDate": ["", "19100101"],
    },
    Level.SERIES: {
        "Modality": ["", "CT", "?T"],
        "SeriesNumber": ["", "2", "02"],
        "SeriesInstanceUID": ["", "1.2.1.1.1"],
        "NumberOfSeriesRelatedInstances": ["", "1"],
        "SeriesDescription": [""],
    },
    Level.INSTANCE: {
        "SOPInstanceUID": ["", "1.2.1.1.1.1"],
        "InstanceNumber": ["", "1"],
        "SOPClassUID": [""],
        "Rows": ["", "4"],
        "EchoTime": [""],
    },
}


@st.composite
def queries(draw: st.DrawFn) -> tuple[Level, dict[str, str]]:
    level = draw(st.sampled_from(list(Level)))
    choices = {k: v for each in Level if each <= level for k, v in MATCHING[each].items()}
    names = draw(st.lists(st.sampled_from(sorted(choices)), min_size=1, max_size=5, unique=True))
    return level, {name: draw(st.sampled_from(choices[name])) for name in names}


def shown(element: dict[str, object]) -> object:
    """A JSON attribute in a form that does not tell how a number was written."""
    values = element.get("Value")
    if not isinstance(values, list):
        return []
    return [float(value) if element["vr"] in ("DS", "IS") else value for value in values]


def query_of(level: Level, values: dict[str, str]) -> Dataset:
    """An identifier in UTF-8."""
    texts = {name: text.split("\\") for name, text in values.items() if name != "Rows"}
    asked = keys(LEVELS[level], **texts)
    if "Rows" in values:
        asked.Rows = int(values["Rows"]) if values["Rows"] else None
    asked.SpecificCharacterSet = "ISO_IR 192"
    return asked


def tag_text(keyword: str) -> str:
    """The tag of a keyword as DICOM JSON has it."""
    tag = tag_of(keyword)
    assert tag is not None
    return hex_of(tag)
