"""Bounds on everything that comes from outside (RELIABILITY: every length meets a limit)."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True)
class ScanLimits:
    """Bounds of one pass over a Part 10 file.

    Args:
        depth: Nesting of sequences.
        elements: Elements in all, items included; 8,800-frame enhanced objects have 400,000.
        value: Bytes of one value that is read into memory.
        inline_binary: Bytes up to which binary values stay in the document.
        inline_text: Bytes up to which text and numeric values stay in the document.
        document: Bytes of the plain document.
        inflated: Bytes of a deflated data set when inflated.
        inflate_ratio: Inflated bytes per stored byte allowed after the first MiB.
        frames: Number of frames.
    """

    depth: int = 32
    elements: int = 1_000_000
    value: int = 64 * MIB
    inline_binary: int = 4 * KIB
    inline_text: int = 256 * KIB
    document: int = 64 * MIB
    inflated: int = 2 * GIB
    inflate_ratio: int = 100
    frames: int = 1_000_000


@dataclass(frozen=True, slots=True)
class MultipartLimits:
    """Bounds of a multipart body (T9).

    Args:
        parts: Number of parts.
        headers: Number of headers of one part.
        header_bytes: Bytes of all headers of one part.
        preamble: Bytes in front of the first boundary.
        boundary: Characters of the boundary (RFC 2046 5.1.1).
    """

    parts: int = 10_000
    headers: int = 16
    header_bytes: int = 8 * KIB
    preamble: int = 4 * KIB
    boundary: int = 70


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """Bounds of a search (T14, T16).

    Args:
        parameters: Number of query parameters.
        query_bytes: Bytes of the query string.
        pattern: Characters of one match value.
        wildcards: Wildcards in one match value.
        uids: UIDs in one list.
        default_limit: Rows of a page when none is asked for, per level study, series, instance.
        maximum_limit: Rows of a page at the most, per level study, series, instance.
        maximum_offset: Rows that may be skipped.
        seconds: Time that one search may take.
    """

    parameters: int = 64
    query_bytes: int = 16 * KIB
    pattern: int = 128
    wildcards: int = 8
    uids: int = 1_000
    default_limit: tuple[int, int, int] = (100, 1_000, 10_000)
    maximum_limit: tuple[int, int, int] = (5_000, 5_000, 50_000)
    maximum_offset: int = 1_000_000
    seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """Bounds of storing.

    Args:
        instance: Bytes of one instance.
        request: Bytes of one request body.
        parallel: Instances of one request that are scanned and committed at the same time.
        idle_seconds: Longest pause between two pieces of a request body.
        reserve: Free bytes of the disk below which nothing is stored.
    """

    instance: int = 64 * GIB
    request: int = 1024 * GIB
    parallel: int = 4
    idle_seconds: float = 30.0
    reserve: int = 256 * MIB


@dataclass(frozen=True, slots=True)
class CodecLimits:
    """Bounds of decoding, encoding and rendering (T11, T37, F21).

    Args:
        workers: Codec processes.
        memory: Bytes of address space that one of them may have.
        seconds: Time that one job may take, on the clock and of processors.
        queue: Jobs that may wait.
        queue_bytes: Bytes of the jobs that wait or run; one job alone may be larger.
        frame: Bytes of one frame, as it comes and as it goes.
        abandoned_seconds: Time that a job may go on when nobody waits for it any more.
        strikes: Times that the same job may end its process before it is refused.
        frame_strikes: Times that jobs of the same frame may.
        refused_seconds: Time for which they are refused then.
    """

    workers: int = 2
    memory: int = 2 * GIB
    seconds: float = 30.0
    queue: int = 256
    queue_bytes: int = GIB
    frame: int = 512 * MIB
    abandoned_seconds: float = 2.0
    strikes: int = 3
    frame_strikes: int = 5
    refused_seconds: float = 600.0
