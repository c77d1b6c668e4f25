"""Fixtures: live servers of both kinds."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import httpx
import pytest

from tests.live.server import KINDS, Server, running

if sys.platform != "linux":
    collect_ignore_glob = ["test_streaming.py"]


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that the tests of a module share."""
    with running(str(request.param)) as live:
        yield live


@pytest.fixture(params=KINDS)
def fresh_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server of one test."""
    with running(str(request.param)) as live:
        yield live


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    """An ordinary HTTP client whose URLs begin at the DICOMweb root."""
    with httpx.Client(base_url=server.root, timeout=60) as http:
        yield http
