"""References of reports to images, waveforms and other objects (PS3.3 C.18.3 to C.18.5)."""

from __future__ import annotations

from collections.abc import Iterator

from dicomweb_server.dicom.json_item import JsonItem
from dicomweb_server.dicom.report.tree import Reference
from dicomweb_server.dicom.wording import kind, listed, number

_STUDY = 0x0020000D
_SERIES = 0x0020000E
_REFERENCED_SERIES = 0x00081115
_REFERENCED_SOP = 0x00081199
_SOP_CLASS = 0x00081150
_SOP_INSTANCE = 0x00081155
_FRAMES = 0x00081160
_SEGMENTS = 0x0062000B
_CHANNELS = 0x0040A0B0
_EVIDENCE = (0x0040A375, 0x0040A385, 0x0040A525, 0x0040A360)
_FORMER = 0x0040A360
_MOST_PARTS = 32
_MOST_KNOWN = 100_000

Places = dict[str, tuple[str, str]]
"""Study and Series Instance UID by SOP Instance UID."""


def places(document: JsonItem) -> Places:
    """Where the objects are that a report names as its evidence."""
    known: Places = {}
    for tag in _EVIDENCE:
        for study, series, found in _evidence(document, tag):
            known.setdefault(found.text(_SOP_INSTANCE), (study, series))
            if len(known) >= _MOST_KNOWN:
                return known
    return known


def former(document: JsonItem, most: int) -> tuple[Reference, ...]:
    """The reports that a report replaces."""
    found = (
        Reference(study, series, sop.text(_SOP_INSTANCE), sop.text(_SOP_CLASS), _kind(sop))
        for study, series, sop in _evidence(document, _FORMER)
    )
    return tuple(reference for reference, _ in zip(found, range(most), strict=False))


def references(item: JsonItem, known: Places) -> tuple[Reference, ...]:
    """What a content item refers to.

    Args:
        item: IMAGE, WAVEFORM, COMPOSITE or what else has a Referenced SOP Sequence.
        known: Where objects are.
    """
    found = []
    for sop in item.items(_REFERENCED_SOP):
        found.append(_reference(sop, known, _parts(sop)))
        states = sop.items(_REFERENCED_SOP)
        found += [_reference(state, known, ("to be shown so",)) for state in states]
    return tuple(found)


def _evidence(document: JsonItem, tag: int) -> Iterator[tuple[str, str, JsonItem]]:
    for study in document.items(tag):
        for series in study.items(_REFERENCED_SERIES):
            for sop in series.items(_REFERENCED_SOP):
                yield study.text(_STUDY), series.text(_SERIES), sop


def _reference(sop: JsonItem, known: Places, parts: tuple[str, ...]) -> Reference:
    instance = sop.text(_SOP_INSTANCE)
    study, series = known.get(instance, ("", ""))
    return Reference(study, series, instance, sop.text(_SOP_CLASS), _kind(sop), parts)


def _kind(sop: JsonItem) -> str:
    return kind(sop.text(_SOP_CLASS))


def _parts(sop: JsonItem) -> tuple[str, ...]:
    """Frames, segments and channels that are meant."""
    parts = []
    for tag, word in ((_FRAMES, "frame"), (_SEGMENTS, "segment")):
        numbers = [number(value) for value in sop.numbers(tag)]
        if numbers:
            parts.append(f"{word}{'s' * (len(numbers) > 1)} {listed(numbers, _MOST_PARTS)}")
    channels = sop.numbers(_CHANNELS)
    if len(channels) > 1:
        pairs = zip(channels[::2], channels[1::2], strict=False)
        told = [_channel(group, channel) for group, channel in pairs]
        parts.append(f"channel{'s' * (len(told) > 1)} {listed(told, _MOST_PARTS)}")
    return tuple(parts)


def _channel(group: float, channel: float) -> str:
    """A channel; 0 stands for all of its group (PS3.3 C.10.10)."""
    if not channel:
        return f"all of group {number(group)}"
    return f"{number(channel)} of group {number(group)}"
