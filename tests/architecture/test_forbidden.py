"""Calls that have no place in the package: shells (T4), memory that nobody has written (T12)."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.source import PACKAGE, Module, modules

SHELLS = frozenset(
    {
        "os.system",
        "os.popen",
        "os.startfile",
        "subprocess.getoutput",
        "subprocess.getstatusoutput",
        "asyncio.create_subprocess_shell",
        "pty.spawn",
        "eval",
        "exec",
    }
)
STARTERS = frozenset({"codec.process"})
"""Modules that start programs: our own interpreter and modules, no name from outside."""

UNWRITTEN = frozenset({"empty", "empty_like", "ndarray"})
"""Functions of NumPy whose arrays hold whatever was in memory."""

every_module = pytest.mark.parametrize(
    "module", modules(), ids=lambda module: module.name or PACKAGE
)


def calls(module: Module) -> Iterator[tuple[ast.Call, str]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            yield node, ast.unparse(node.func)


@every_module
def test_no_shell_is_ever_asked(module: Module) -> None:
    for node, name in calls(module):
        where = f"{module.name}, line {node.lineno}"
        assert name not in SHELLS, where
        assert not name.startswith(("os.exec", "os.spawn", "os.posix_spawn")), where
        for keyword in node.keywords:
            assert keyword.arg != "shell", where


@every_module
def test_programs_are_started_in_one_place(module: Module) -> None:
    starts = {"subprocess", "pexpect", "pty"}
    if starts & {name.partition(".")[0] for name in module.imports()}:
        assert module.name in STARTERS, module.name


@every_module
def test_arrays_are_written_before_they_are_shown(module: Module) -> None:
    if not module.name.startswith(("codec", "dicom")):
        return
    for node, name in calls(module):
        owner, _, function = name.rpartition(".")
        unwritten = owner in ("np", "numpy") and function in UNWRITTEN
        assert not unwritten, f"{module.name}, line {node.lineno}: {name}"
