"""What a reader has to know of an object before its content: patient, study, who and when."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dicomweb_server.dicom import wording
from dicomweb_server.dicom.json_item import JsonItem
from dicomweb_server.dicom.report.tree import Entry

_MOST = 32
_LONGEST = 16_384
_VERIFYING = 0x0040A073
_AUTHORS = 0x0040A078
_PARTICIPANTS = 0x0040A07A
_REQUESTS = 0x0040A370
_PERSON = 0x0040A123
_INSTITUTION = 0x00080080


def entries(pairs: Iterable[tuple[str, str]]) -> tuple[Entry, ...]:
    """Lines of those pairs that say something."""
    cut = ((name, wording.clean(text[:_LONGEST]).strip()) for name, text in pairs)
    return tuple(Entry(name, text) for name, text in cut if text)


def patient(item: JsonItem) -> tuple[Entry, ...]:
    """Who it is about (PS3.3 C.7.1.1)."""
    removed = item.text(0x00120062).upper() == "YES"
    return entries(
        (
            ("Patient", wording.names(item, 0x00100010)),
            ("Patient ID", _told(item, 0x00100020, 0x00100021)),
            ("Born", wording.date(item.text(0x00100030))),
            ("Sex", wording.sex(item.text(0x00100040))),
            ("Age", wording.age(item.text(0x00101010))),
            ("Identity", "removed from this object" if removed else ""),
        )
    )


def study(item: JsonItem) -> tuple[Entry, ...]:
    """In which study it was made (PS3.3 C.7.2.1, C.7.3.1)."""
    return entries(
        (
            ("Study", item.text(0x00081030)),
            ("Study date", wording.day_and_time(item, 0x00080020, 0x00080030)),
            ("Accession number", item.text(0x00080050)),
            ("Study ID", item.text(0x00200010)),
            ("Referring physician", wording.names(item, 0x00080090)),
            ("Series", item.text(0x0008103E)),
            ("Modality", item.text(0x00080060)),
            ("Institution", item.text(_INSTITUTION)),
            ("Made with", _maker(item)),
            ("Comments", item.text(0x00204000)),
            *_requests(item),
        )
    )


def status(item: JsonItem) -> tuple[Entry, ...]:
    """Whether a report is complete and verified, and when it was made (PS3.3 C.17.2)."""
    return entries(
        (
            ("Date", wording.day_and_time(item, 0x00080023, 0x00080033)),
            ("Completion", _told_small(item, 0x0040A491, 0x0040A492)),
            ("Verification", item.text(0x0040A493).lower()),
            ("Stage", item.text(0x0040A496).lower()),
        )
    )


def people(item: JsonItem) -> tuple[Entry, ...]:
    """Who verified and wrote a report, and who took part (PS3.3 C.17.2)."""
    pairs: list[tuple[str, str]] = []
    kinds: tuple[tuple[str, int, Callable[[JsonItem], str]], ...] = (
        ("Verified by", _VERIFYING, _verifier),
        ("Author", _AUTHORS, _observer),
        ("Participant", _PARTICIPANTS, _participant),
    )
    for name, tag, words in kinds:
        found = item.items(tag)
        pairs += [(name, words(each)) for each in found[:_MOST]]
        if len(found) > _MOST:
            pairs.append((name, f"and {len(found) - _MOST} more"))
    return entries(pairs)


def _told(item: JsonItem, tag: int, behind: int) -> str:
    """A value with another one in brackets."""
    text, more = item.text(tag), item.text(behind)
    return f"{text} ({more})" if text and more else text or more


def _told_small(item: JsonItem, tag: int, behind: int) -> str:
    text, more = item.text(tag).lower(), item.text(behind)
    return f"{text} ({more})" if text and more else text or more


def _maker(item: JsonItem) -> str:
    words = (item.text(0x00080070), item.text(0x00081090), " ".join(item.texts(0x00181020)[:4]))
    return ", ".join(word for word in words if word)


def _requests(item: JsonItem) -> list[tuple[str, str]]:
    """What was asked for (PS3.3 C.17.2, Referenced Request Sequence)."""
    pairs = []
    for request in item.items(_REQUESTS)[:_MOST]:
        told = (request.text(0x00321060), request.text(0x00401002), request.text(0x00080050))
        pairs.append(("Request", ", ".join(word for word in told if word)))
    return pairs


def _verifier(item: JsonItem) -> str:
    when = wording.moment(item.text(0x0040A030))
    words = (wording.names(item, 0x0040A075), item.text(0x0040A027), when)
    return ", ".join(word for word in words if word)


def _observer(item: JsonItem) -> str:
    device = (item.text(0x00081010), item.text(0x00081090), item.text(0x00080070))
    words = (wording.names(item, _PERSON), item.text(_INSTITUTION), *device)
    return ", ".join(word for word in words if word)


def _participant(item: JsonItem) -> str:
    role = {"SOURCE": "source", "ENT": "data entry", "ATTEST": "attested"}
    kind = item.text(0x0040A080).upper()
    words = (_observer(item), role.get(kind, kind.lower()), wording.moment(item.text(0x0040A082)))
    return ", ".join(word for word in words if word)
