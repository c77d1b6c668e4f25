"""The PATIENT level: patients told by their studies (PS3.4 C.6.1.1.2).

Patients are told apart by Patient ID, and by Issuer of Patient ID where there are several; a study
without issuer belongs to the one that there is. Without a Patient ID, name and date of birth tell
them apart. What is known of a patient is what the newest study says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dicomweb_server.dicom.selection import JsonObject, read
from dicomweb_server.dimse.asked import PATIENT_COUNTS
from dicomweb_server.model.canonical import canonical

_ID, _NAME, _ISSUER, _BIRTH = "00100020", "00100010", "00100021", "00100030"
_DATE, _TIME = "00080020", "00080030"
_SERIES, _INSTANCES = "00201206", "00201208"
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


@dataclass(frozen=True, slots=True)
class Patient:
    """A patient.

    Args:
        key: What tells the patient from others: ID, issuer, name and date of birth, as far as they
            count.
        row: The newest study, as QIDO-RS answers it.
        moment: Its date and time.
        studies, series, instances: How many of the studies that were given.
    """

    key: tuple[str, str, str, str]
    row: bytes
    moment: str
    studies: int
    series: int
    instances: int

    @property
    def counts(self) -> dict[int, int]:
        """Its numbers by the tags of PATIENT_COUNTS."""
        numbers = (self.studies, self.series, self.instances)
        return dict(zip(PATIENT_COUNTS, numbers, strict=True))


def patients(rows: Iterable[bytes]) -> Iterator[Patient]:
    """The patients of studies.

    Args:
        rows: Studies in the order of Patient ID and name, as QIDO-RS answers them, with the issuer
            of the ID. One study of each patient is held until the next ID or name comes.
    """
    held: dict[tuple[str, str, str, str], Patient] = {}
    place: tuple[str, str] | None = None
    for row in rows:
        one = _patient(row)
        here = (one.key[0], one.key[2])
        if here != place:
            yield from _settled(held)
            held.clear()
            place = here
        known = held.get(one.key)
        held[one.key] = _joined(known, one) if known else one
    yield from _settled(held)


def _patient(row: bytes) -> Patient:
    found = read(row)
    identity = _first(found, _ID)
    if identity:
        key = (identity, _first(found, _ISSUER), "", "")
    else:
        name = canonical("PN", _first(found, _NAME))
        key = ("", "", name, _first(found, _BIRTH))
    moment = canonical("DA", _first(found, _DATE)) + canonical("TM", _first(found, _TIME))
    return Patient(key, row, moment, 1, _number(found, _SERIES), _number(found, _INSTANCES))


def _first(found: JsonObject, key: str) -> str:
    """The first value of an attribute as text; empty where there is none."""
    values = found.get(key, {}).get("Value")
    first = values[0] if isinstance(values, list) and values else ""
    if isinstance(first, dict):
        return "=".join(str(first.get(group, "")) for group in _GROUPS)
    return "" if first is None else str(first).strip()


def _number(found: JsonObject, key: str) -> int:
    return int(_first(found, key) or 0)


def _joined(known: Patient, other: Patient) -> Patient:
    """Two as one, named by `known`."""
    newest = max(known, other, key=lambda patient: patient.moment)
    return Patient(
        known.key,
        newest.row,
        newest.moment,
        known.studies + other.studies,
        known.series + other.series,
        known.instances + other.instances,
    )


def _settled(held: dict[tuple[str, str, str, str], Patient]) -> Iterator[Patient]:
    """Those of one Patient ID; studies without issuer go to the one that there is."""
    without = next((one for key, one in held.items() if key[0] and not key[1]), None)
    if without is not None and len(held) == 2:
        yield _joined(next(one for one in held.values() if one is not without), without)
        return
    yield from held.values()
