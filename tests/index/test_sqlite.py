"""The SQLite index keeps the contract."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicomweb_server.index.port import Index, Tombstones
from dicomweb_server.index.sqlite.index import SqliteIndex
from dicomweb_server.index.sqlite.tombstones import SqliteTombstones
from dicomweb_server.model.levels import IndexPlan
from dicomweb_server.testing.index_contract import IndexContract, TombstonesContract


class TestSqliteIndex(IndexContract):
    @pytest.fixture
    def index(self, tmp_path: Path) -> Iterator[Index]:
        opened = SqliteIndex.open(tmp_path / "index.db", IndexPlan.of(), readers=2)
        yield opened
        asyncio.run(opened.close())


class TestSqliteTombstones(TombstonesContract):
    @pytest.fixture
    def tombstones(self, tmp_path: Path) -> Iterator[Tombstones]:
        opened = SqliteTombstones.open(tmp_path / "state.db")
        yield opened
        asyncio.run(opened.close())
