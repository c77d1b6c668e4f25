"""Threads of a store's own: a fixed number, and no work left running behind its caller's back."""

from __future__ import annotations

from dicomweb_server.model import threads as pools
from dicomweb_server.model.stages import Stage


class Pool(pools.Pool):
    """A sized pool of threads in which calls of a store block.

    Args:
        threads: Calls at the same time, 1 or more.
        name: Shown in the names of the threads.
    """

    def __init__(self, threads: int, name: str) -> None:
        super().__init__(threads, name, Stage.STORE)
