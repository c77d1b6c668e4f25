"""``dicomweb-server verify``."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from pathlib import Path

import click

from dicomweb_server.app import open_ports
from dicomweb_server.cli.maintenance import Counter, Result, perform
from dicomweb_server.cli.options import data_and_config, settings_of
from dicomweb_server.errors import ConfigurationError
from dicomweb_server.ops.datafolder import DataFolder, Use
from dicomweb_server.ops.subset import subset
from dicomweb_server.ops.verify import Level, Verification, VerifyReport, everything
from dicomweb_server.settings import Settings
from dicomweb_server.store.layout import Layout


@click.command(short_help="Prove that the bytes of every instance are what was stored.")
@data_and_config
@click.option(
    "--level",
    type=click.Choice([level.value for level in Level]),
    default=Level.HASH.value,
    show_default=True,
    help="exists: the bytes are there; size: all of them; hash: they are the ones.",
)
@click.option(
    "--subset",
    "part",
    metavar="PART",
    help="Read only a part: 3/30 (the third of thirty), 5% or 10G (others each time).",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def verify(
    data: Path | None, config: Path | None, level: str, part: str | None, as_json: bool
) -> None:
    """Look at the bytes of every instance; exit code 1 where some are damaged.

    With --subset the existence and the size of all are still looked at. What is found damaged is
    remembered: retrieval leaves it out, and tells so. Stored again, it is mended. Safe next to a
    running server.
    """
    settings = settings_of(config, data=data).settings
    if part is not None and Level(level) is not Level.HASH:
        raise ConfigurationError("--subset is a part of what is read", "use it with --level hash")

    def work() -> Result:
        what = "verifying"
        with (
            DataFolder(settings.data).acquire(Use.TOOL),
            Counter(what, as_bytes=Level(level) is Level.HASH) as counter,
        ):
            found = asyncio.run(_verify(settings, Level(level), part, counter))
        shown = {each.name: getattr(found, each.name) for each in fields(found)}
        values = {"level": level, **shown, "healthy": found.healthy}
        return Result(values, damage=not found.healthy, partial=found.skipped > 0)

    perform("verify", work, as_json=as_json)


async def _verify(
    settings: Settings, level: Level, part: str | None, counter: Counter
) -> VerifyReport:
    async with open_ports(settings) as ports:
        total = (await ports.index.counts()).bytes
        chosen = everything if part is None else subset(part, total)
        layout = Layout(settings.data)
        run = Verification(layout, ports.index, ports.damage, level, chosen, counter)
        return await run.run()
