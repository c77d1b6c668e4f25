"""Fixtures: a live server and the clients of others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dicomweb_client.api import DICOMwebClient

from tests.live.server import KINDS, Server, running


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that the tests of a module share."""
    with running(str(request.param)) as live:
        yield live


@pytest.fixture
def client(server: Server) -> DICOMwebClient:
    """The Python client of the same name, as its manual shows it."""
    return DICOMwebClient(url=server.root)
