"""How far a rebuild of the index has come, kept so that it can be taken up again after a kill."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dicomweb_server import __version__
from dicomweb_server.index.sqlite.schema import INDEX
from dicomweb_server.model.levels import IndexPlan
from dicomweb_server.model.limits import ScanLimits
from dicomweb_server.ops.findings import Findings
from dicomweb_server.store.durable import write_file


def recipe_of(plan: IndexPlan, limits: ScanLimits) -> str:
    """What the rows depend on beside the blobs; those of another recipe cannot be gone on with."""
    parts = (__version__, len(INDEX.migrations), sorted(plan.paths), limits)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def chain(before: str, digests: Sequence[str]) -> str:
    """Put digests behind those that a text stands for."""
    for digest in digests:
        before = hashlib.sha256((before + digest).encode()).hexdigest()
    return before


@dataclass(slots=True)
class Reached:
    """What the new index has.

    Args:
        done: How many blobs were looked at, without those that were found to be over.
        chained: Stands for their digests in order.
        usable: How many of them are instances.
        refused: Blobs that are no instances.
        damaged: Blobs that are missing or cut off.
    """

    done: int
    chained: str
    usable: int
    refused: Findings
    damaged: Findings


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A file beside the new index.

    Args:
        path: The file.
        recipe: What the rows depend on.
    """

    path: Path
    recipe: str

    def load(self) -> Reached | None:
        """What was kept; None where there is nothing of this recipe."""
        try:
            kept = json.loads(self.path.read_bytes())
            if kept["recipe"] != self.recipe:
                return None
            return Reached(
                int(kept["done"]),
                str(kept["chained"]),
                int(kept["usable"]),
                _findings(kept["refused"]),
                _findings(kept["damaged"]),
            )
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def save(self, reached: Reached) -> None:
        """Keep it durably; the rows that it tells of are durable already."""
        kept = {
            "recipe": self.recipe,
            "done": reached.done,
            "chained": reached.chained,
            "usable": reached.usable,
            "refused": [reached.refused.count, reached.refused.digests],
            "damaged": [reached.damaged.count, reached.damaged.digests],
        }
        write_file(self.path, json.dumps(kept).encode())


def _findings(kept: tuple[int, list[str]]) -> Findings:
    count, digests = kept
    return Findings(int(count), [str(digest) for digest in digests])
