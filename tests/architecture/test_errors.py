"""One error tree, drawn where it is defined and mapped to HTTP in one place."""

from __future__ import annotations

import ast
import inspect
import re

import pytest

from dicomweb_server import errors
from dicomweb_server.errors import ArchiveError
from dicomweb_server.web.errors import STATUS
from tests.architecture.source import PACKAGE, Module, modules

FOREIGN_ERRORS = frozenset(
    {"Exception", "BaseException", "HTTPException", "StarletteHTTPException"}
)


def _classes() -> list[type[ArchiveError]]:
    found = [each for _, each in inspect.getmembers(errors, inspect.isclass)]
    return [each for each in found if issubclass(each, ArchiveError)]


@pytest.mark.parametrize("error", _classes(), ids=lambda error: error.__name__)
def test_every_error_has_a_status(error: type[ArchiveError]) -> None:
    assert 400 <= STATUS[error] <= 599


def test_no_error_is_mapped_that_does_not_exist() -> None:
    assert set(STATUS) == set(_classes())


def test_the_tree_is_drawn_as_it_is() -> None:
    drawn: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"    ((?:[│ ]   )*)(?:[├└]── )?([A-Z]\w+)", line)
        if found is None:
            continue
        depth = len(found[1]) // 4 + ("──" in line)
        above[depth:] = [found[2]]
        drawn[found[2]] = above[depth - 1] if depth else ""
    real = {each.__name__: each.__bases__[0].__name__ for each in _classes()}
    real["ArchiveError"] = ""
    assert drawn == real


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name or PACKAGE)
def test_no_bare_except_and_no_raise_of_general_errors(module: Module) -> None:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"{module.name}, line {node.lineno}"
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            name = ast.unparse(node.exc.func)
            assert name not in FOREIGN_ERRORS, f"{module.name}, line {node.lineno}: {name}"
