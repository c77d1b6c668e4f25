"""Which attributes have columns of their own: the only way from a tag to a name in SQL."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from dicomweb_server.model.ids import Level
from dicomweb_server.model.query import Path

TIMEZONE_OFFSET: Final[Path] = (0x00080201,)
MODALITIES_IN_STUDY: Final[Path] = (0x00080061,)
MODALITY: Final[Path] = (0x00080060,)


@dataclass(frozen=True, slots=True)
class Column:
    """A column for one attribute.

    Args:
        name: Its name in the level's table.
        regular: The `regular` mark that its values must have to take part in range matching.
        matched: Searches match the column; otherwise it only sorts, and all values of the
            attribute are in the value table.
        place: Name of a further column that sorts it by size, empty where texts are sorted.
        key: It holds a UID of the instance key or another value that is not derived from values.
    """

    name: str
    regular: int = 0
    matched: bool = True
    place: str = ""
    key: bool = False


DATE: Final = 1
TIME: Final = 2
MOMENT: Final = 3
REGULAR: Final[Mapping[str, int]] = MappingProxyType({"DA": DATE, "TM": TIME, "DT": MOMENT})
"""Marks of canonical values by VR; 0 marks every other value."""

COLUMNS: Final[Mapping[Level, Mapping[Path, Column]]] = MappingProxyType(
    {
        Level.STUDY: MappingProxyType(
            {
                (0x0020000D,): Column("uid", key=True),
                (0x00080020,): Column("study_date", DATE),
                (0x00080030,): Column("study_time", TIME),
                (0x00080050,): Column("accession_number"),
                (0x00080090,): Column("referring_physician_name", matched=False),
                (0x00081030,): Column("study_description", matched=False),
                (0x00100010,): Column("patient_name", matched=False),
                (0x00100020,): Column("patient_id"),
                (0x00100030,): Column("patient_birth_date", matched=False),
                (0x00200010,): Column("study_id"),
            }
        ),
        Level.SERIES: MappingProxyType(
            {
                (0x0020000E,): Column("uid", key=True),
                (0x00080021,): Column("series_date", matched=False),
                (0x00080031,): Column("series_time", matched=False),
                (0x00080060,): Column("modality"),
                (0x0008103E,): Column("series_description", matched=False),
                (0x00200011,): Column("series_number", place="series_place"),
                (0x00400244,): Column("pps_start_date", DATE),
                (0x00400245,): Column("pps_start_time", TIME),
            }
        ),
        Level.INSTANCE: MappingProxyType(
            {
                (0x00080018,): Column("uid", key=True),
                (0x00080016,): Column("sop_class", key=True),
                (0x00080023,): Column("content_date", matched=False),
                (0x00080033,): Column("content_time", matched=False),
                (0x00200013,): Column("instance_number", place="instance_place"),
            }
        ),
    }
)

COUNTS: Final[Mapping[Path, tuple[Level, str]]] = MappingProxyType(
    {
        (0x00201206,): (Level.STUDY, "series_count"),
        (0x00201208,): (Level.STUDY, "instance_count"),
        (0x00201209,): (Level.SERIES, "instance_count"),
    }
)
"""Computed attributes that are counts."""


def path_key(path: Path) -> bytes:
    """A path as bytes that sort like it: four for each tag."""
    if len(path) == 1:
        return path[0].to_bytes(4, "big")
    return struct.pack(f">{len(path)}I", *path)


def storable(text: str) -> str:
    """A text that SQLite takes: lone surrogates become U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
