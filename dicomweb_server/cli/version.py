"""``dicomweb-server version``."""

from __future__ import annotations

import json
import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of

import click

from dicomweb_server import __version__
from dicomweb_server.index.sqlite import library

_PARTS = ("starlette", "hypercorn", "granian", "pydicom", "sqlite-utils")


@click.command("version", short_help="Print versions.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the versions of parts.")
def version(as_json: bool) -> None:
    """Print the version of this program."""
    told = library.reservation()
    if not as_json:
        click.echo(__version__)
        if told:
            click.echo(f"Note: {told}.", err=True)
        return
    parts = {"dicomweb-server": __version__, "python": platform.python_version()}
    for name in _PARTS:
        try:
            parts[name] = version_of(name)
        except PackageNotFoundError:
            continue
    parts["sqlite"] = library.version()
    click.echo(json.dumps(parts | ({"note": told} if told else {})))
