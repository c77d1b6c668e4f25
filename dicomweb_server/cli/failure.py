"""How errors end the program."""

from __future__ import annotations

import errno

import click

from dicomweb_server.errors import ArchiveError, ConfigurationError
from dicomweb_server.model.disk import READ_ONLY, reason_of, refusal

FAILED = 1
USAGE = 2
PARTIAL = 3
_DISK = frozenset({errno.EIO, errno.ENOSPC, errno.EDQUOT})


def explain(error: ArchiveError) -> None:
    """Say on standard error what was wrong and what would have worked."""
    click.echo(f"Error: {error.detail}", err=True)
    if error.hint:
        click.echo(f"Hint: {error.hint}", err=True)


def exit_code(error: ArchiveError) -> int:
    """Exit code for an error: 2 where the settings are wrong, else 1."""
    return USAGE if isinstance(error, ConfigurationError) else FAILED


def unforeseen(error: OSError) -> ArchiveError | None:
    """What to say of a file that the system refused on the way; None for what is no refusal."""
    if error.filename is None or error.errno not in READ_ONLY | _DISK:
        return None
    told = refusal(error)
    return type(told)(f"{error.filename}: {reason_of(error)}", told.hint)
