"""What a proof found, and the proofs that there are."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

import tests.faults

Count = int | float | str


class Effort(Enum):
    """How much is done: the short form belongs to the tests, the full one to `make faults`."""

    SHORT = "short"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Proof:
    """What one run found.

    Args:
        counts: What was done and seen, by its name: "kills", "acknowledged", "peak RSS MiB".
        violations: What was not as promised, a sentence each; none where the promise held.
        seed: What the run's random choices began with; 0 where there were none.
        missed: Figures that are wanted and were not reached, a phrase each; they depend on the
            machine and its other work, so they are told and break no promise.
    """

    counts: Mapping[str, Count]
    violations: tuple[str, ...] = ()
    seed: int = 0
    missed: tuple[str, ...] = ()

    @property
    def held(self) -> bool:
        """Whether all was as promised."""
        return not self.violations


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is broken on purpose.

    Args:
        row: Its number, "F1"; several proofs of one row have letters behind it, "F1a".
        promise: What must hold all the same, one sentence.
        run: Breaks it and looks; takes the effort, and a seed for random choices.
        needs_root: Whether the full form mounts file systems or does other work of root.
    """

    row: str
    promise: str
    run: Callable[[Effort, int], Proof]
    needs_root: bool = False


def missed(
    counts: Mapping[str, Count],
    most: Mapping[str, float] | None = None,
    least: Mapping[str, float] | None = None,
) -> tuple[str, ...]:
    """Which of the counted figures are not what is wanted.

    Args:
        counts: What was done and seen; a count stands for a figure whose name it ends with.
        most: Figures by name, and what they may be at most.
        least: Likewise, what they must be at least.
    """
    wanted = [(name, limit, 1, "at most") for name, limit in (most or {}).items()]
    wanted += [(name, limit, -1, "at least") for name, limit in (least or {}).items()]
    return tuple(
        f"{counted} {value}, wanted {word} {limit:g}"
        for name, limit, sign, word in wanted
        for counted, value in counts.items()
        if counted.endswith(name) and not isinstance(value, str) and sign * value > sign * limit
    )


def faults() -> tuple[Fault, ...]:
    """All proofs, in order: the `FAULTS` of every module of this package named `f<row>_...`."""
    names = sorted(
        module.name
        for module in pkgutil.iter_modules(tests.faults.__path__)
        if module.name[:1] == "f" and module.name[1:3].isdigit()
    )
    found: list[Fault] = []
    for name in names:
        module = importlib.import_module(f"tests.faults.{name}")
        declared = module.FAULTS
        assert isinstance(declared, tuple), name
        found.extend(declared)
    return tuple(found)
