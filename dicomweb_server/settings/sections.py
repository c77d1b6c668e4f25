"""The settings as the rest of the program sees them: frozen, typed, one section per concern.

Each field's description is its line in ``config show`` and in docs/settings.md.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field

from dicomweb_server.model.limits import (
    GIB,
    KIB,
    MIB,
    CodecLimits,
    MultipartLimits,
    QueryLimits,
    ScanLimits,
    StoreLimits,
)
from dicomweb_server.model.outcome import DuplicatePolicy, PreamblePolicy
from dicomweb_server.settings.dimse import DimseSettings
from dicomweb_server.settings.kinds import (
    Attributes,
    BaseUrl,
    Bytes,
    CodecMemory,
    Count,
    Days,
    Few,
    File,
    Folder,
    Networks,
    Origins,
    PerLevel,
    Port,
    Rate,
    Root,
    Seconds,
    attribute_path,
)

_MOST_CODECS = 8


class ServerKind(StrEnum):
    """The ASGI servers that can carry the application."""

    HYPERCORN = "hypercorn"
    GRANIAN = "granian"


class LogFormat(StrEnum):
    """How log lines look."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


class LogLevel(StrEnum):
    """The least important line that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where and how the server listens."""

    host: Annotated[str, Field(min_length=1, description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[Port, Field(description="TCP port; 0 takes a free one.")] = 8080
    workers: Annotated[Few, Field(description="Worker processes.")] = 1
    kind: Annotated[
        ServerKind, Field(description="ASGI server; granian comes with the extra `fast`.")
    ] = ServerKind.HYPERCORN
    insecure_open: Annotated[
        bool,
        Field(description="Listen on other addresses than loopback although anyone may do all."),
    ] = False
    tls_certificate: Annotated[
        File | None,
        Field(description="PEM file of the certificate and those that it follows from, for HTTPS."),
    ] = None
    tls_key: Annotated[
        File | None, Field(description="PEM file of the certificate's key, without a password.")
    ] = None
    graceful_seconds: Annotated[
        Seconds, Field(description="Time that requests have to finish when the server stops.")
    ] = 30.0
    keep_alive_seconds: Annotated[
        Seconds,
        Field(
            description="Time after which an idle connection, or one whose request headers do not "
            "arrive, is closed; give more than the proxy in front has."
        ),
    ] = 10.0
    stall_seconds: Annotated[
        Seconds,
        Field(description="Time after which a client that takes nothing of an answer is cut off."),
    ] = 60.0
    backlog: Annotated[
        Count, Field(description="Connections that wait to be accepted, at the most.")
    ] = 2048


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """What clients see of the server."""

    root: Annotated[Root, Field(description="Path of the DICOMweb root.")] = "/dicom-web"
    public_base_url: Annotated[
        BaseUrl | None,
        Field(
            description="URL of the server as clients reach it, without the DICOMweb root; "
            "unset, URLs are built from the request."
        ),
    ] = None
    trusted_proxies: Annotated[
        Networks, Field(description="Addresses whose `Forwarded` headers are believed.")
    ] = ()
    cors_origins: Annotated[
        Origins,
        Field(description="Web origins whose pages may call the server; `*` allows all of them."),
    ] = ()
    strict_accept: Annotated[
        bool,
        Field(
            description="Refuse what the standard refuses: requests without an Accept header, "
            "with DICOM and rendered types in it, or for other character sets than UTF-8."
        ),
    ] = False


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Storing of instances."""

    duplicates: Annotated[
        DuplicatePolicy,
        Field(description="What happens when stored UIDs come again with other bytes."),
    ] = DuplicatePolicy.KEEP
    preamble: Annotated[
        PreamblePolicy,
        Field(
            description="What happens to the 128 bytes in front of a file when they begin neither "
            "with 16 zeros nor as a TIFF file: they are delivered as zeros, or the instance is "
            "refused, or they are delivered as they came."
        ),
    ] = PreamblePolicy.ZERO
    max_instance_bytes: Annotated[Bytes, Field(description="Size of one instance.")] = 64 * GIB
    max_request_bytes: Annotated[Bytes, Field(description="Size of one request.")] = 1024 * GIB
    max_parts: Annotated[Count, Field(description="Instances of one request.")] = 10_000
    parallel: Annotated[
        Few, Field(description="Instances of one request that are worked on at the same time.")
    ] = 4
    idle_seconds: Annotated[Seconds, Field(description="Longest pause within a request body.")] = (
        30.0
    )
    reserve_bytes: Annotated[
        Bytes, Field(description="Free space of the disk below which nothing is stored.")
    ] = 256 * MIB
    gc_grace_seconds: Annotated[
        Seconds,
        Field(description="Age that bytes without an owner reach before `gc` removes them."),
    ] = 86_400.0
    threads: Annotated[Few, Field(description="Threads that read and write files.")] = 8


@dataclass(frozen=True, slots=True)
class ScrubSettings:
    """Reading all stored bytes in the background, to find damage before somebody needs them."""

    enabled: Annotated[bool, Field(description="Whether the server does that.")] = True
    days: Annotated[
        Days, Field(description="Time in which everything is read once, spread evenly over it.")
    ] = 30.0
    bytes_per_second: Annotated[
        Rate,
        Field(
            description="How fast it may read at the most; where that is too slow for `days`, "
            "it takes longer."
        ),
    ] = 4 * MIB


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """The index of instances."""

    extra: Annotated[
        Attributes | None,
        Field(
            description="Attributes that searches match on beyond the required ones: keywords or "
            "tags, in sequences joined by dots; unset is the default list. "
            "Run `reindex` after a change."
        ),
    ] = None
    readers: Annotated[Few, Field(description="Searches that run at the same time.")] = 4

    @property
    def extra_paths(self) -> tuple[tuple[int, ...], ...] | None:
        """The extra attributes as paths of tags; None is the default list."""
        return None if self.extra is None else tuple(attribute_path(text) for text in self.extra)


@dataclass(frozen=True, slots=True)
class QuerySettings:
    """Searching; lists of three numbers are for studies, series and instances."""

    deadline_seconds: Annotated[
        Seconds, Field(description="Time after which a search is stopped.")
    ] = 5.0
    default_limits: Annotated[
        PerLevel, Field(description="Matches of a page where no limit is asked for.")
    ] = (100, 1_000, 10_000)
    maximum_limits: Annotated[PerLevel, Field(description="Matches of a page at the most.")] = (
        5_000,
        5_000,
        50_000,
    )
    maximum_offset: Annotated[
        Count, Field(description="Matches that a page may skip; cursors reach further.")
    ] = 1_000_000


@dataclass(frozen=True, slots=True)
class MetadataSettings:
    """What stays in metadata, and what becomes a link to bulk data."""

    inline_binary_bytes: Annotated[
        Bytes, Field(description="Binary values up to this size stay in the metadata.")
    ] = 4 * KIB
    inline_text_bytes: Annotated[
        Bytes, Field(description="Texts and numbers up to this size stay in the metadata.")
    ] = 256 * KIB


@dataclass(frozen=True, slots=True)
class RenditionSettings:
    """Files made from instances and kept for speed."""

    capacity_bytes: Annotated[
        Bytes, Field(description="Space that they may take; the oldest go first.")
    ] = 2 * GIB


@dataclass(frozen=True, slots=True)
class CodecSettings:
    """Decoding, encoding and rendering, in processes of their own."""

    workers: Annotated[
        Few | None,
        Field(
            description="Codec processes of each worker process of the server; unset, as many as "
            "there are processors, at most 8, shared among those."
        ),
    ] = None
    memory_bytes: Annotated[
        CodecMemory, Field(description="Address space that one codec process may have.")
    ] = 2 * GIB
    seconds: Annotated[
        Seconds, Field(description="Time that the work on one frame may take before it is ended.")
    ] = 30.0
    queue: Annotated[
        Count, Field(description="Frames that may wait for a codec; more are answered with 503.")
    ] = 256
    queue_bytes: Annotated[
        Bytes, Field(description="Memory that frames which wait for a codec may take.")
    ] = GIB
    warm: Annotated[
        bool,
        Field(
            description="Start the codec processes with the server; else each starts when it is "
            "first needed."
        ),
    ] = True


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Log lines, on standard error."""

    level: Annotated[LogLevel, Field(description="Least important line that is written.")] = (
        LogLevel.INFO
    )
    format: Annotated[
        LogFormat, Field(description="`auto` is `console` on a terminal and `json` elsewhere.")
    ] = LogFormat.AUTO


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings; without arguments the defaults."""

    data: Annotated[Folder, Field(description="The data folder.")] = Path("data")
    server: ServerSettings = field(default_factory=ServerSettings)
    http: HttpSettings = field(default_factory=HttpSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    scrub: ScrubSettings = field(default_factory=ScrubSettings)
    index: IndexSettings = field(default_factory=IndexSettings)
    query: QuerySettings = field(default_factory=QuerySettings)
    metadata: MetadataSettings = field(default_factory=MetadataSettings)
    renditions: RenditionSettings = field(default_factory=RenditionSettings)
    codec: CodecSettings = field(default_factory=CodecSettings)
    dimse: DimseSettings = field(default_factory=DimseSettings)
    log: LogSettings = field(default_factory=LogSettings)

    def scan_limits(self) -> ScanLimits:
        """Bounds of the pass over an arriving file."""
        return ScanLimits(
            inline_binary=self.metadata.inline_binary_bytes,
            inline_text=self.metadata.inline_text_bytes,
        )

    def multipart_limits(self) -> MultipartLimits:
        """Bounds of a request's parts."""
        return MultipartLimits(parts=self.store.max_parts)

    def query_limits(self) -> QueryLimits:
        """Bounds of a search."""
        return QueryLimits(
            default_limit=self.query.default_limits,
            maximum_limit=self.query.maximum_limits,
            maximum_offset=self.query.maximum_offset,
            seconds=self.query.deadline_seconds,
        )

    def codec_limits(self) -> CodecLimits:
        """Bounds of the codec processes of one worker process of the server."""
        workers = self.codec.workers
        if workers is None:
            workers = max(1, min(_processors(), _MOST_CODECS) // self.server.workers)
        return CodecLimits(
            workers=workers,
            memory=self.codec.memory_bytes,
            seconds=self.codec.seconds,
            queue=self.codec.queue,
            queue_bytes=self.codec.queue_bytes,
        )

    def store_limits(self) -> StoreLimits:
        """Bounds of storing."""
        return StoreLimits(
            instance=self.store.max_instance_bytes,
            request=self.store.max_request_bytes,
            parallel=self.store.parallel,
            idle_seconds=self.store.idle_seconds,
            reserve=self.store.reserve_bytes,
        )


def _processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
