"""Choices drawn from the bytes of an input, so that a fuzzer steers what is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

_T = TypeVar("_T")


class Dice:
    """Draws from an input, front to back; behind its end everything is zero.

    Args:
        data: The input.
    """

    __slots__ = ("_data", "_place")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    @property
    def left(self) -> int:
        """Bytes that were not drawn yet."""
        return max(0, len(self._data) - self._place)

    def number(self, below: int) -> int:
        """A number from 0; `below` at most 65,536."""
        width = 1 if below <= 256 else 2
        return int.from_bytes(self.take(width), "little") % below

    def one(self, choices: Sequence[_T]) -> _T:
        """One of several things."""
        return choices[self.number(len(choices))]

    def chance(self, of: int) -> bool:
        """True once in so many times."""
        return self.number(of) == of - 1

    def take(self, count: int) -> bytes:
        """The next bytes; fewer at the end."""
        found = self._data[self._place : self._place + count]
        self._place += count
        return found

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(self.left)
