"""How errors end the program."""

from __future__ import annotations

import click

from dicomweb_server.errors import ArchiveError, ConfigurationError

FAILED = 1
USAGE = 2
PARTIAL = 3


def explain(error: ArchiveError) -> None:
    """Say on standard error what was wrong and what would have worked."""
    click.echo(f"Error: {error.detail}", err=True)
    if error.hint:
        click.echo(f"Hint: {error.hint}", err=True)


def exit_code(error: ArchiveError) -> int:
    """Exit code for an error: 2 where the settings are wrong, else 1."""
    return USAGE if isinstance(error, ConfigurationError) else FAILED
