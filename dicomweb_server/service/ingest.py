"""Storing: bytes to staging, one scan, durable commit, then the index, then the answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dicomweb_server.auth.port import Action, Authorizer
from dicomweb_server.dicom import preamble
from dicomweb_server.dicom.meta import BEGINNING, PREAMBLE, lacks_preamble
from dicomweb_server.dicom.scan import scan
from dicomweb_server.errors import (
    ArchiveError,
    InstanceRejected,
    InvalidRequest,
    Unavailable,
)
from dicomweb_server.index.port import Index, Removed, Tombstones
from dicomweb_server.model.crash import Reached, Step, nowhere
from dicomweb_server.model.ids import Scope
from dicomweb_server.model.instance import Blob, InstanceRecord, NewInstance, ScannedInstance
from dicomweb_server.model.levels import IndexPlan
from dicomweb_server.model.limits import ScanLimits, StoreLimits
from dicomweb_server.model.outcome import (
    DuplicatePolicy,
    Failed,
    FailureReason,
    PreamblePolicy,
    PutOutcome,
    PutResult,
    Stored,
    StoreReport,
    WarningReason,
)
from dicomweb_server.model.source import ByteSource
from dicomweb_server.service.burial import Burial
from dicomweb_server.service.context import Context
from dicomweb_server.service.expected import Expected
from dicomweb_server.service.spool import Spool
from dicomweb_server.store.port import BlobStore, Staging

_log = logging.getLogger(__name__)

_KEPT = "other bytes are stored under this SOP Instance UID; the stored ones stay"
_TAKEN = "other bytes are stored under this SOP Instance UID"


@dataclass(frozen=True, slots=True)
class Part:
    """One instance on its way in.

    Args:
        body: Its bytes, in chunks; must be read to its end before the next part is asked for.
        refusal: Why the part cannot be an instance (for example its media type); None if it can.
        expected: What else it must be; None takes any.
    """

    body: AsyncIterator[bytes | memoryview]
    refusal: InstanceRejected | None = None
    expected: Expected | None = None


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """How instances are stored.

    Args:
        policy: What happens to other bytes under the same UIDs.
        preamble: What happens to preambles that could be a program.
        plan: Which attributes searches can match.
        scan: Bounds of the scan.
        limits: Bounds of storing.
        scratch: Folder for temporary files.
        reached: Told of each step.
    """

    policy: DuplicatePolicy
    plan: IndexPlan
    scan: ScanLimits
    limits: StoreLimits
    scratch: Path | None = None
    reached: Reached = nowhere
    preamble: PreamblePolicy = PreamblePolicy.ZERO


Outcome = Stored | Failed


class Ingest:
    """The only way into the archive.

    Args:
        store: Where bytes go.
        index: Where rows go, after the bytes are safe.
        tombstones: What was deleted; stored again, it comes back.
        authorizer: Asked first.
        settings: How.
    """

    def __init__(
        self,
        store: BlobStore,
        index: Index,
        tombstones: Tombstones,
        authorizer: Authorizer,
        settings: IngestSettings,
    ) -> None:
        self._store = store
        self._index = index
        self._burial = Burial(index, tombstones)
        self._authorizer = authorizer
        self._settings = settings
        self._reached = settings.reached

    async def store(
        self, context: Context, study: str | None, parts: AsyncIterator[Part]
    ) -> StoreReport:
        """Store the instances of one request.

        Nothing becomes visible before the last part has arrived, and what the report says is
        stored survives `kill -9` and a power loss. One bad part harms no other. Rows are written
        128 at a time: a disk that fails between two of these leaves the first ones visible, though
        the request is answered with the failure; sent again, they are found unchanged.

        Args:
            context: Who asks.
            study: Study Instance UID that every instance must have; None takes any.
            parts: The instances.

        Raises:
            InvalidRequest: There is no part, or the framing of parts is broken.
            StoreFull: No space is left.
            StoreReadOnly: Writing is suspended.
        """
        await self._authorizer.check(context.principal, Action.STORE, Scope(study))
        async with Spool(self._settings.scratch) as spool:
            request = _Request(self, study, spool)
            try:
                outcomes = await request.receive(parts)
                await self._publish(spool, outcomes)
            except BaseException:
                await self._forget(spool)
                raise
        if not outcomes:
            raise InvalidRequest("the request holds no instance", "send at least one part")
        self._reached(Step.BEFORE_ANSWER)
        return _report(study, outcomes)

    async def prepare(
        self, staging: Staging, study: str | None, expected: Expected | None
    ) -> tuple[ScannedInstance, NewInstance | PutOutcome]:
        """Scan staged bytes and make them durable unless they need not be stored.

        Returns:
            The scan, and the instance for the index or, where nothing is to be done, why.

        Raises:
            InstanceRejected: They cannot be stored.
        """
        scanned = await staging.run(self._scan)
        if expected is not None:
            expected.require(scanned)
        if study is not None and scanned.key.study != study:
            raise InstanceRejected(
                FailureReason.DOES_NOT_MATCH_SOP_CLASS,
                "Study Instance UID differs from that of the request's URL",
                "store it at /studies, or under its own study",
                sop_class=scanned.sop_class,
                instance=scanned.key.instance,
            )
        present = await self._index.get(scanned.key)
        if present is not None:
            if present.blob.digest == staging.digest():
                # A deletion that crashed half-way leaves a tombstone beside the row.
                await self._burial.confirm([Removed(scanned.key, present.blob.digest)])
                outcome = await self._mend(present.blob, staging)
                if self._settings.policy is DuplicatePolicy.REPLACE:
                    # Another part of the request may replace it: the order of parts decides.
                    return scanned, NewInstance(scanned, present.blob, present.received_at)
                return scanned, outcome
            if self._settings.policy is not DuplicatePolicy.REPLACE:
                await self._require_intact(present)
            if self._settings.policy is DuplicatePolicy.KEEP:
                return scanned, PutOutcome.KEPT
            if self._settings.policy is DuplicatePolicy.REJECT:
                return scanned, PutOutcome.REJECTED
        committed = await staging.commit()
        return scanned, NewInstance(scanned, committed.blob, committed.received_at)

    async def _mend(self, blob: Blob, staging: Staging) -> PutOutcome:
        """Store bytes anew whose row is there and whose blob is missing or damaged."""
        if await self._store.intact(blob):
            return PutOutcome.UNCHANGED
        await staging.commit()
        _log.warning("damaged bytes were stored anew", extra={"digest": blob.digest})
        return PutOutcome.MENDED

    async def _require_intact(self, present: InstanceRecord) -> None:
        """Nobody must be told that an instance stays which cannot be delivered any more."""
        if not await self._store.intact(present.blob):
            raise InstanceRejected(
                FailureReason.PROCESSING_FAILURE,
                "the stored instance is damaged, and these are other bytes than were stored",
                "delete the instance and store it again, or send the same bytes",
                sop_class=present.sop_class,
                instance=present.key.instance,
            )

    def stage(self) -> Staging:
        """Open a place for the bytes of one instance."""
        return self._store.stage()

    @property
    def limits(self) -> StoreLimits:
        """Bounds of storing."""
        return self._settings.limits

    def _scan(self, source: ByteSource) -> ScannedInstance:
        settings = self._settings
        scanned = scan(source, settings.plan, settings.scan, settings.scratch)
        if self._settings.preamble is PreamblePolicy.REJECT:
            _check_preamble(source, scanned)
        return scanned

    async def _forget(self, spool: Spool) -> None:
        """Nobody was told of these instances: a rebuild of the index must not bring them."""
        async for waiting in spool.batches():
            self._reached(Step.BEFORE_FORGETTING)
            await self._burial.bury(
                [Removed(new.scanned.key, new.blob.digest) for _, new in waiting]
            )

    def _require_bytes(self, blobs: Sequence[Blob]) -> None:
        """Refuse rows without bytes; while rows are put no bytes are removed (Index.release)."""
        for blob in blobs:
            state = self._store.state(blob.digest)
            if state is None or state.size != blob.size:
                raise Unavailable(
                    "bytes were removed while they were being stored", "send them again"
                )

    async def _publish(self, spool: Spool, outcomes: list[Outcome | None]) -> None:
        async for waiting in spool.batches():
            batch = [new for _, new in waiting]
            digests = [new.blob.digest for new in batch]
            self._reached(Step.BEFORE_INDEX)
            await self._burial.announce(digests)
            check = partial(self._require_bytes, [new.blob for new in batch])
            results = await self._index.put(batch, self._settings.policy, check)
            self._reached(Step.BEFORE_BURIAL)
            await self._burial.bury(_orphans(batch, results))
            await self._burial.confirm([Removed(n.scanned.key, n.blob.digest) for n in batch])
            for (place, new), result in zip(waiting, results, strict=True):
                outcomes[place] = _outcome(new.scanned, result.outcome)


class _Request:
    """The parts of one request: received one after the other, finished side by side."""

    def __init__(self, ingest: Ingest, study: str | None, spool: Spool) -> None:
        self._ingest = ingest
        self._study = study
        self._spool = spool
        self._outcomes: list[Outcome | None] = []
        self._slots = asyncio.Semaphore(ingest.limits.parallel)

    async def receive(self, parts: AsyncIterator[Part]) -> list[Outcome | None]:
        """Take every part; None stands where the index decides."""
        try:
            async with asyncio.TaskGroup() as group:
                async for part in parts:
                    await self._take(part, group)
        except BaseExceptionGroup as errors:
            raise _first(errors) from None
        return self._outcomes

    async def _take(self, part: Part, group: asyncio.TaskGroup) -> None:
        await self._slots.acquire()
        place = len(self._outcomes)
        self._outcomes.append(None)
        handed_over = False
        staging = self._ingest.stage()
        await staging.__aenter__()
        try:
            refusal = await self._write(staging, part)
            if refusal is not None:
                self._refuse(place, refusal)
                return
            group.create_task(self._finish(place, staging, part.expected))
            handed_over = True
        finally:
            if not handed_over:
                await staging.__aexit__(None, None, None)
                self._slots.release()

    async def _write(self, staging: Staging, part: Part) -> InstanceRejected | None:
        limit = self._ingest.limits.instance
        refusal = part.refusal
        async for chunk in _with_preamble(part.body):
            if refusal is not None:
                continue
            if staging.size + len(chunk) > limit:
                refusal = InstanceRejected(
                    FailureReason.OUT_OF_RESOURCES, f"an instance may have {limit} bytes at most"
                )
                continue
            await staging.write([chunk])
        return refusal

    async def _finish(self, place: int, staging: Staging, expected: Expected | None) -> None:
        try:
            async with staging:
                scanned, new = await self._ingest.prepare(staging, self._study, expected)
            if isinstance(new, NewInstance):
                await self._spool.add(place, new)
            else:
                self._outcomes[place] = _outcome(scanned, new)
        except InstanceRejected as refusal:
            self._refuse(place, refusal)
        finally:
            self._slots.release()

    def _refuse(self, place: int, refusal: InstanceRejected) -> None:
        detail = f"{refusal.detail}; {refusal.hint}" if refusal.hint else refusal.detail
        self._outcomes[place] = Failed(refusal.reason, detail, refusal.sop_class, refusal.instance)


async def _with_preamble(
    body: AsyncIterator[bytes | memoryview],
) -> AsyncIterator[bytes | memoryview]:
    """The bytes of a Part 10 file, with the preamble that in-memory files of pydicom lack."""
    beginning = b""
    async for chunk in body:
        if len(beginning) >= BEGINNING:
            yield chunk
            continue
        beginning += chunk
        if len(beginning) >= BEGINNING:
            yield PREAMBLE + beginning if lacks_preamble(beginning) else beginning
    if len(beginning) < BEGINNING:
        yield beginning


def _check_preamble(source: ByteSource, scanned: ScannedInstance) -> None:
    if not preamble.is_harmless(source.read_at(0, preamble.LENGTH)):
        raise InstanceRejected(
            FailureReason.CANNOT_UNDERSTAND,
            "the 128 bytes in front of the file begin neither with 16 zeros nor as a TIFF file, "
            "and could be a program",
            "write zeros there and send it again",
            sop_class=scanned.sop_class,
            instance=scanned.key.instance,
        )


def _orphans(batch: list[NewInstance], results: tuple[PutResult, ...]) -> list[Removed]:
    """Bytes to which no row refers any more, or never did, because of a put."""
    return [
        Removed(new.scanned.key, result.orphan)
        for new, result in zip(batch, results, strict=True)
        if result.orphan
    ]


def _outcome(scanned: ScannedInstance, outcome: PutOutcome) -> Outcome:
    if outcome is PutOutcome.REJECTED:
        reason = FailureReason.DUPLICATE_INSTANCE
        return Failed(reason, _TAKEN, scanned.sop_class, scanned.key.instance)
    if outcome is PutOutcome.KEPT:
        warning = WarningReason.INSTANCE_EXISTS
        return Stored(scanned.key, scanned.sop_class, outcome, warning, _KEPT)
    return Stored(scanned.key, scanned.sop_class, outcome)


def _report(study: str | None, outcomes: list[Outcome | None]) -> StoreReport:
    stored = tuple(outcome for outcome in outcomes if isinstance(outcome, Stored))
    failed = tuple(outcome for outcome in outcomes if isinstance(outcome, Failed))
    return StoreReport(study, stored, failed)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error of a group that says most: one of ours before any other."""
    leaves = list(_leaves(errors))
    return next((error for error in leaves if isinstance(error, ArchiveError)), leaves[0])


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _leaves(member)
    else:
        yield error
