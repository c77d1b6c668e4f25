"""Fixtures: a live server for the examples."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.server import Server, running


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that the examples share."""
    with running("hypercorn") as live:
        yield live
