"""``dicomweb-server reindex``."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from pathlib import Path

import click

from dicomweb_server.app import plan_of
from dicomweb_server.cli.maintenance import Counter, Result, perform
from dicomweb_server.cli.options import data_and_config, settings_of
from dicomweb_server.ops.datafolder import DataFolder
from dicomweb_server.ops.reindex import rebuild


@click.command(short_help="Build the index anew from the stored bytes.")
@data_and_config
@click.option("--processes", type=click.IntRange(1, 256), help="Processes. [default: one per CPU]")
@click.option(
    "--forget-deletions",
    is_flag=True,
    help="Go on although state.db is lost and no index is left: what was deleted comes back.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def reindex(
    data: Path | None, config: Path | None, processes: int | None, as_json: bool, **given: bool
) -> None:
    """Build the index anew and put it in the place of the old one.

    The server must not run meanwhile. Cut off, it goes on where it was when it is run again.
    Deleted instances stay deleted. Needed after a change of index.extra, and after the index was
    lost, damaged or put back from an older copy. Exit code 1 where bytes are damaged: their
    instances are not in the new index. Exit code 3 where it could not be finished: the old one
    stays.
    """
    settings = settings_of(config, data=data).settings

    def work() -> Result:
        with Counter("reading blobs") as counter:
            found = asyncio.run(
                rebuild(
                    DataFolder(settings.data),
                    plan_of(settings),
                    settings.scan_limits(),
                    processes,
                    counter,
                    **given,
                )
            )
        values = {each.name: getattr(found, each.name) for each in fields(found)}
        return Result(values, damage=found.damaged.count > 0)

    perform("reindex", work, as_json=as_json)
