"""``dicomweb-server fsck``."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from pathlib import Path

import click

from dicomweb_server.app import open_ports
from dicomweb_server.cli.maintenance import Counter, Result, perform
from dicomweb_server.cli.options import data_and_config, settings_of
from dicomweb_server.ops.datafolder import DataFolder, Use
from dicomweb_server.ops.fsck import FsckReport, check
from dicomweb_server.settings import Settings
from dicomweb_server.store.layout import Layout


@click.command(short_help="Compare the index with the stored bytes.")
@data_and_config
@click.option("--hashes", is_flag=True, help="Also read every byte and compare it with its hash.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def fsck(data: Path | None, config: Path | None, hashes: bool, as_json: bool) -> None:
    """Say whether every instance has its bytes; exit code 1 where not.

    Changes nothing. Safe next to a running server.
    """
    settings = settings_of(config, data=data).settings

    def work() -> Result:
        with (
            DataFolder(settings.data).acquire(Use.TOOL),
            Counter("comparing", as_bytes=hashes) as counter,
        ):
            found = asyncio.run(_check(settings, counter, hashes=hashes))
        shown = {each.name: getattr(found, each.name) for each in fields(found)}
        return Result(
            {**shown, "healthy": found.healthy}, damage=not found.healthy, partial=found.skipped > 0
        )

    perform("fsck", work, as_json=as_json)


async def _check(settings: Settings, counter: Counter, *, hashes: bool) -> FsckReport:
    async with open_ports(settings) as ports:
        layout = Layout(settings.data)
        return await check(
            ports.store, layout, ports.index, ports.damage, hashes=hashes, progress=counter
        )
