"""Which attribute belongs to, must match, must be returned and can be sorted by at which level."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from dicomweb_server.model.attributes import INSTANCE_ATTRIBUTES, SERIES_TAGS, STUDY_TAGS
from dicomweb_server.model.ids import Level, Scope
from dicomweb_server.model.query import Order, Path
from dicomweb_server.model.tags import lookup

__all__ = [
    "COMPUTED",
    "COMPUTED_MATCH",
    "DEFAULT_EXTRA",
    "INSTANCE_ATTRIBUTES",
    "KEPT_AT_EVERY_LEVEL",
    "REQUIRED_MATCH",
    "RETURNED",
    "SERIES_TAGS",
    "SORTABLE",
    "STUDY_TAGS",
    "IndexPlan",
    "ReturnRule",
    "default_order",
    "level_of",
    "levels_of",
    "total_order",
    "vr_of",
]

TIMEZONE_OFFSET: Final = 0x00080201
MODALITIES_IN_STUDY: Final = 0x00080061
STUDY_UID: Final = 0x0020000D
SERIES_UID: Final = 0x0020000E
INSTANCE_UID: Final = 0x00080018

KEPT_AT_EVERY_LEVEL: Final = frozenset({TIMEZONE_OFFSET})
"""Attributes of the instance that searches return at each level, if present (PS3.18 10.6.3.3)."""

COMPUTED: Final[Mapping[int, Level]] = MappingProxyType(
    {
        0x00080056: Level.STUDY,  # InstanceAvailability
        0x00080061: Level.STUDY,  # ModalitiesInStudy
        0x00081190: Level.STUDY,  # RetrieveURL
        0x00201206: Level.STUDY,  # NumberOfStudyRelatedSeries
        0x00201208: Level.STUDY,  # NumberOfStudyRelatedInstances
        0x00201209: Level.SERIES,  # NumberOfSeriesRelatedInstances
        0x00083002: Level.INSTANCE,  # AvailableTransferSyntaxUID
    }
)
"""Attributes that the archive tells of itself, with the first level that has them.

