"""Options that several verbs have."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from dicomweb_server.settings import Loaded, load

Verb = TypeVar("Verb", bound=Callable[..., object])


def data_and_config(verb: Verb) -> Verb:
    """Add ``--data`` and ``--config``."""
    folder = click.Path(file_okay=False, path_type=Path)
    file = click.Path(dir_okay=False, path_type=Path)
    add_config = click.option("--config", type=file, help="TOML file with settings.")
    add_data = click.option("--data", type=folder, help="Data folder. [default: ./data]")
    return add_data(add_config(verb))


def settings_of(config: Path | None, **given: object) -> Loaded:
    """Read the settings, with what the command line gives on top.

    Args:
        config: The file that --config names.
        given: Values by the setting's name with two underscores for each dot.

    Raises:
        ConfigurationError: They cannot work.
    """
    return load(
        config, os.environ, {name.replace("__", "."): value for name, value in given.items()}
    )
