"""Who may import whom, and where third-party packages are at home."""

from __future__ import annotations

import ast
import sys

import pytest

from tests.architecture.source import PACKAGE, Module, modules

RANKS = {
    "errors": 0,
    "model": 0,
    "wire": 1,
    "dicom": 1,
    "store": 2,
    "index": 2,
    "codec": 2,
    "auth": 2,
    "service": 3,
    "web": 4,
    "dimse": 4,
    "settings": 5,
    "logs": 5,
    "app": 5,
    "cli": 5,
    "ops": 5,
    "testing": 5,
    "__main__": 5,
    "": 5,
}

MAY_IMPORT = {
    "errors": {"model"},
    "model": {"errors"},
    "wire": {"errors", "model"},
    "dicom": {"errors", "model"},
    "store": {"errors", "model"},
    "index": {"errors", "model"},
    "codec": {"errors", "model", "dicom"},
    "auth": {"errors", "model"},
    "service": {
        "errors",
        "model",
        "wire",
        "dicom",
        "store.port",
        "index.port",
        "codec.port",
        "auth.port",
    },
    "web": {"errors", "model", "wire", "dicom", "service", "auth.port"},
    "dimse": {"errors", "model", "wire", "dicom", "service", "auth.port"},
    "settings": {"errors", "model"},
    "logs": {"errors", "settings"},
}
"""What parts below the top may import besides themselves; those of rank 5 may import all."""

HOMES = {
    "pydicom": ("dicom", "testing", "dimse"),
    "pynetdicom": ("dimse",),
    "orjson": ("dicom", "web"),
    "sqlite3": ("index.sqlite", "ops"),
    "sqlite_utils": ("index.sqlite", "ops"),
    "lxml": ("dicom.xml_in",),
    "PIL": ("codec",),
    "starlette": ("web", "app"),
    "hypercorn": ("cli",),
    "h2": ("cli.http2",),
    "priority": ("cli.http2",),
    "granian": ("cli",),
    "httpx": ("ops",),
    "structlog": ("logs", "app", "cli", "web"),
    "click": ("cli",),
    "rich": ("cli",),
    "pydantic": ("settings",),
    "pydantic_settings": ("settings",),
    "numpy": ("codec", "testing"),
    "imagecodecs": ("codec",),
    "openjpeg": ("codec",),
    "jpeg_ls": ("codec",),
    "zstandard": ("web.compress",),
    "pytest": ("testing",),
    "hypothesis": ("testing",),
}


def _inside(name: str, part: str) -> bool:
    return name == part or name.startswith(part + ".")


def _own(module: Module) -> list[str]:
    prefix = PACKAGE + "."
    return [name.removeprefix(prefix) for name in module.imports() if name.startswith(prefix)]


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name or PACKAGE)
def test_imports_point_down(module: Module) -> None:
    assert module.part in RANKS, f"{module.part} has no rank"
    allowed = MAY_IMPORT.get(module.part)
    if allowed is None:
        return
    for name in _own(module):
        fits = (
            name == "__version__"
            or _inside(name, module.part)
            or any(_inside(name, part) for part in allowed)
        )
        assert fits, f"{module.name} imports {name}"


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name or PACKAGE)
def test_third_party_packages_stay_at_home(module: Module) -> None:
    for name in module.imports():
        top = name.partition(".")[0]
        homes = HOMES.get(top)
        if homes is None:
            known = top in sys.stdlib_module_names or top == PACKAGE
            assert known, f"{module.name} imports {top}, which has no home"
        else:
            at_home = any(_inside(module.name, home) for home in homes)
            assert at_home, f"{module.name} imports {top}, whose home is {homes}"


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name or PACKAGE)
def test_nothing_happens_at_import(module: Module) -> None:
    allowed = (
        ast.Import,
        ast.ImportFrom,
        ast.FunctionDef,
        ast.AsyncFunctionDef,
        ast.ClassDef,
        ast.Assign,
        ast.AnnAssign,
        ast.If,
    )
    for node in module.tree.body:
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        assert is_docstring or isinstance(node, allowed) or _declares(node), (
            f"{module.name}, line {node.lineno}: a statement that runs at import"
        )


def _declares(node: ast.stmt) -> bool:
    """A loop over the verbs of the command line, which puts them into their group."""
    return isinstance(node, ast.For) and "add_command" in ast.unparse(node)


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name or PACKAGE)
def test_no_module_changes_its_own_globals(module: Module) -> None:
    for node in ast.walk(module.tree):
        assert not isinstance(node, ast.Global), f"{module.name}, line {node.lineno}: global"
