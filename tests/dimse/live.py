"""A server of associations over a real archive, inside the process of the tests."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from dicomweb_server.app import make_services, open_ports, plan_of
from dicomweb_server.dimse.archive import Archive
from dicomweb_server.dimse.bridge import Bridge
from dicomweb_server.dimse.guard import Bounds
from dicomweb_server.dimse.library import quieten
from dicomweb_server.dimse.peers import Peer, Peers
from dicomweb_server.dimse.server import DimseServer, Rules
from dicomweb_server.model.limits import GIB
from dicomweb_server.model.outcome import DuplicatePolicy
from dicomweb_server.settings import Settings, StoreSettings
from dicomweb_server.web.exchange import Services

T = TypeVar("T")
TITLE = "ARCHIVE"
STRICT = Rules(strict=True, any_class=True)
BOUNDS = Bounds(pdu=32_768, associations=25, per_address=10, artim_seconds=10, idle_seconds=30)


@dataclass(frozen=True, slots=True)
class Live:
    """A running server.

    Args:
        port: Where it listens on 127.0.0.1.
        services: What it serves.
        bridge: To their loop.
        server: The server itself.
    """

    port: int
    services: Services
    bridge: Bridge
    server: DimseServer

    def run(self, coroutine: Coroutine[object, object, T]) -> T:
        """Run something on the loop of the services."""
        return self.bridge.call(coroutine, 60)


@contextmanager
def serving(
    folder: Path,
    peers: Iterable[Peer] = (),
    rules: Rules = STRICT,
    bounds: Bounds = BOUNDS,
    secure: ssl.SSLContext | None = None,
    duplicates: DuplicatePolicy = DuplicatePolicy.KEEP,
    most: int = 64 * GIB,
) -> Iterator[Live]:
    """Serve the archive of a folder.

    Args:
        folder: The data folder.
        peers: The listed AEs.
        rules: Who may call.
        bounds: What they may take.
        secure: For TLS; None for plain connections.
        duplicates: What happens to other bytes under stored UIDs.
        most: Size of one instance.
    """
    quieten()
    store = StoreSettings(duplicates=duplicates, max_instance_bytes=most)
    settings = Settings(data=folder, store=store)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    bridge = Bridge(loop)
    context = open_ports(settings)
    try:
        ports = bridge.call(context.__aenter__())
        services = make_services(settings, ports)
        archive = Archive(
            authenticator=services.authenticator,
            ingest=services.ingest,
            search=services.search,
            retrieve=services.retrieve,
            plan=plan_of(settings),
            title=TITLE,
            peers=Peers(tuple(peers)),
        )
        server = DimseServer(archive, bridge, bounds, rules)
        listening = socket.create_server(("127.0.0.1", 0))
        server.listen(listening, secure)
        try:
            yield Live(listening.getsockname()[1], services, bridge, server)
        finally:
            server.close(5.0)
            bridge.call(context.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
