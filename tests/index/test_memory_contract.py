"""The reference index keeps the contract of every index."""

from __future__ import annotations

import pytest

from dicomweb_server.index.memory import MemoryIndex, MemoryTombstones
from dicomweb_server.index.port import Index, Tombstones
from dicomweb_server.testing.index_contract import IndexContract, TombstonesContract


class TestMemoryIndex(IndexContract):
    """All tests of the contract."""

    @pytest.fixture
    def index(self) -> Index:
        """A new index."""
        return MemoryIndex()


class TestMemoryTombstones(TombstonesContract):
    """All tests of the contract."""

    @pytest.fixture
    def tombstones(self) -> Tombstones:
        """New tombstones."""
        return MemoryTombstones()
