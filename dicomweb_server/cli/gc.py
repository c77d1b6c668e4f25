"""``dicomweb-server gc``."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from pathlib import Path

import click

from dicomweb_server.app import open_ports
from dicomweb_server.cli.maintenance import Counter, Result, perform
from dicomweb_server.cli.options import data_and_config, settings_of
from dicomweb_server.ops.datafolder import DataFolder, Use
from dicomweb_server.ops.gc import GcReport, collect, forget
from dicomweb_server.settings import Settings


@click.command(short_help="Remove bytes that nothing refers to any more.")
@data_and_config
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def gc(data: Path | None, config: Path | None, dry_run: bool, as_json: bool) -> None:
    """Remove the bytes of deleted and replaced instances once their grace time is over.

    Pictures that are kept for speed go with them.

    Safe next to a running server. Exit code 3 where it could not be finished.
    """
    settings = settings_of(config, data=data).settings

    def work() -> Result:
        folder = DataFolder(settings.data)
        with (
            folder.acquire(Use.TOOL),
            folder.remove_blobs(),
            Counter("looking at blobs") as counter,
        ):
            found = asyncio.run(_collect(settings, counter, dry_run=dry_run))
        return Result({each.name: getattr(found, each.name) for each in fields(found)})

    perform("gc", work, as_json=as_json)


async def _collect(settings: Settings, counter: Counter, *, dry_run: bool) -> GcReport:
    async with open_ports(settings) as ports:
        found = await collect(
            ports.store,
            ports.index,
            ports.tombstones,
            settings.store.gc_grace_seconds,
            dry_run=dry_run,
            progress=counter,
        )
        if found.removed and not dry_run:
            await forget(ports.store, ports.renditions)
        return found