Values of these in stored files count for nothing in searches.
"""

COMPUTED_MATCH: Final[frozenset[Path]] = frozenset(
    {(0x00080061,), (0x00201206,), (0x00201208,), (0x00201209,)}
)
"""Those of them that a search can match."""


def level_of(tag: int) -> Level:
    """The level that an attribute belongs to; for a path, ask with its first tag.

    What belongs to neither study nor series belongs to the instance.

    Args:
        tag: Any tag.
    """
    if tag in COMPUTED:
        return COMPUTED[tag]
    if tag in STUDY_TAGS or tag in KEPT_AT_EVERY_LEVEL:
        return Level.STUDY
    return Level.SERIES if tag in SERIES_TAGS else Level.INSTANCE


def levels_of(tag: int) -> tuple[Level, ...]:
    """The levels in whose `LevelAttributes` an attribute is kept; empty where in none.

    Args:
        tag: Any tag of the data set's root.
    """
    if tag in KEPT_AT_EVERY_LEVEL:
        return tuple(Level)
    if tag in COMPUTED:
        return ()
    level = level_of(tag)
    return () if level is Level.INSTANCE and tag not in INSTANCE_ATTRIBUTES else (level,)


def vr_of(tag: int) -> str:
    """The VR by which a tag is matched: the first one that PS3.6 names, ``UN`` where unknown."""
    entry = lookup(tag)
    return entry.vr[:2] if entry else "UN"


@dataclass(frozen=True, slots=True)
class ReturnRule:
    """How an attribute takes part in the answers of one level (PS3.18 Tables 10.6.3-3 to -5).

    Args:
        tag: The attribute.
        vr: Its value representation.
        always: Present even when empty, then as ``{"vr": ...}``; at the instance level only if
            the instance has it. Others (conditional ones) are returned when known.
        computed: The archive makes the value; it is in no `LevelAttributes`.
    """

    tag: int
    vr: str
    always: bool = True
    computed: bool = False


RETURNED: Final[Mapping[Level, tuple[ReturnRule, ...]]] = MappingProxyType(
    {
        Level.STUDY: (
            ReturnRule(0x00080020, "DA"),  # StudyDate
            ReturnRule(0x00080030, "TM"),  # StudyTime
            ReturnRule(0x00080050, "SH"),  # AccessionNumber
            ReturnRule(0x00080056, "CS", always=False, computed=True),  # InstanceAvailability
            ReturnRule(0x00080061, "CS", computed=True),  # ModalitiesInStudy
            ReturnRule(0x00080090, "PN"),  # ReferringPhysicianName
            ReturnRule(0x00080201, "SH", always=False),  # TimezoneOffsetFromUTC
            ReturnRule(0x00081190, "UR", computed=True),  # RetrieveURL
            ReturnRule(0x00100010, "PN"),  # PatientName
            ReturnRule(0x00100020, "LO"),  # PatientID
            ReturnRule(0x00100030, "DA"),  # PatientBirthDate
            ReturnRule(0x00100040, "CS"),  # PatientSex
            ReturnRule(0x0020000D, "UI"),  # StudyInstanceUID
            ReturnRule(0x00200010, "SH"),  # StudyID
            ReturnRule(0x00201206, "IS", computed=True),  # NumberOfStudyRelatedSeries
            ReturnRule(0x00201208, "IS", computed=True),  # NumberOfStudyRelatedInstances
        ),
        Level.SERIES: (
            ReturnRule(0x00080056, "CS", always=False, computed=True),  # InstanceAvailability
            ReturnRule(0x00080060, "CS"),  # Modality
            ReturnRule(0x00080201, "SH", always=False),  # TimezoneOffsetFromUTC
            ReturnRule(0x0008103E, "LO", always=False),  # SeriesDescription
            ReturnRule(0x00081190, "UR", computed=True),  # RetrieveURL
            ReturnRule(0x0020000E, "UI"),  # SeriesInstanceUID
            ReturnRule(0x00200011, "IS"),  # SeriesNumber
            ReturnRule(0x00201209, "IS", computed=True),  # NumberOfSeriesRelatedInstances
            ReturnRule(0x00400244, "DA", always=False),  # PerformedProcedureStepStartDate
            ReturnRule(0x00400245, "TM", always=False),  # PerformedProcedureStepStartTime
            ReturnRule(0x00400275, "SQ", always=False),  # RequestAttributesSequence
        ),
        Level.INSTANCE: (
            ReturnRule(0x00080016, "UI"),  # SOPClassUID
            ReturnRule(0x00080018, "UI"),  # SOPInstanceUID
            ReturnRule(0x00080056, "CS", always=False, computed=True),  # InstanceAvailability
            ReturnRule(0x00080201, "SH", always=False),  # TimezoneOffsetFromUTC
            ReturnRule(0x00081190, "UR", computed=True),  # RetrieveURL
            ReturnRule(0x00083002, "UI", always=False, computed=True),  # AvailableTransferSyntaxUID
            ReturnRule(0x00200013, "IS"),  # InstanceNumber
            ReturnRule(0x00280008, "IS", always=False),  # NumberOfFrames
            ReturnRule(0x00280010, "US", always=False),  # Rows
            ReturnRule(0x00280011, "US", always=False),  # Columns
            ReturnRule(0x00280100, "US", always=False),  # BitsAllocated
        ),
    }
)
"""What every answer of a level holds, in the order of tags."""

REQUEST_ATTRIBUTES_KEPT: Final = frozenset({0x00400009, 0x00401001})
"""Members of RequestAttributesSequence that answers hold without being asked for."""

REQUIRED_MATCH: Final[Mapping[Level, tuple[Path, ...]]] = MappingProxyType(
    {
        Level.STUDY: (
            (0x00080020,),  # StudyDate
            (0x00080030,),  # StudyTime
            (0x00080050,),  # AccessionNumber
            (0x00080061,),  # ModalitiesInStudy
            (0x00080090,),  # ReferringPhysicianName
            (0x00100010,),  # PatientName
            (0x00100020,),  # PatientID
            (0x0020000D,),  # StudyInstanceUID
            (0x00200010,),  # StudyID
        ),
        Level.SERIES: (
            (0x00080060,),  # Modality
            (0x0020000E,),  # SeriesInstanceUID
            (0x00200011,),  # SeriesNumber
            (0x00400244,),  # PerformedProcedureStepStartDate
            (0x00400245,),  # PerformedProcedureStepStartTime
            (0x00400275, 0x00400009),  # RequestAttributesSequence, ScheduledProcedureStepID
            (0x00400275, 0x00401001),  # RequestAttributesSequence, RequestedProcedureID
        ),
        Level.INSTANCE: (
            (0x00080016,),  # SOPClassUID
            (0x00080018,),  # SOPInstanceUID
            (0x00200013,),  # InstanceNumber
        ),
    }
)
"""Keys that must match at each level (PS3.18 Table 10.6.1-5), and at the levels below."""

DEFAULT_EXTRA: Final[tuple[Path, ...]] = (
    (0x00081030,),  # StudyDescription
    (0x00081060,),  # NameOfPhysiciansReadingStudy
    (0x00081048,),  # PhysiciansOfRecord
    (0x00081080,),  # AdmittingDiagnosesDescription
    (0x00081032, 0x00080100),  # ProcedureCodeSequence, CodeValue
    (0x00081110, 0x00081155),  # ReferencedStudySequence, ReferencedSOPInstanceUID
    (0x00100021,),  # IssuerOfPatientID
    (0x00100030,),  # PatientBirthDate
    (0x00100032,),  # PatientBirthTime
    (0x00100040,),  # PatientSex
    (0x00101000,),  # OtherPatientIDs
    (0x00101001,),  # OtherPatientNames
    (0x00101002, 0x00100020),  # OtherPatientIDsSequence, PatientID
    (0x00101002, 0x00100021),  # OtherPatientIDsSequence, IssuerOfPatientID
    (0x00101010,),  # PatientAge
    (0x00102160,),  # EthnicGroup
    (0x00104000,),  # PatientComments
    (0x00120010,),  # ClinicalTrialSponsorName
    (0x00120020,),  # ClinicalTrialProtocolID
    (0x00120030,),  # ClinicalTrialSiteID
    (0x00120040,),  # ClinicalTrialSubjectID
    (0x00120050,),  # ClinicalTrialTimePointID
    (0x00321032,),  # RequestingPhysician
    (0x00321060,),  # RequestedProcedureDescription
    (0x00080021,),  # SeriesDate
    (0x00080031,),  # SeriesTime
    (0x00080070,),  # Manufacturer
    (0x00080080,),  # InstitutionName
    (0x00081010,),  # StationName
    (0x0008103E,),  # SeriesDescription
    (0x00081040,),  # InstitutionalDepartmentName
    (0x00081050,),  # PerformingPhysicianName
    (0x00081070,),  # OperatorsName
    (0x00081090,),  # ManufacturerModelName
    (0x00180015,),  # BodyPartExamined
    (0x00181000,),  # DeviceSerialNumber
    (0x00181030,),  # ProtocolName
    (0x00185100,),  # PatientPosition
    (0x00200052,),  # FrameOfReferenceUID
    (0x00200060,),  # Laterality
    (0x00400253,),  # PerformedProcedureStepID
    (0x00400254,),  # PerformedProcedureStepDescription
    (0x00080008,),  # ImageType
    (0x00080012,),  # InstanceCreationDate
    (0x00080013,),  # InstanceCreationTime
    (0x00080022,),  # AcquisitionDate
    (0x0008002A,),  # AcquisitionDateTime
    (0x00080032,),  # AcquisitionTime
    (0x00080023,),  # ContentDate
    (0x00080033,),  # ContentTime
    (0x00081115, 0x0020000E),  # ReferencedSeriesSequence, SeriesInstanceUID
    (0x00200012,),  # AcquisitionNumber
    (0x00200062,),  # ImageLaterality
    (0x00280004,),  # PhotometricInterpretation
    (0x00280008,),  # NumberOfFrames
    (0x00280010,),  # Rows
    (0x00280011,),  # Columns
    (0x00280100,),  # BitsAllocated
    (0x00280301,),  # BurnedInAnnotation
    (0x0040A043, 0x00080100),  # ConceptNameCodeSequence, CodeValue
    (0x0040A043, 0x00080102),  # ConceptNameCodeSequence, CodingSchemeDesignator
    (0x0040A491,),  # CompletionFlag
    (0x0040A493,),  # VerificationFlag
    (0x00700080,),  # ContentLabel
    (0x00700081,),  # ContentDescription
)
"""Further keys that match unless the settings say otherwise: what viewers and PACS tools ask."""


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """Which attributes of an instance become searchable.

    Args:
        paths: Attributes whose values the scan collects. Computed ones are not among them;
            TimezoneOffsetFromUTC always is, because date-time matching needs it.
    """

    paths: frozenset[Path]

    @classmethod
    def of(cls, extra: Iterable[Path] = DEFAULT_EXTRA) -> IndexPlan:
        """The required keys and further ones.

        Args:
            extra: Paths beyond the required ones.
        """
        required = {path for paths in REQUIRED_MATCH.values() for path in paths}
        wanted = required | set(extra) | {(TIMEZONE_OFFSET,)}
        return cls(frozenset(path for path in wanted if path[0] not in COMPUTED))

    def matches(self, path: Path) -> bool:
        """Whether a search can match an attribute (computed ones included)."""
        if path in COMPUTED_MATCH:
            return True
        return path in self.paths and path != (TIMEZONE_OFFSET,)

    @property
    def prefixes(self) -> frozenset[Path]:
        """Paths of the sequences that have to be entered; work it out once and keep it."""
        return frozenset(path[:depth] for path in self.paths for depth in range(1, len(path)))


SORTABLE: Final[Mapping[Level, tuple[int, ...]]] = MappingProxyType(
    {
        Level.STUDY: (
            0x00080020,  # StudyDate
            0x00080030,  # StudyTime
            0x00080050,  # AccessionNumber
            0x00080090,  # ReferringPhysicianName
            0x00081030,  # StudyDescription
            0x00100010,  # PatientName
            0x00100020,  # PatientID
            0x00100030,  # PatientBirthDate
            0x0020000D,  # StudyInstanceUID
            0x00200010,  # StudyID
            0x00201206,  # NumberOfStudyRelatedSeries
            0x00201208,  # NumberOfStudyRelatedInstances
        ),
        Level.SERIES: (
            0x00080021,  # SeriesDate
            0x00080031,  # SeriesTime
            0x00080060,  # Modality
            0x0008103E,  # SeriesDescription
            0x0020000D,  # StudyInstanceUID
            0x0020000E,  # SeriesInstanceUID
            0x00200011,  # SeriesNumber
            0x00201209,  # NumberOfSeriesRelatedInstances
        ),
        Level.INSTANCE: (
            0x00080016,  # SOPClassUID
            0x00080018,  # SOPInstanceUID
            0x00080023,  # ContentDate
            0x00080033,  # ContentTime
            0x0020000D,  # StudyInstanceUID
            0x0020000E,  # SeriesInstanceUID
            0x00200013,  # InstanceNumber
        ),
    }
)
"""Attributes that answers of a level can be sorted by.

