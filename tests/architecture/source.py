"""The source files, parsed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = "dicomweb_server"


@dataclass(frozen=True, slots=True)
class Module:
    """One module of the package.

    Args:
        name: Its name below the package, `web.store`; empty for the package itself.
        tree: Its syntax tree.
        lines: Number of lines.
    """

    name: str
    tree: ast.Module
    lines: int

    @property
    def part(self) -> str:
        """The package or module directly below the top, `web`."""
        return self.name.partition(".")[0]

    def imports(self) -> Iterator[str]:
        """Names of modules that it imports anywhere."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.name} imports relatively"
                assert node.module is not None
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function and method."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


@cache
def modules() -> tuple[Module, ...]:
    """Every module of the package."""
    found = []
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT / PACKAGE).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        text = path.read_text("utf-8")
        found.append(Module(name, ast.parse(text), text.count("\n")))
    return tuple(found)
