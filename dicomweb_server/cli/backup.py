"""``dicomweb-server backup``."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import click

from dicomweb_server.cli.maintenance import Counter, Result, perform
from dicomweb_server.cli.options import data_and_config, settings_of
from dicomweb_server.ops.backup import KEEP, BackupReport, back_up
from dicomweb_server.ops.backupfolder import BackupFolder
from dicomweb_server.ops.datafolder import DataFolder

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command(short_help="Copy the archive as it is now to another folder.")
@click.argument("folder", type=_FOLDER, metavar="DIR")
@data_and_config
@click.option(
    "--keep",
    type=click.IntRange(1),
    default=KEEP,
    show_default=True,
    help="Snapshots to keep; older ones go, with the bytes that only they need.",
)
@click.option("--verify", is_flag=True, help="Also read all that is there, and mend what can be.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def backup(
    folder: Path, data: Path | None, config: Path | None, keep: int, verify: bool, as_json: bool
) -> None:
    """Write a snapshot of the archive to DIR, with the bytes that DIR does not have yet.

    The server may run: all that it has acknowledged before the start is in the snapshot. Cut off,
    it is simply run again. Exit codes: 0 all is well, 1 damaged bytes were found (all others are
    in the snapshot), 2 wrong usage, 3 not finished.
    """
    settings = settings_of(config, data=data).settings

    def work() -> Result:
        with Counter("copying blobs") as counter:
            found = back_up(
                DataFolder(settings.data),
                BackupFolder(folder),
                keep=keep,
                verify=verify,
                progress=counter,
            )
        return _result(found)

    perform("backup", work, as_json=as_json)


def _result(found: BackupReport) -> Result:
    if found.same_volume:
        click.echo("Note: the backup lies on the same volume as the archive.", err=True)
    if not found.pruned:
        click.echo("Note: a snapshot is damaged; nothing was removed from the backup.", err=True)
    values = {each.name: getattr(found, each.name) for each in fields(found)}
    return Result(values, damage=bool(found.damaged.count), partial=not found.pruned)
