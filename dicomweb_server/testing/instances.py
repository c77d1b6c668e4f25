"""Instances ready for an index, made without any DICOM file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from dicomweb_server.model.document import Document
from dicomweb_server.model.ids import InstanceKey, Level
from dicomweb_server.model.instance import (
    Blob,
    BulkRef,
    ByteRange,
    FrameTable,
    IndexedValue,
    LevelAttributes,
    NativeFrames,
    NewInstance,
    PixelHeader,
    ScannedInstance,
)
from dicomweb_server.model.levels import level_of, vr_of
from dicomweb_server.model.query import Path

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"

_HEADER = PixelHeader(512, 512, 1, 16, 12, 11, 0, 0, "MONOCHROME2", 1, 0x7FE00010)
_FRAMES = NativeFrames(1_024, 524_288, 1, 2)
_BULK = (BulkRef("7FE00010", "OW", (ByteRange(1_024, 524_288),), 2),)


def value(path: Path | int, text: str, item: str = "", vr: str = "") -> IndexedValue:
    """One value of one attribute.

    Args:
        path: Tags from the root, or the only tag.
        text: The value.
        item: Item numbers, for values inside sequences.
        vr: Value representation, PS3.6's where empty.
    """
    tags = (path,) if isinstance(path, int) else path
    return IndexedValue(level_of(tags[0]), tags, item, vr or vr_of(tags[-1]), text)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an instance shall be like.

    Args:
        key: Its UIDs.
        values: What searches match, the UIDs left out.
        received_at: Nanoseconds since 1970 (UTC).
        content: Anything; instances with other content have other bytes.
        size: Bytes of the file.
        frames: The frame table.
        bulk: The bulk table.
        texts: Plain pieces of the document.
    """

    key: InstanceKey
    values: tuple[IndexedValue, ...] = ()
    received_at: int = 1_700_000_000_000_000_000
    content: str = ""
    size: int = 526_336
    frames: FrameTable | None = _FRAMES
    bulk: tuple[BulkRef, ...] = _BULK
    texts: tuple[bytes, ...] = field(default=())

    def make(self) -> NewInstance:
        """The instance."""
        name = f"{self.key}{self.content}"
        digest = hashlib.sha256(name.encode()).hexdigest()
        document = {"00080018": {"vr": "UI", "Value": [self.key.instance]}, "digest": digest}
        texts = self.texts or (json.dumps(document).encode(),)
        scanned = ScannedInstance(
            key=self.key,
            sop_class=CT_IMAGE_STORAGE,
            transfer_syntax=EXPLICIT_VR_LITTLE_ENDIAN,
            pixel=_HEADER,
            frames=self.frames,
            bulk=self.bulk,
            attributes=_attributes(self.values, self.key),
            values=self.values,
            document=Document.of(texts),
            explicit_size=None,
        )
        return NewInstance(scanned, Blob(digest, self.size), self.received_at)

    def but(self, texts: Mapping[int, str] | None = None, **changes: object) -> Recipe:
        """The same with other values or other members.

        Args:
            texts: Values that take the place of those of the same tags.
            changes: Members of the recipe.
        """
        new = texts or {}
        kept = tuple(v for v in self.values if v.path[0] not in new)
        values = kept + tuple(value(tag, text) for tag, text in new.items())
        return replace(replace(self, values=values), **changes)  # type: ignore[arg-type]  # members by name


def _attributes(values: Iterable[IndexedValue], key: InstanceKey) -> LevelAttributes:
    objects: dict[Level, dict[str, object]] = {
        Level.STUDY: {"0020000D": {"vr": "UI", "Value": [key.study]}},
        Level.SERIES: {"0020000E": {"vr": "UI", "Value": [key.series]}},
        Level.INSTANCE: {"00080018": {"vr": "UI", "Value": [key.instance]}},
    }
    for one in values:
        if len(one.path) == 1:
            objects[one.level][f"{one.path[0]:08X}"] = {"vr": one.vr, "Value": [one.value]}
    texts = {level: json.dumps(members, sort_keys=True) for level, members in objects.items()}
    return LevelAttributes(
        texts[Level.STUDY].encode(), texts[Level.SERIES].encode(), texts[Level.INSTANCE].encode()
    )


def recipe(study: int = 1, series: int = 1, instance: int = 1, **changes: object) -> Recipe:
    """An ordinary CT image; the numbers tell studies, series and instances apart.

    Args:
        study: Number of the study, 1 or more.
        series: Number of the series in it.
        instance: Number of the instance in it.
        changes: Members of the recipe.
    """
    key = InstanceKey(
        f"1.2.3.{study}", f"1.2.3.{study}.{series}", f"1.2.3.{study}.{series}.{instance}"
    )
    values = (
        value(0x00080020, f"2024{study % 12 + 1:02}{study % 28 + 1:02}"),
        value(0x00080030, f"{study % 24:02}{study % 60:02}00.5"),
        value(0x00080050, f"ACC{study:06}"),
        value(0x00080090, "Referrer^Rita"),
        value(0x00081030, "Thorax"),
        value(0x00100010, f"Family{study:05}^Given=山田^太郎=やまだ^たろう"),
        value(0x00100020, f"PID{study:06}"),
        value(0x00100030, "19700101"),
        value(0x00100040, "F"),
        value(0x00200010, f"S{study}"),
        value(0x00080060, "CT" if series % 2 else "MR"),
        value(0x0008103E, f"Series {series}"),
        value(0x00200011, str(series)),
        value(0x00180015, "CHEST"),
        value((0x00400275, 0x00400009), f"SPS{study}", "0001"),
        value((0x00400275, 0x00401001), f"RP{study}", "0001"),
        value(0x00200013, str(instance)),
        value(0x00280010, "512"),
        value(0x00280011, "512"),
    )
    return replace(Recipe(key, values), **changes)  # type: ignore[arg-type]  # members by name
