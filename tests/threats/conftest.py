"""Fixtures: live servers of both kinds."""

from __future__ import annotations

from tests.live.conftest import fresh_server, server

__all__ = ["fresh_server", "server"]
