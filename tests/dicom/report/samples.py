"""Reports as DICOM JSON, made in code."""

from __future__ import annotations

from typing import Any

Json = dict[str, dict[str, Any]]

STUDY, SERIES, IMAGE = "1.2.3", "1.2.3.4", "1.2.3.4.5"
CT = "1.2.840.10008.5.1.4.1.1.2"
WAVEFORM = "1.2.840.10008.5.1.4.1.1.9.1.1"


def link(study: str, series: str, instance: str) -> str:
    """Where tests say that objects are."""
    return f"http://here/studies/{study}/series/{series}/instances/{instance}/rendered"


def value(vr: str, *values: object) -> dict[str, Any]:
    """An attribute."""
    return {"vr": vr, "Value": list(values)}


def code(meaning: str, number: str = "1", scheme: str = "99TEST") -> Json:
    """The item of a code sequence."""
    return {
        "00080100": value("SH", number),
        "00080102": value("SH", scheme),
        "00080104": value("LO", meaning),
    }


def item(kind: str, name: str = "", relationship: str = "CONTAINS", **others: Any) -> Json:
    """A content item; further attributes by the tag behind an underscore."""
    made: Json = {"0040A040": value("CS", kind), "0040A010": value("CS", relationship)}
    if name:
        made["0040A043"] = value("SQ", code(name))
    made.update({tag.lstrip("_"): attribute for tag, attribute in others.items()})
    return made


def container(name: str, *children: Json, continuity: str = "SEPARATE") -> Json:
    """A container."""
    made = item("CONTAINER", name)
    made["0040A050"] = value("CS", continuity)
    if children:
        made["0040A730"] = value("SQ", *children)
    return made


def text(name: str, words: str, relationship: str = "CONTAINS") -> Json:
    """A TEXT item."""
    return item("TEXT", name, relationship, _0040A160=value("UT", words))


def number(name: str, figure: object, unit: str = "mm", meaning: str = "millimeter") -> Json:
    """A NUM item."""
    measured = {
        "0040A30A": value("DS", figure),
        "004008EA": value("SQ", code(meaning, unit, "UCUM")),
    }
    return item("NUM", name, _0040A300=value("SQ", measured))


def image(instance: str = IMAGE, sop_class: str = CT, **parts: Any) -> Json:
    """An IMAGE item; attributes of the reference by the tag behind an underscore."""
    reference: Json = {"00081150": value("UI", sop_class), "00081155": value("UI", instance)}
    reference.update({tag.lstrip("_"): attribute for tag, attribute in parts.items()})
    return item("IMAGE", _00081199=value("SQ", reference))


def evidence(*instances: str) -> dict[str, Any]:
    """Current Requested Procedure Evidence Sequence."""
    sops = [{"00081150": value("UI", CT), "00081155": value("UI", each)} for each in instances]
    series = {"0020000E": value("UI", SERIES), "00081199": value("SQ", *sops)}
    return value("SQ", {"0020000D": value("UI", STUDY), "00081115": value("SQ", series)})


def report(*children: Json, title: str = "Test Report", **others: Any) -> Json:
    """A whole report; further attributes by the tag behind an underscore."""
    made: Json = {
        "00080016": value("UI", "1.2.840.10008.5.1.4.1.1.88.33"),
        "00080018": value("UI", "1.2.3.4.9"),
        "0020000D": value("UI", STUDY),
        "0020000E": value("UI", "1.2.3.4.8"),
        "00100010": value("PN", {"Alphabetic": "Doe^Jane^^Dr.^MD"}),
        "00100020": value("LO", "4711"),
        "0040A375": evidence(IMAGE),
        **container(title, *children),
    }
    made.update({tag.lstrip("_"): attribute for tag, attribute in others.items()})
    return made
