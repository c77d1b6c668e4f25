"""A data set on its way in: what metadata tell, before it is written as a Part 10 file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dicomweb_server.dicom import refusal
from dicomweb_server.errors import InstanceRejected
from dicomweb_server.model.ids import is_uid
from dicomweb_server.model.instance import ByteRange

SOP_CLASS = 0x00080016
SOP_INSTANCE = 0x00080018


@dataclass(frozen=True, slots=True)
class Reference:
    """A value that another part of the request holds, under this BulkDataURI."""

    uri: str


@dataclass(frozen=True, slots=True)
class Bulk:
    """A value that lies in the bulk data: ranges one behind the other."""

    ranges: tuple[ByteRange, ...]

    @property
    def size(self) -> int:
        """Length in bytes."""
        return sum(part.length for part in self.ranges)


@dataclass(frozen=True, slots=True)
class Frames:
    """Encapsulated pixel data: one fragment for each range.

    Args:
        fragments: Where they lie.
        basic_table: Whether the Basic Offset Table is filled; else it is empty.
    """

    fragments: tuple[ByteRange, ...]
    basic_table: bool


@dataclass(frozen=True, slots=True)
class Element:
    """One element.

    Args:
        tag: Group and element.
        vr: Value representation.
        value: The field in little endian (text in UTF-8) without padding; or items; or where it
            comes from.
    """

    tag: int
    vr: str
    value: bytes | tuple[DataSet, ...] | Reference | Bulk | Frames


@dataclass(frozen=True, slots=True)
class DataSet:
    """Elements in ascending order of their tags, each tag once."""

    elements: tuple[Element, ...]

    @classmethod
    def of(cls, elements: Iterable[Element]) -> DataSet:
        """Put elements in order."""
        return cls(tuple(sorted(elements, key=_tag)))

    def get(self, tag: int) -> Element | None:
        """The element of a tag, None where there is none."""
        return next((element for element in self.elements if element.tag == tag), None)

    def field(self, tag: int) -> bytes:
        """The bytes of an element; empty where it is absent or not held in memory."""
        element = self.get(tag)
        return element.value if element and isinstance(element.value, bytes) else b""

    def text(self, tag: int) -> str:
        """The text of an element without padding, empty where there is none."""
        return self.field(tag).decode("utf-8", "replace").strip(" \0")

    def replaced(self, *elements: Element) -> DataSet:
        """The same with some elements put in or in place of those of the same tags."""
        tags = {element.tag for element in elements}
        kept = [element for element in self.elements if element.tag not in tags]
        return DataSet.of([*kept, *elements])

    def without(self, *tags: int) -> DataSet:
        """The same without some elements."""
        return DataSet(tuple(element for element in self.elements if element.tag not in tags))


def _tag(element: Element) -> int:
    return element.tag


class Misfit(Exception):
    """Something in metadata that cannot be; its place is put together on the way up.

    Args:
        detail: What is wrong; never the value.
        hint: What would be valid.
    """

    def __init__(self, detail: str, hint: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint
        self._steps: list[str] = []

    def at(self, step: str) -> Misfit:
        """The same, one step further up; `step` is a tag."""
        self._steps.insert(0, step)
        return self

    def at_item(self, number: int) -> Misfit:
        """The same, put into an item; its sequence follows with `at`."""
        self._steps.insert(0, f"[{number}]")
        return self

    @property
    def placed(self) -> bool:
        """Whether its place was told."""
        return bool(self._steps)

    def rejection(self, found: DataSet | None = None) -> InstanceRejected:
        """The refusal of the instance, as ``00400275[1].00400009: what is wrong``."""
        place = ".".join(self._steps).replace(".[", "[")
        refused = refusal.not_understood(f"{place}: {self.detail}" if place else self.detail)
        refused.hint = self.hint
        return named(refused, found) if found else refused


def named(refused: InstanceRejected, found: DataSet) -> InstanceRejected:
    """Tell which instance it is, as far as its UIDs are UIDs."""
    for tag, name in ((SOP_CLASS, "sop_class"), (SOP_INSTANCE, "instance")):
        uid = found.text(tag)
        if is_uid(uid):
            setattr(refused, name, uid)
    return refused


def references(found: DataSet) -> Iterator[tuple[int, str]]:
    """Tag and URI of each value that is given by reference, at any nesting."""
    for element in found.elements:
        if isinstance(element.value, Reference):
            yield element.tag, element.value.uri
        elif isinstance(element.value, tuple):
            for item in element.value:
                yield from references(item)