The first value counts, in canonical form; IS and counts by size, all else by code points. What is
absent, empty or (IS) not a number comes before everything else, last when descending.
"""

_UIDS: Final[Mapping[Level, tuple[int, ...]]] = MappingProxyType(
    {
        Level.STUDY: (STUDY_UID,),
        Level.SERIES: (SERIES_UID, STUDY_UID),
        Level.INSTANCE: (INSTANCE_UID, SERIES_UID, STUDY_UID),
    }
)


def default_order(level: Level, scope: Scope) -> tuple[Order, ...]:
    """The order of answers that were not asked to be sorted; total.

    Studies newest first; series and instances of one study by their numbers; series and instances
    of the whole archive by UID.

    Args:
        level: What is returned.
        scope: Where is searched.
    """
    wanted: tuple[Order, ...] = ()
    if level is Level.STUDY:
        wanted = (Order(0x00080020, descending=True), Order(0x00080030, descending=True))
    elif scope.level is not None:
        wanted = (Order(0x00200011 if level is Level.SERIES else 0x00200013),)
    return total_order(level, wanted)


def total_order(level: Level, wanted: Iterable[Order]) -> tuple[Order, ...]:
    """The sort keys followed by the UIDs that make every row unique (PS3.18 8.3.4.4.1).

    Args:
        level: What is returned.
        wanted: Sort keys; repeated ones count once.
    """
    keys: dict[int, Order] = {}
    for order in (*wanted, *map(Order, _UIDS[level])):
        keys.setdefault(order.tag, order)
    return tuple(keys.values())
