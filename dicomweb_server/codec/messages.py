"""What the server and its codec processes say to each other over a socket.

Long bytes follow a message, or lie in memory that both sides share (`window.Window`).

The server is trusted: its jobs are pickled. A codec process is not, because a damaged frame may
have taken it over: its replies are a head of fixed length, a little JSON and plain bytes, and each
length is checked before anything is read.
"""

from __future__ import annotations

import json
import pickle
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import IntEnum
from functools import cache
from io import BytesIO
from operator import attrgetter

from dicomweb_server.codec.window import HALF
from dicomweb_server.model import instance, rendering
from dicomweb_server.model.limits import KIB

JOB_HEAD = struct.Struct("<4s?QI")
"""Magic, whether the data lie in the window, bytes of the pickle, number of pieces of data.

The lengths of the pieces follow as 64-bit numbers, the pickle behind them.
"""

REPLY_HEAD = struct.Struct("<4s?BIQ")
"""Magic, whether the result lies in the window, outcome, bytes of the JSON, bytes of the result."""

_JOB = b"DWJ1"
_REPLY = b"DWR1"
OUT_OF_MEMORY = 3
"""Exit status of a codec process that has no room for a job."""

NOTES = 64 * KIB
"""Bytes of JSON that a reply may have."""

_TEXT = 500

Note = str | int | list[str] | list[int | str]
"""Values of a reply's JSON object."""


class ProtocolError(Exception):
    """A reply that no sound codec process sends."""


class Outcome(IntEnum):
    """How a job ended."""

    READY = 0
    """No job: the process has started and confined itself."""
    DONE = 1
    UNDECODABLE = 2
    """FrameUndecodable: the frame is to blame."""
    FAILED = 3
    """Anything else."""


@dataclass(frozen=True, slots=True)
class Job:
    """One call on its way to a codec process.

    Args:
        name: Of the function, as `perform` knows it.
        arguments: Pickled, without long bytes.
        data: Long bytes, one behind the other.
    """

    name: str
    arguments: tuple[object, ...]
    data: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class PackedJob:
    """A job as it travels.

    Args:
        name: Of the function.
        call: Pickle of the name and the arguments.
        data: Long bytes.
    """

    name: str
    call: bytes
    data: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """Bytes in all."""
        return len(self.call) + sum(map(len, self.data))

    def message(self, *, in_window: bool) -> bytes:
        """All of it but the data."""
        lengths = struct.pack(f"<{len(self.data)}Q", *map(len, self.data))
        head = JOB_HEAD.pack(_JOB, in_window, len(self.call), len(self.data))
        return head + lengths + self.call


@dataclass(frozen=True, slots=True)
class JobHead:
    """The fixed part of a job's message; members as in JOB_HEAD."""

    in_window: bool
    call: int
    pieces: int


def pack_job(job: Job) -> PackedJob:
    """Make the bytes of a job."""
    buffer = BytesIO()
    pickler = pickle.Pickler(buffer, pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = _reducers()
    pickler.dump((job.name, job.arguments))
    return PackedJob(job.name, buffer.getvalue(), job.data)


Reducer = Callable[[object], tuple[type, tuple[object, ...]]]


@cache
def _reducers() -> dict[type, Reducer]:
    """How values of rendering are pickled: dataclasses with slots would ask for their fields anew
    each time, which costs more than all else."""
    kinds = (getattr(module, name) for module in (rendering, instance) for name in vars(module))
    return {kind: _reducer(kind) for kind in kinds if isinstance(kind, type) and is_dataclass(kind)}


def _reducer(kind: type) -> Reducer:
    names = [field.name for field in fields(kind)]
    values = attrgetter(*names) if len(names) > 1 else lambda one: (getattr(one, names[0]),)
    return lambda one: (kind, values(one))


def job_head(head: bytes) -> JobHead:
    """Read the fixed part of a job's message."""
    magic, in_window, call, pieces = JOB_HEAD.unpack(head)
    if magic != _JOB:
        raise ProtocolError("that is no job")
    return JobHead(in_window, call, pieces)


def unpack_job(call: bytes, data: tuple[bytes, ...]) -> Job:
    """The job that came from the server."""
    name, arguments = pickle.loads(call)  # noqa: S301 - the server is trusted by its workers
    return Job(name, arguments, data)


@dataclass(frozen=True, slots=True)
class ReplyHead:
    """The fixed part of a reply.

    Args:
        in_window: Whether the result lies in the window.
        outcome: How it ended.
        notes: Bytes of the JSON that follows.
        data: Bytes of the result.
    """

    in_window: bool
    outcome: Outcome
    notes: int
    data: int


def pack_reply(
    outcome: Outcome, notes: Mapping[str, Note], size: int = 0, *, in_window: bool = False
) -> bytes:
    """All of a reply but its result, which has `size` bytes."""
    text = json.dumps(notes).encode()
    if len(text) > NOTES:
        text = b"{}"
    return REPLY_HEAD.pack(_REPLY, in_window, outcome, len(text), size) + text


def reply_head(head: bytes | bytearray, most: int) -> ReplyHead:
    """Read the fixed part of a reply.

    Args:
        head: As it came.
        most: Bytes that the result may have.

    Raises:
        ProtocolError: It is none, or tells more than is allowed.
    """
    magic, in_window, told, notes, data = REPLY_HEAD.unpack(head)
    if magic != _REPLY or told > max(Outcome):
        raise ProtocolError("a reply does not begin like one")
    if notes > NOTES or data > (min(most, HALF) if in_window else most):
        raise ProtocolError("a reply is longer than it may be")
    return ReplyHead(in_window, Outcome(told), notes, data)


def read_notes(text: bytes | bytearray) -> Mapping[str, object]:
    """The JSON object of a reply.

    Raises:
        ProtocolError: It is none.
    """
    try:
        notes = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("a reply holds no JSON") from error
    if not isinstance(notes, dict):
        raise ProtocolError("a reply holds no JSON object")
    return notes


def text_of(notes: Mapping[str, object], name: str) -> str:
    """A text of a reply, cut to a sensible length and without control characters."""
    value = notes.get(name)
    if not isinstance(value, str):
        return ""
    return "".join(c if c.isprintable() else " " for c in value[:_TEXT])


def texts_of(notes: Mapping[str, object], name: str) -> tuple[str, ...]:
    """A list of texts of a reply."""
    value = notes.get(name)
    if not isinstance(value, list):
        return ()
    return tuple(text_of({name: each}, name) for each in value[:100])
