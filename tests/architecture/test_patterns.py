"""No regular expression can take time that grows with a power of its input's length.

A repetition without end inside of another one, where the inner one may give back what it took,
tries all ways in which the two can share a text (CWE-1333). Possessive repetitions give nothing
back. Where the pieces of the outer one begin with a character that the inner one cannot hold,
there is one way only: those are listed with their reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from re import _constants, _parser  # type: ignore[attr-defined] # the parser of re has no stubs

import dicomweb_server

_PACKAGE = Path(dicomweb_server.__file__).parent
_SAFE = {
    ("wire/attribute.py", "_NAME"): "a dot begins each piece, and no piece holds one",
    ("wire/forwarded.py", "_PREFIX"): "a slash begins each piece, and no piece holds one",
}
_MANY = 100


def _patterns() -> Iterator[tuple[str, str, re.Pattern[str] | re.Pattern[bytes]]]:
    """All compiled patterns of the package's modules, by file and name."""
    import importlib

    for path in sorted(_PACKAGE.rglob("*.py")):
        if "re.compile" not in path.read_text("utf-8"):
            continue
        place = path.relative_to(_PACKAGE).as_posix()
        name = ".".join(("dicomweb_server", *place.removesuffix(".py").split("/")))
        module = importlib.import_module(name.removesuffix(".__init__"))
        for key, value in vars(module).items():
            values = value.values() if isinstance(value, dict) else [value]
            for each in values:
                if isinstance(each, re.Pattern):
                    yield place, key, each


def _nests(parsed: object, inside: bool = False) -> bool:
    """Whether a long repetition that gives back stands in another one."""
    for operation, argument in parsed:  # type: ignore[attr-defined] # sequence of pairs
        gives_back = operation in (_constants.MAX_REPEAT, _constants.MIN_REPEAT)
        many = gives_back and argument[1] > _MANY
        if many and inside:
            return True
        for inner in _inner(operation, argument):
            if _nests(inner, inside or many):
                return True
    return False


def _inner(operation: object, argument: object) -> Iterator[object]:
    """Patterns inside of an operation."""
    parts = argument if isinstance(argument, tuple) else (argument,)
    for part in parts:
        if isinstance(part, _parser.SubPattern):
            yield part
        elif isinstance(part, list):
            yield from (each for each in part if isinstance(each, _parser.SubPattern))


def test_the_check_knows_the_dangerous_ones() -> None:
    for bad in ('"(?:[^"]+|a)*"', "(a+)+$", "(?:a|b+)*c", "((?:x*)y?)*"):
        assert _nests(_parser.parse(bad)), bad
    for good in ('"(?:[^"]++|a)*+"', "a+b+", "(?:ab){1,9}", "[a-z]*,[a-z]*"):
        assert not _nests(_parser.parse(good)), good


def test_no_pattern_repeats_a_repetition() -> None:
    found = {
        (place, name)
        for place, name, pattern in _patterns()
        if _nests(_parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE))
    }
    assert found - set(_SAFE) == set()
    assert set(_SAFE) - found == set(), "no longer needed"


def test_patterns_are_compiled_at_the_top_of_modules_where_they_are_seen() -> None:
    """Patterns in the calls of functions hide from the check above unless they are plain."""
    for path in _PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            text = _literal(node)
            if text is not None:
                assert not _nests(_parser.parse(text)), f"{path.name}: {text!r}"


def _literal(node: ast.AST) -> str | bytes | None:
    """The pattern of a call such as re.sub("...", ...)."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
        return None
    module, first = node.func.value, node.args[0]
    is_re = isinstance(module, ast.Name) and module.id == "re" and node.func.attr != "compile"
    if is_re and isinstance(first, ast.Constant) and isinstance(first.value, str | bytes):
        return first.value
    return None
