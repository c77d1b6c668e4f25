"""``dicomweb-server serve``."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from dicomweb_server import __version__
from dicomweb_server.app import create_app
from dicomweb_server.cli import on_hypercorn
from dicomweb_server.cli.acceptor import raise_limit
from dicomweb_server.cli.listener import listen, require_safe, url_of
from dicomweb_server.cli.options import data_and_config, settings_of
from dicomweb_server.cli.supervisor import Supervisor
from dicomweb_server.cli.tls import require_tls
from dicomweb_server.errors import ConfigurationError
from dicomweb_server.logs import configure
from dicomweb_server.ops.datafolder import hold
from dicomweb_server.ops.demo import store_demo
from dicomweb_server.settings import ServerKind, Settings

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(short_help="Run the server (the default verb).")
@data_and_config
@click.option("--host", help="Address to listen on. [default: 127.0.0.1]")
@click.option("-p", "--port", type=int, help="TCP port; 0 takes a free one. [default: 8080]")
@click.option("--workers", type=int, help="Worker processes. [default: 1]")
@click.option(
    "--server",
    "kind",
    type=click.Choice([kind.value for kind in ServerKind]),
    help="ASGI server. [default: hypercorn]",
)
@click.option(
    "--tls-cert", "tls_certificate", type=_FILE, help="PEM file of the certificate: serve HTTPS."
)
@click.option("--tls-key", type=_FILE, help="PEM file of its key.")
@click.option("--demo", is_flag=True, help="Store a small study made by code in an empty archive.")
@click.option(
    "--insecure-open",
    is_flag=True,
    default=None,
    help="Listen on other addresses than loopback although there is no access control.",
)
def serve(data: Path | None, config: Path | None, demo: bool, **given: object) -> None:
    """Run the server until SIGTERM or Ctrl-C.

    Every option is a setting too: see `dicomweb-server config show`.
    """
    server = {f"server__{name}": value for name, value in given.items()}
    settings = settings_of(config, data=data, **server).settings
    require_safe(settings.server)
    require_tls(settings.server)
    _require_server(settings.server.kind)
    configure(settings.log)
    raise_limit()
    with hold(settings.data):
        stored = store_demo(settings) if demo else 0
        _run(settings, stored)


def _run(settings: Settings, demo: int) -> None:
    server = settings.server
    granian = server.kind is ServerKind.GRANIAN
    with listen(server) as listening:
        url = url_of(server, listening)

        def ready() -> None:
            click.echo(_welcome(settings, url, demo))

        if granian:
            from dicomweb_server.cli import on_granian

            on_granian.run(create_app, settings, listening, ready)
        elif server.workers > 1:
            Supervisor(create_app, settings, listening, ready).run()
        else:
            stop = on_hypercorn.stop_on_signals
            on_hypercorn.run(create_app(settings), server, listening, ready, stop)


def _require_server(kind: ServerKind) -> None:
    if find_spec(kind.value) is None:
        raise ConfigurationError(
            f"server.kind: {kind.value} is not installed", "install dicomweb-server[fast]"
        )


def _welcome(settings: Settings, url: str, demo: int) -> str:
    root = url + settings.http.root
    lines = [
        f"dicomweb-server {__version__} is ready",
        f"  web page       {url}/",
        f"  DICOMweb root  {root}",
        f"  data folder    {settings.data.resolve()}",
        f"  try            curl {root}/studies",
    ]
    if demo:
        lines.append(f"  demo study     {demo} instances made by code; delete it as you like")
    return "\n".join(lines)
