"""Multiplex groups and channels of a waveform object (PS3.3 C.10.9)."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dicomweb_server.dicom.json_item import Json, JsonItem
from dicomweb_server.dicom.report.codes import first_code, unit
from dicomweb_server.dicom.waveform.leads import lead_of
from dicomweb_server.dicom.waveform.samples import is_known, read_samples
from dicomweb_server.dicom.wording import clean

SEQUENCE = 0x54000100
_DATA = 0x54001010
_BITS = 0x54001004
_INTERPRETATION = 0x54001006
_PADDING = 0x5400100A
_CHANNELS = 0x003A0005
_SAMPLES = 0x003A0010
_FREQUENCY = 0x003A001A
_LABEL = 0x003A0020
_DEFINITIONS = 0x003A0200
_CHANNEL_LABEL = 0x003A0203
_SOURCE = 0x003A0208
_SENSITIVITY = 0x003A0210
_UNITS = 0x003A0211
_CORRECTION = 0x003A0212
_BASELINE = 0x003A0213
_TIME_SKEW = 0x003A0214
_SAMPLE_SKEW = 0x003A0215
_CHANNEL_OFFSET = 0x003A0218
_LOW = 0x003A0220
_HIGH = 0x003A0221
_NOTCH = 0x003A0222
_GROUP_OFFSET = 0x00181068

MOST_GROUPS = 8
MOST_CHANNELS = 256
MOST_BYTES = 8 * 1024 * 1024
"""Bytes of an object that are read, its groups together: two hours of three channels at 200 Hz."""
_GREATEST = 1e12
_SHORTEST_LABEL = 32

Bulk = Mapping[str, bytes]
"""Values that are not in the document, in little endian, by their BulkRef.path."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One signal.

    Args:
        name: What it is, in words.
        lead: Which of the twelve leads it is, empty for others.
        unit: Unit of its values; empty where it has none.
        scale, offset: Value in `unit` = sample * scale + offset.
        samples: As stored.
        padding: Sample that stands for none.
        start: Seconds from the start of its group to its first sample.
        low, high, notch: Limits of its filters in Hz.
    """

    name: str
    lead: str
    unit: str
    scale: float
    offset: float
    samples: array[int]
    padding: int | None = None
    start: float = 0.0
    low: float | None = None
    high: float | None = None
    notch: float | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Signals that were sampled together.

    Args:
        label: What it is called; may be empty.
        frequency: Samples of one channel in a second.
        channels: The signals.
        seconds: How long they are, as far as they were read.
        whole: How long they are in all.
        offset: Seconds from the start of the acquisition.
        others: Channels that were left out.
    """

    label: str
    frequency: float
    channels: tuple[Channel, ...]
    seconds: float
    whole: float
    offset: float = 0.0
    others: int = 0


def is_waveform(document: Json) -> bool:
    """Whether an object holds waveforms."""
    return bool(JsonItem(document).items(SEQUENCE))


def bulk_needed(document: Json) -> dict[str, int]:
    """Paths of values that `read_groups` wants, and how many bytes of each at the most."""
    items = JsonItem(document).items(SEQUENCE)[:MOST_GROUPS]
    return {
        _path(number): MOST_BYTES // len(items)
        for number, item in enumerate(items, 1)
        if item.bulk_path(_DATA)
    }


def read_groups(document: Json, bulk: Bulk) -> tuple[Group, ...]:
    """Those groups of an object that can be read, `MOST_GROUPS` at the most.

    Args:
        document: DICOM JSON of the instance.
        bulk: What `bulk_needed` names; values that are missing or cut off count as far as they go.
    """
    items = JsonItem(document).items(SEQUENCE)[:MOST_GROUPS]
    most = MOST_BYTES // max(1, len(items))
    found = (_group(item, _data(item, number, bulk)[:most]) for number, item in enumerate(items, 1))
    return tuple(group for group in found if group is not None)


def _path(number: int) -> str:
    return f"{SEQUENCE:08X}.{number}.{_DATA:08X}"


def _data(item: JsonItem, number: int, bulk: Bulk) -> bytes:
    return bulk.get(_path(number), b"") if item.bulk_path(_DATA) else item.binary(_DATA)


def _group(item: JsonItem, data: bytes) -> Group | None:
    bits, kind = item.integer(_BITS) or 0, item.text(_INTERPRETATION).strip()
    definitions = item.items(_DEFINITIONS)
    count = item.integer(_CHANNELS) or len(definitions)
    frequency = item.number(_FREQUENCY) or 0.0
    if not is_known(bits, kind) or not 0 < frequency < _GREATEST or not 0 < count <= len(data):
        return None
    samples = read_samples(data, bits, kind)
    told = item.integer(_SAMPLES) or 0
    length = min(told, len(samples) // count) if told > 0 else len(samples) // count
    if not length:
        return None
    padding = _padding(item, bits, kind)
    channels = tuple(
        _channel(definition, samples[place : length * count : count], padding, frequency)
        for place, definition in _defined(definitions, min(count, MOST_CHANNELS))
    )
    return Group(
        clean(item.text(_LABEL)).strip()[:_SHORTEST_LABEL],
        frequency,
        channels,
        length / frequency,
        max(told, length) / frequency,
        _small(item.number(_GROUP_OFFSET)) / 1000,
        max(0, count - MOST_CHANNELS),
    )


def _defined(definitions: Sequence[JsonItem], count: int) -> Iterator[tuple[int, JsonItem]]:
    """Each channel with its definition; an empty one where there is none."""
    for place in range(count):
        yield place, definitions[place] if place < len(definitions) else JsonItem({})


def _padding(item: JsonItem, bits: int, kind: str) -> int | None:
    data = item.binary(_PADDING)[: bits // 8]
    return read_samples(data, bits, kind)[0] if data and len(data) == bits // 8 else None


def _channel(item: JsonItem, samples: array[int], padding: int | None, frequency: float) -> Channel:
    source = first_code(item, _SOURCE)
    label = clean(item.text(_CHANNEL_LABEL)).strip()
    sensitivity = item.number(_SENSITIVITY)
    correction = item.number(_CORRECTION)
    scale = (1.0 if sensitivity is None else sensitivity) * (correction or 1.0)
    skew = item.number(_TIME_SKEW)
    start = _small(item.number(_SAMPLE_SKEW)) / frequency if skew is None else _small(skew)
    return Channel(
        name=(label or source.words or "Channel")[:_SHORTEST_LABEL],
        lead=lead_of(source, label),
        unit=unit(first_code(item, _UNITS)) if sensitivity is not None else "",
        scale=scale if 0 < abs(scale) < _GREATEST else 1.0,
        offset=_small(item.number(_BASELINE)),
        samples=samples,
        padding=padding,
        start=start + _small(item.number(_CHANNEL_OFFSET)),
        low=item.number(_LOW),
        high=item.number(_HIGH),
        notch=item.number(_NOTCH),
    )


def _small(number: float | None) -> float:
    """A number that can be reckoned with; 0 for none."""
    return number if number is not None and abs(number) < _GREATEST else 0.0
