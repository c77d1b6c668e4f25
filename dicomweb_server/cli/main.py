"""The command ``dicomweb-server``: its verbs, one file each."""

from __future__ import annotations

from collections.abc import Sequence

import click

from dicomweb_server.cli.backup import backup
from dicomweb_server.cli.config import config
from dicomweb_server.cli.dumps import no_core_dumps
from dicomweb_server.cli.failure import exit_code, explain, unforeseen
from dicomweb_server.cli.fsck import fsck
from dicomweb_server.cli.gc import gc
from dicomweb_server.cli.import_ import import_
from dicomweb_server.cli.reindex import reindex
from dicomweb_server.cli.restore import restore
from dicomweb_server.cli.serve import serve
from dicomweb_server.cli.verify import verify
from dicomweb_server.cli.version import version
from dicomweb_server.errors import ArchiveError


class Verbs(click.Group):
    """A group whose verb is ``serve`` where none is given, and whose errors are one clear line."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default verb in front of arguments that begin with none."""
        if args[:1] == ["--version"]:
            args = ["version", *args[1:]]
        if not args or (args[0].startswith("-") and args[0] not in {"--help", "-h"}):
            args = ["serve", *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run a verb; an error raised on purpose ends the program with one line."""
        try:
            return super().invoke(ctx)
        except ArchiveError as error:
            explain(error)
            ctx.exit(exit_code(error))
        except OSError as error:
            told = unforeseen(error)
            if told is None:
                raise
            explain(told)
            ctx.exit(exit_code(told))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """An open DICOMweb server: QIDO-RS, WADO-RS and STOW-RS on files that stay as they came.

    Without a verb it serves. Exit codes: 0 all is well, 1 failure, 2 wrong usage or settings,
    3 some of the items failed.
    """


for verb in (serve, import_, gc, fsck, verify, reindex, backup, restore, config, version):
    cli.add_command(verb)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the program.

    Args:
        arguments: What to do; None takes the arguments of the process.
    """
    no_core_dumps()
    cli.main(args=None if arguments is None else list(arguments), prog_name="dicomweb-server")
