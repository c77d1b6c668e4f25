"""Storing instances in a data folder through the service layer, without a server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager

from dicomweb_server.app import make_services, open_ports
from dicomweb_server.auth.open import ANYONE
from dicomweb_server.errors import ConfigurationError, InvalidRequest
from dicomweb_server.model.outcome import PutOutcome, StoreReport
from dicomweb_server.ops.candidates import Candidate
from dicomweb_server.ops.datafolder import hold
from dicomweb_server.ops.importer import Fate, Outcome
from dicomweb_server.ops.upload import read_candidate
from dicomweb_server.service.context import Context
from dicomweb_server.service.ingest import Ingest, Part
from dicomweb_server.settings import Settings

_SERVED = "where a server runs on it, import by --url"
_CONTEXT = Context(ANYONE, "import")


class Direct:
    """A data folder as the target of an import.

    Args:
        ingest: The way into it.
        parallel: Instances at the same time, over all batches.
    """

    def __init__(self, ingest: Ingest, parallel: int) -> None:
        self._ingest = ingest
        self._slots = asyncio.Semaphore(parallel)

    async def store(self, batch: Sequence[Candidate]) -> list[Outcome]:
        """Store a batch, each instance for itself; the index commits them together.

        Raises:
            StoreFull: No space is left.
            StoreReadOnly: The disk refuses.
        """
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._store(candidate)) for candidate in batch]
        return [task.result() for task in tasks]

    async def _store(self, candidate: Candidate) -> Outcome:
        async with self._slots:
            try:
                report = await self._ingest.store(_CONTEXT, None, _part(candidate))
            except InvalidRequest as error:
                return Outcome(candidate, Fate.FAILED, error.detail)
        return _outcome(candidate, report)


@asynccontextmanager
async def open_folder(settings: Settings) -> AsyncIterator[Direct]:
    """Open a data folder as a target; nobody else may serve it meanwhile.

    Raises:
        ConfigurationError: A server has it, or it cannot be used.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(hold(settings.data))
        except ConfigurationError as error:
            raise ConfigurationError(error.detail, f"{error.hint}; {_SERVED}") from None
        async with open_ports(settings) as ports:
            yield Direct(make_services(settings, ports).ingest, settings.store.threads)


async def _part(candidate: Candidate) -> AsyncIterator[Part]:
    yield Part(read_candidate(candidate))


def _outcome(candidate: Candidate, report: StoreReport) -> Outcome:
    if report.failed:
        return Outcome(candidate, Fate.FAILED, report.failed[0].detail)
    stored = report.stored[0]
    present = stored.outcome in (PutOutcome.UNCHANGED, PutOutcome.KEPT)
    return Outcome(candidate, Fate.PRESENT if present else Fate.STORED, stored.detail)
