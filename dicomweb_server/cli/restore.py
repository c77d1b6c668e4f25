"""``dicomweb-server restore``."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import click

from dicomweb_server.cli.maintenance import Counter, Result, perform
from dicomweb_server.cli.options import data_and_config, settings_of
from dicomweb_server.ops.backupfolder import BackupFolder, Snapshot
from dicomweb_server.ops.datafolder import DataFolder
from dicomweb_server.ops.restore import RestoreReport, check
from dicomweb_server.ops.restore import restore as fill

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command(short_help="Make a data folder of a backup.")
@click.argument("folder", type=_FOLDER, metavar="DIR")
@data_and_config
@click.option("--snapshot", metavar="NAME", help="Which one. [default: the newest]")
@click.option("--list", "listing", is_flag=True, help="Only show the snapshots in DIR.")
@click.option("--check", "checking", is_flag=True, help="Only read all that would be needed.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def restore(
    folder: Path,
    data: Path | None,
    config: Path | None,
    snapshot: str | None,
    as_json: bool,
    **only: bool,
) -> None:
    """Fill a new data folder from the backup in DIR; every byte is checked on the way.

    A folder that holds an archive is refused. Cut off, it is run again and goes on; until it has
    come to its end no server starts on the folder. Exit codes: 0 all is well, 1 the backup is
    damaged (all that is whole was restored), 2 wrong usage, 3 not finished.
    """
    backup = BackupFolder(folder)

    def work() -> Result:
        if only["listing"]:
            return _listed(backup)
        with Counter("reading blobs") as counter:
            if only["checking"]:
                return _result(check(backup, snapshot, counter), checked=True)
            target = DataFolder(settings_of(config, data=data).settings.data)
            return _result(fill(backup, snapshot, target, counter), checked=False)

    perform("restore", work, as_json=as_json)


def _listed(backup: BackupFolder) -> Result:
    with backup.reading():
        found = backup.readable()
    return Result({each.name: _described(each) for each in found})


def _described(snapshot: Snapshot) -> str:
    return f"{snapshot.instances} instances, {snapshot.size} bytes"


def _result(found: RestoreReport, *, checked: bool) -> Result:
    if "index.db" in found.damaged_files and not checked:
        click.echo("Hint: run `dicomweb-server reindex` on the new folder.", err=True)
    values = {each.name: getattr(found, each.name) for each in fields(found)}
    values["damaged_files"] = " ".join(found.damaged_files) or "none"
    return Result(values, damage=not found.whole)
