"""Plain changes of inputs, for the short form and for machines without Atheris."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from tests.fuzz.harness import Harness

_BYTES = (0, 1, 0x20, 0x22, 0x2A, 0x5C, 0x7F, 0x80, 0xFE, 0xFF)


def inputs(harness: Harness, known: Sequence[bytes], random: Random, count: int) -> Iterator[bytes]:
    """New inputs made of known ones.

    Args:
        harness: For whom.
        known: Inputs to begin with, at least one.
        random: Chooses.
        count: How many.
    """
    for _ in range(count):
        data = bytearray(random.choice(known))
        for _ in range(random.randint(1, 6)):
            _change(data, harness.words, known, random)
        yield bytes(data[: harness.longest])


def _change(
    data: bytearray, words: Sequence[bytes], known: Sequence[bytes], random: Random
) -> None:
    place = random.randint(0, len(data))
    match random.randint(0, 5):
        case 0 if place < len(data):
            data[place] = random.choice(_BYTES)
        case 1 if place < len(data):
            data[place] ^= 1 << random.randint(0, 7)
        case 2:
            data[place:place] = random.choice(words) if words else random.randbytes(4)
        case 3:
            del data[place : place + random.randint(1, 16)]
        case 4:
            other = random.choice(known)
            data[place:] = other[random.randint(0, len(other)) :]
        case _:
            data[place:place] = data[place : place + random.randint(1, 64)]
