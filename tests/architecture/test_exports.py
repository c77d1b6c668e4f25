"""Public names are annotated and documented, and none of them says Any."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.source import PACKAGE, Module, modules


def _public(module: Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Public functions, classes and methods of public classes."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found = []
    for node in module.tree.body:
        if not isinstance(node, kinds) or node.name.startswith("_"):
            continue
        found.append(node)
        if isinstance(node, ast.ClassDef):
            members = [each for each in node.body if isinstance(each, kinds)]
            found += [each for each in members if not each.name.startswith("_")]
    return found


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name or PACKAGE)
def test_public_signatures_do_not_say_any(module: Module) -> None:
    for node in _public(module):
        if isinstance(node, ast.ClassDef):
            continue
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
        hints = [each.annotation for each in every] + [node.returns]
        text = " ".join(ast.unparse(hint) for hint in hints if hint is not None)
        assert "Any" not in text.replace("[", " ").replace("]", " ").replace(",", " ").split(), (
            f"{module.name}.{node.name}"
        )


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name or PACKAGE)
def test_public_names_are_documented(module: Module) -> None:
    for node in _public(module):
        is_test = node.name.startswith("test_")
        assert is_test or ast.get_docstring(node), f"{module.name}.{node.name}"


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name or PACKAGE)
def test_modules_are_documented(module: Module) -> None:
    if module.tree.body:
        assert ast.get_docstring(module.tree), module.name
