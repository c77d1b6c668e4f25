"""What a harness is, and which there are."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz import harnesses

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
FOUND = HERE / "found"
MOST_SECONDS = 1.0
"""Processor time that one input may take."""


@dataclass(frozen=True, slots=True)
class Harness:
    """One reader under test.

    Args:
        promise: What holds for every input, one sentence.
        run: Takes an input; returns where it was read or refused as documented, raises anything
            else where a promise is broken.
        seeds: Inputs to begin with.
        words: What inputs are made of: names, separators.
        longest: Bytes of an input at the most.
    """

    promise: str
    run: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    words: tuple[bytes, ...] = ()
    longest: int = 4096


class TooSlow(AssertionError):
    """An input took longer than any may."""


def require_told(refusal: Exception) -> None:
    """A refusal says what was wrong."""
    assert str(refusal)


def names() -> tuple[str, ...]:
    """All harnesses, in order."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(harnesses.__path__)))


def load(name: str) -> Harness:
    """A harness by its name: the HARNESS of the module of that name."""
    found = importlib.import_module(f"tests.fuzz.harnesses.{name}").HARNESS
    assert isinstance(found, Harness), name
    return found


def timed(harness: Harness, data: bytes) -> None:
    """Run one input and look at the clock of the processor.

    Raises:
        TooSlow: It took more than MOST_SECONDS.
        Exception: Whatever a broken promise raises.
    """
    begin = time.thread_time()
    harness.run(data)
    spent = time.thread_time() - begin
    if spent > MOST_SECONDS:
        raise TooSlow(f"{spent:.1f} s for {len(data)} bytes")


def kept(folder: Path, name: str) -> list[Path]:
    """The inputs of a harness that are kept in a folder, in order."""
    return sorted(path for path in (folder / name).glob("*") if path.is_file())


def keep(folder: Path, data: bytes) -> Path:
    """Write an input under the name of its content."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / hashlib.sha256(data).hexdigest()[:16]
    path.write_bytes(data)
    return path
