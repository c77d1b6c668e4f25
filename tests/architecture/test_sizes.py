"""Small modules, small functions, few parameters; exceptions carry their reason."""

from __future__ import annotations

import ast
from collections import defaultdict

import pytest

from tests.architecture.source import PACKAGE, Module, modules

LINES = 400
FUNCTION_LINES = 60
P90_LINES = 25
PARAMETERS = 6

SUITES = ("testing.index_contract", "testing.store_contract")
"""Suites of tests that ship with the package: as long as the contract has rules."""

LONG_MODULES: dict[str, str] = {}
"""Modules with more lines, and why."""

MANY_PARAMETERS: dict[str, str] = {}
"""Functions with more parameters, `module.function`, and why."""


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name or PACKAGE)
def test_modules_are_short(module: Module) -> None:
    assert module.lines <= LINES or module.name in {*LONG_MODULES, *SUITES}


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name or PACKAGE)
def test_functions_are_short(module: Module) -> None:
    for function in module.functions():
        assert _lines(function) <= FUNCTION_LINES, f"{module.name}.{function.name}"


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name or PACKAGE)
def test_functions_have_few_parameters(module: Module) -> None:
    for function in module.functions():
        name = f"{module.name}.{function.name}"
        assert _parameters(function) <= PARAMETERS or name in MANY_PARAMETERS, name


def test_nine_of_ten_functions_of_a_part_fit_on_a_screen() -> None:
    lengths: defaultdict[str, list[int]] = defaultdict(list)
    for module in modules():
        lengths[module.part].extend(_lines(function) for function in module.functions())
    for part, found in lengths.items():
        ordered = sorted(found)
        if ordered:
            assert ordered[int(len(ordered) * 0.9) - 1] <= P90_LINES, part


def test_exceptions_are_needed() -> None:
    names = {module.name for module in modules() if module.lines > LINES} - set(SUITES)
    assert set(LONG_MODULES) == names
    crowded = {
        f"{module.name}.{function.name}"
        for module in modules()
        for function in module.functions()
        if _parameters(function) > PARAMETERS
    }
    assert set(MANY_PARAMETERS) == crowded


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return sum(argument.arg not in {"self", "cls"} for argument in named)
