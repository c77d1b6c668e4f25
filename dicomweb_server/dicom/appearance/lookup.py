"""Lookup tables from their descriptor and data (PS3.3 C.11.1.1, C.11.2.1.1, C.7.6.3.1.5)."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from sys import byteorder

from dicomweb_server.dicom.appearance.attributes import Attributes, Bulk
from dicomweb_server.model.rendering import LookupTable

DESCRIPTOR = 0x00283002
DATA = 0x00283006
MOST_ENTRIES = 65_536


@dataclass(frozen=True, slots=True)
class Descriptor:
    """The three values of a LUT descriptor.

    Args:
        count: Entries, 1 to 65,536.
        first: First value mapped, as 16 bits without sign.
        bits: Bits of an entry as the file tells them; may be nonsense.
    """

    count: int
    first: int
    bits: int

    @classmethod
    def of(cls, item: Attributes, tag: int) -> Descriptor | None:
        """Read one; None where it has not three numbers.

        Args:
            item: What holds it.
            tag: Its tag.
        """
        values = [item.whole(tag, index) for index in range(3)]
        if values[0] is None:
            raw = item.binary(tag)
            values = [int.from_bytes(raw[n : n + 2], "little") for n in (0, 2, 4) if raw[n + 1 :]]
        numbers = [value for value in values if value is not None]
        if len(numbers) != 3:
            return None
        count, first, bits = numbers
        # Zero stands for 65,536 entries, which 16 bits do not hold.
        return cls((count & 0xFFFF) or MOST_ENTRIES, first & 0xFFFF, bits)

    def first_mapped(self, signed: bool) -> int:
        """The first value mapped."""
        return self.first - 0x10000 if signed and self.first >= 0x8000 else self.first


def table_of(item: Attributes, bulk: Bulk, least: float) -> LookupTable | None:
    """The table of an item of a LUT sequence; None where it cannot be used.

    Args:
        item: The item.
        bulk: Values given by reference.
        least: Least value that can come in; where it is negative, so may be the first one mapped.
    """
    descriptor = Descriptor.of(item, DESCRIPTOR)
    if descriptor is None:
        return None
    data = item.data(DATA, bulk)
    signed = descriptor.first - 0x10000 >= least
    return table(descriptor, data, signed)


def table(descriptor: Descriptor, data: bytes, signed: bool) -> LookupTable | None:
    """A table from its parts; None where there are fewer entries than told.

    Args:
        descriptor: The descriptor.
        data: One 16-bit word for each entry, or one byte for each.
        signed: Whether the first value mapped has a sign.
    """
    count, bits = descriptor.count, descriptor.bits
    if len(data) >= 2 * count:
        entries = data[: 2 * count]
    elif len(data) >= count:
        entries, bits = widened(data[:count]), min(bits, 8)
    else:
        return None
    needed = greatest(entries).bit_length()
    told = bits if 1 <= bits <= 16 else needed
    # Some files tell fewer bits than their entries have.
    return LookupTable(descriptor.first_mapped(signed), max(told, needed, 1), entries)


def widened(data: bytes) -> bytes:
    """Bytes as 16-bit words."""
    words = bytearray(2 * len(data))
    words[::2] = data
    return bytes(words)


def greatest(entries: bytes) -> int:
    """The greatest of 16-bit words."""
    return max(words_of(entries), default=0)


def words_of(entries: bytes) -> array[int]:
    """Little endian words as numbers; a byte left over at the end is left out."""
    words = array("H", entries[: len(entries) & ~1])
    if byteorder == "big":
        words.byteswap()
    return words


def entries_of(numbers: list[int]) -> bytes:
    """Numbers of 16 bits as little endian words."""
    words = array("H", numbers)
    if byteorder == "big":
        words.byteswap()
    return words.tobytes()
