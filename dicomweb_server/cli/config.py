"""``dicomweb-server config``: what is set, and where it came from."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dicomweb_server.cli.options import data_and_config, settings_of
from dicomweb_server.ops.reference import PAGES, page
from dicomweb_server.settings.table import table, values


@click.group(short_help="Show or check the settings.")
def config() -> None:
    """Show or check the settings."""


@config.command()
@data_and_config
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def show(data: Path | None, config: Path | None, as_json: bool) -> None:
    """Print each setting, its value and where it came from."""
    loaded = settings_of(config, data=data)
    shown = values(loaded.settings)
    width = max(len(f"{name} = {value}") for name, value in shown.items())
    for row in table():
        origin = loaded.origins.get(row.name, "default")
        if as_json:
            line = {"name": row.name, "value": shown[row.name], "origin": origin}
            click.echo(json.dumps(line))
        else:
            assignment = f"{row.name} = {shown[row.name]}"
            click.echo(f"{assignment:<{width}}  # {origin}")


@config.command()
@data_and_config
def check(data: Path | None, config: Path | None) -> None:
    """Say whether the settings can work; exit code 2 where not."""
    loaded = settings_of(config, data=data)
    click.echo(f"all is well; {len(loaded.origins)} settings differ from their defaults")


@config.command(hidden=True)
@click.argument("name", type=click.Choice(PAGES))
def reference(name: str) -> None:
    """Print a page of the documentation that is made from the code."""
    click.echo(page(name), nl=False)
