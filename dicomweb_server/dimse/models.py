"""The Query/Retrieve information models and their levels (PS3.4 C.6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from dicomweb_server.model.ids import Level
from dicomweb_server.model.levels import STUDY_TAGS

PATIENT_ID: Final = 0x00100020
STUDY_UID: Final = 0x0020000D
SERIES_UID: Final = 0x0020000E
INSTANCE_UID: Final = 0x00080018


class Depth(IntEnum):
    """The levels of Query/Retrieve Level (0008,0052); names as they are written."""

    PATIENT = 0
    STUDY = 1
    SERIES = 2
    IMAGE = 3

    @property
    def level(self) -> Level:
        """The level of the archive whose rows answer; patients are told by their studies."""
        return Level(max(self, Depth.STUDY))

    @property
    def unique_key(self) -> int:
        """Tag of the unique key."""
        return _UNIQUE_KEYS[self]


_UNIQUE_KEYS: Final[Mapping[Depth, int]] = MappingProxyType(
    {
        Depth.PATIENT: PATIENT_ID,
        Depth.STUDY: STUDY_UID,
        Depth.SERIES: SERIES_UID,
        Depth.IMAGE: INSTANCE_UID,
    }
)


@dataclass(frozen=True, slots=True)
class Model:
    """An information model.

    Args:
        name: As PS3.6 names it, without its verb.
        top: Its first level.
        bottom: Its last level.
        find, move, get: UIDs of its SOP classes.
    """

    name: str
    top: Depth
    bottom: Depth
    find: str
    move: str
    get: str


_ROOT: Final = "1.2.840.10008.5.1.4.1.2"
MODELS: Final = (
    Model(
        "Patient Root", Depth.PATIENT, Depth.IMAGE, f"{_ROOT}.1.1", f"{_ROOT}.1.2", f"{_ROOT}.1.3"
    ),
    Model("Study Root", Depth.STUDY, Depth.IMAGE, f"{_ROOT}.2.1", f"{_ROOT}.2.2", f"{_ROOT}.2.3"),
    Model(
        "Patient/Study Only",
        Depth.PATIENT,
        Depth.STUDY,
        f"{_ROOT}.3.1",
        f"{_ROOT}.3.2",
        f"{_ROOT}.3.3",
    ),
)
"""PS3.4 C.6.1 to C.6.3; the last one is retired and still asked for."""

_PATIENT_STUDY: Final = frozenset(
    {
        0x00101010,  # PatientAge
        0x00101020,  # PatientSize
        0x00101021,  # PatientSizeCodeSequence
        0x00101022,  # PatientBodyMassIndex
        0x00101023,  # MeasuredAPDimension
        0x00101024,  # MeasuredLateralDimension
        0x00101030,  # PatientWeight
        0x00102000,  # MedicalAlerts
        0x00102110,  # Allergies
        0x00102180,  # Occupation
        0x001021A0,  # SmokingStatus
        0x001021B0,  # AdditionalPatientHistory
        0x001021C0,  # PregnancyStatus
        0x001021D0,  # LastMenstrualDate
        0x00102203,  # PatientSexNeutered
    }
)
"""Attributes of group 0010 that belong to the study (PS3.3 C.7.2.2)."""

PATIENT_TAGS: Final = frozenset(tag for tag in STUDY_TAGS if tag >> 16 == 0x0010) - _PATIENT_STUDY
"""Attributes of the PATIENT level (PS3.4 Table C.6-1, PS3.3 C.7.1.1)."""


def found_by(sop_class: str) -> Model | None:
    """The model that a C-FIND asks, None where the SOP class is none of them."""
    return next((model for model in MODELS if model.find == sop_class), None)


def retrieved_by(sop_class: str) -> Model | None:
    """The model that a C-MOVE or C-GET asks, None where the SOP class is none of them."""
    return next((model for model in MODELS if sop_class in (model.move, model.get)), None)
