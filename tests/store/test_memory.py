"""The store in memory keeps the contract."""

from __future__ import annotations

import pytest

from dicomweb_server.store.memory import MemoryStore
from dicomweb_server.testing.store_contract import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()
