"""A codec process: takes jobs from a socket, one at a time, until the socket ends.

Run by `dicomweb_server.codec.process` as
``python -m dicomweb_server.codec.worker CHANNEL WINDOW PARENT MEMORY RESULT SECONDS``.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Mapping

from dicomweb_server.codec.confine import allow_seconds, confine, end_with, ignore_signals
from dicomweb_server.codec.messages import (
    JOB_HEAD,
    OUT_OF_MEMORY,
    Job,
    Note,
    Outcome,
    job_head,
    pack_reply,
    unpack_job,
)
from dicomweb_server.codec.perform import perform
from dicomweb_server.codec.preload import preload
from dicomweb_server.codec.window import Window
from dicomweb_server.errors import CodecFailed, FrameUndecodable

_LENGTH = 8


def main(arguments: list[str]) -> None:
    """Serve one socket.

    Args:
        arguments: Descriptor of the socket, that of the window or -1, process id of the server,
            bytes of address space, bytes that a result may have, seconds of processor time that
            a job may take.
    """
    channel, window, parent, memory, most = map(int, arguments[:5])
    ignore_signals()
    end_with(parent)
    preload()
    shared = Window(window) if window >= 0 else None
    server = _Server(socket.socket(fileno=channel), shared, most)
    confine(memory)
    server.serve(float(arguments[5]))


class _Server:
    """The server as a codec process sees it."""

    def __init__(self, channel: socket.socket, window: Window | None, most: int) -> None:
        self._channel = channel
        self._window = window
        self._most = most

    def serve(self, seconds: float) -> None:
        """Do jobs until the socket ends."""
        try:
            self._send(Outcome.READY, {}, b"")
            while True:
                job = self._receive()
                allow_seconds(seconds)
                self._send(*_done(job))
                del job
        except (EOFError, ConnectionError):
            os._exit(0)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)

    def _receive(self) -> Job:
        head = job_head(_exactly(self._channel, JOB_HEAD.size))
        rest = _exactly(self._channel, head.pieces * _LENGTH + head.call)
        lengths = struct.unpack_from(f"<{head.pieces}Q", rest)
        call = rest[head.pieces * _LENGTH :]
        if head.in_window and self._window is not None:
            return unpack_job(call, self._window.job(lengths))
        return unpack_job(call, tuple(_exactly(self._channel, length) for length in lengths))

    def _send(self, outcome: Outcome, notes: Mapping[str, Note], data: bytes) -> None:
        if len(data) > self._most:
            detail = f"the result has {len(data)} bytes, more than {self._most}"
            outcome, notes, data = Outcome.FAILED, {"detail": detail}, b""
        in_window = self._window is not None and self._window.put_reply(data)
        self._channel.sendall(pack_reply(outcome, notes, len(data), in_window=in_window))
        if not in_window:
            self._channel.sendall(data)


def _exactly(channel: socket.socket, length: int) -> bytes:
    """Receive that many bytes, in one piece where the system gives them so."""
    data = channel.recv(length, socket.MSG_WAITALL) if length else b""
    while len(data) < length:
        more = channel.recv(length - len(data), socket.MSG_WAITALL)
        if not more:
            raise EOFError
        data += more
    return data


def _done(job: Job) -> tuple[Outcome, Mapping[str, Note], bytes]:
    """What becomes of a job: whatever happens, it costs this one alone."""
    try:
        notes, data = perform(job)
    except FrameUndecodable as error:
        return Outcome.UNDECODABLE, _undecodable(error), b""
    except CodecFailed as error:
        return Outcome.FAILED, {"detail": error.detail, "hint": error.hint}, b""
    except MemoryError:
        detail = "the codec needs more memory than it may have"
        return Outcome.FAILED, {"detail": detail}, b""
    except Exception as error:  # noqa: BLE001 - a codec may raise anything
        return Outcome.FAILED, _unexpected(error), b""
    return Outcome.DONE, notes, data


def _undecodable(error: FrameUndecodable) -> dict[str, Note]:
    return {
        "detail": error.detail,
        "hint": error.hint,
        "asked": list(error.asked),
        "stored": error.stored,
        "offered": list(error.offered),
    }


def _unexpected(error: Exception) -> dict[str, Note]:
    """The kind of an error and where it was raised; its text may tell of the patient."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{os.path.basename(code.co_filename)}:{trace.tb_lineno}")  # noqa: PTH119 - no Path for a name
        trace = trace.tb_next
    where = " ".join(places[-4:])
    return {"detail": f"the codec met an error of its own ({type(error).__name__})", "where": where}


if __name__ == "__main__":
    main(sys.argv[1:])
