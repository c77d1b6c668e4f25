"""Segmented palette lookup tables (PS3.3 C.7.9.2)."""

from __future__ import annotations

from dicomweb_server.dicom.appearance.lookup import words_of

_DISCRETE, _LINEAR, _INDIRECT = range(3)
_MOST_STEPS = 65_536
"""Segments that are followed for one table; each of a sound one adds an entry at least."""
_MOST_DEPTH = 4


def expand(data: bytes, narrow: bool, count: int) -> list[int]:
    """The entries of a segmented table as far as its segments are sound.

    Args:
        data: The segments, little endian.
        narrow: Whether entries have 8 bits, else 16.
        count: Entries that the descriptor tells; no more come out.
    """
    words = list(data) if narrow else list(words_of(data))
    work = _Expansion(words, narrow, count)
    work.follow(0, len(words), 0)
    return work.entries[:count]


class _Expansion:
    """The entries so far and the steps that are left."""

    def __init__(self, words: list[int], narrow: bool, count: int) -> None:
        self.words = words
        self.narrow = narrow
        self.count = count
        self.entries: list[int] = []
        self.steps = _MOST_STEPS

    def follow(self, place: int, segments: int, depth: int) -> bool:
        """Take in segments one behind the other; whether all of them were sound.

        Args:
            place: Where the first begins, in words.
            segments: How many; fewer where the data end.
            depth: How many indirect segments lead here.
        """
        # Every segment has more than two words: what is left over is padding.
        while segments and place + 2 < len(self.words):
            self.steps -= 1
            if self.steps < 0 or len(self.entries) >= self.count:
                return False
            taken = self._segment(place, depth)
            if not taken:
                return False
            place += taken
            segments -= 1
        return True

    def _segment(self, place: int, depth: int) -> int:
        """Take in one segment: the words that it has, 0 where it is damaged."""
        kind, length = self.words[place], self.words[place + 1]
        if kind == _DISCRETE:
            values = self.words[place + 2 : place + 2 + length]
            self.entries += values
            return 2 + length if len(values) == length else 0
        if kind == _LINEAR:
            return self._line(length, self.words[place + 2])
        if kind == _INDIRECT and depth < _MOST_DEPTH:
            return self._copy(place + 2, length, depth)
        return 0

    def _line(self, length: int, end: int) -> int:
        """Entries from behind the last one to `end`."""
        if not self.entries:
            return 0
        start = self.entries[-1]
        length_left = min(length, self.count - len(self.entries))
        self.entries += [
            round(start + (end - start) * step / length) for step in range(1, length_left + 1)
        ]
        return 3

    def _copy(self, place: int, segments: int, depth: int) -> int:
        """Segments that stand elsewhere; the place is told in bytes, in two 16-bit words."""
        size = 4 if self.narrow else 2
        told = self.words[place : place + size]
        if len(told) < size or not self.entries:
            return 0
        base = 8 if self.narrow else 16
        offset = sum(word << base * number for number, word in enumerate(told))
        start = offset if self.narrow else offset // 2
        return 2 + size if self.follow(start, segments, depth + 1) else 0
