"""``dicomweb-server serve``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dicomweb_server import __version__
from dicomweb_server.app import create_app
from dicomweb_server.cli import on_hypercorn
from dicomweb_server.cli.acceptor import raise_limit
from dicomweb_server.cli.dimse import DimseSockets, closing_dimse, line_of, require_dimse
from dicomweb_server.cli.listener import listen, require_safe, url_of
from dicomweb_server.cli.options import data_and_config, settings_of
from dicomweb_server.cli.supervisor import Supervisor
from dicomweb_server.cli.tls import require_tls
from dicomweb_server.errors import ConfigurationError
from dicomweb_server.logs import configure
from dicomweb_server.ops.datafolder import hold
from dicomweb_server.ops.demo import store_demo
from dicomweb_server.settings import ServerKind, Settings

if TYPE_CHECKING:
    from dicomweb_server.cli.bridge import BridgeProcess

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
    require_dimse(settings.dimse)
    _require_server(settings.server.kind)
    configure(settings.log)
    raise_limit()
    with hold(settings.data):
        stored = store_demo(settings) if demo else 0
        _run(settings, stored)


def _run(settings: Settings, demo: int) -> None:
    server = settings.server
    with (
        listen(server) as listening,
        closing_dimse(settings.dimse) as sockets,
        _bridging(settings, sockets) as bridge,
    ):
        url = url_of(server, listening)

        def ready() -> None:
            click.echo(_welcome(settings, url, demo))
            if sockets is not None:
                click.echo(line_of(settings.dimse, sockets))

        def stopping() -> None:
            if bridge is not None:
                bridge.tell()

        if server.kind is ServerKind.GRANIAN:
            from dicomweb_server.cli import on_granian

            on_granian.run(create_app, settings, listening, ready, stopping)
        elif server.workers > 1:
            Supervisor(create_app, settings, listening, ready, stopping).run()
        else:
            on_hypercorn.run(create_app(settings), server, listening, ready, _Stop(stopping))


def _bridging(
    settings: Settings, sockets: DimseSockets | None
) -> AbstractContextManager[BridgeProcess | None]:
    """The process that serves DIMSE; its modules are loaded only where there is one."""
    if sockets is None:
        return nullcontext()
    from dicomweb_server.cli.bridge import bridging

    return bridging(settings, sockets)


class _Stop:
    """Lets signals stop the server, and tells of it.

    Args:
        stopping: Called then.
    """

    def __init__(self, stopping: Callable[[], None]) -> None:
        self._stopping = stopping
        self._telling: asyncio.Task[None] | None = None

    def __call__(self, stop: asyncio.Event) -> None:
        on_hypercorn.stop_on_signals(stop)
        self._telling = asyncio.get_running_loop().create_task(self._tell(stop))

    async def _tell(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._stopping()


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
