"""Every setting with its default and meaning, read off the sections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import get_args, get_type_hints

from pydantic.fields import FieldInfo

from dicomweb_server.settings.sections import Settings


@dataclass(frozen=True, slots=True)
class Row:
    """One setting.

    Args:
        name: Its dotted name, as in the file; ``server.port``.
        default: Its default as TOML text, "unset" where it has none.
        meaning: One sentence.
        choices: What may be given where that is a closed set.
    """

    name: str
    default: str
    meaning: str
    choices: tuple[str, ...] = ()

    @property
    def variable(self) -> str:
        """Name of its environment variable."""
        return "DICOMWEB_" + self.name.replace(".", "__").upper()


def table() -> tuple[Row, ...]:
    """All settings in the order of their sections."""
    return tuple(_rows(Settings(), ""))


def values(settings: Settings) -> Mapping[str, str]:
    """Each setting's value as TOML text, by its dotted name."""
    return {name: shown(value) for name, value in _leaves(settings, "")}


def shown(value: object) -> str:
    """A value as it would stand in the TOML file."""
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    if is_dataclass(value):
        return "{" + ", ".join(f"{name} = {shown(held)}" for name, held in _own(value)) + "}"
    if isinstance(value, frozenset):
        return "[" + ", ".join(sorted(shown(member) for member in value)) + "]"
    if isinstance(value, tuple):
        return "[" + ", ".join(shown(member) for member in value) + "]"
    text = str(value.value if isinstance(value, Enum) else value)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def markdown() -> str:
    """The reference page of all settings, docs/settings.md."""
    lines = [
        "# Settings",
        "",
        "Each setting comes from the command line, else from the environment, else from the",
        "TOML file `dicomweb.toml` in the data folder (or the file named by `--config` or",
        "`DICOMWEB_CONFIG`), else it has its default. The name `server.port` is the key `port` in",
        "the table `[server]` of the file and the variable `DICOMWEB_SERVER__PORT` of the",
        "environment. In the environment, members of a list are parted by commas. Sizes take a",
        'unit: `"512 MiB"`. An unknown name is an error. `dicomweb-server config show` prints',
        "each value and where it came from; `dicomweb-server config check` only says whether",
        "all is well.",
        "",
        "This page is generated from the code: `make docs`.",
        "",
        "| Name | Default | Meaning |",
        "|---|---|---|",
    ]
    for row in table():
        choices = " One of " + ", ".join(f"`{c}`" for c in row.choices) + "." if row.choices else ""
        lines.append(f"| `{row.name}` | `{row.default}` | {row.meaning}{choices} |")
    return "\n".join(lines) + "\n"


def _rows(section: object, prefix: str) -> Iterable[Row]:
    hints = get_type_hints(type(section), include_extras=True)
    for name, value in _own(section):
        if is_dataclass(value):
            yield from _rows(value, f"{prefix}{name}.")
            continue
        choices = [str(member.value) for member in type(value)] if isinstance(value, Enum) else []
        yield Row(prefix + name, shown(value), _meaning(hints[name]), tuple(choices))


def _leaves(section: object, prefix: str) -> Iterable[tuple[str, object]]:
    for name, value in _own(section):
        if is_dataclass(value):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _own(section: object) -> Iterable[tuple[str, object]]:
    if is_dataclass(section):
        for each in fields(section):
            yield each.name, getattr(section, each.name)


def _meaning(hint: object) -> str:
    for note in reversed(get_args(hint)):
        if isinstance(note, FieldInfo) and note.description:
            return note.description
    return ""
