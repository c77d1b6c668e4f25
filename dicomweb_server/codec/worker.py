"""A codec process: takes jobs from a socket, one at a time, until the socket ends.

Run by `dicomweb_server.codec.process` as
``python -m dicomweb_server.codec.worker DESCRIPTOR PARENT MEMORY SECONDS``.
"""

from __future__ import annotations

import os
import socket
import struct
import sys

from dicomweb_server.codec.confine import allow_seconds, confine, end_with, ignore_signals
from dicomweb_server.codec.jobs import perform
from dicomweb_server.codec.messages import (
    JOB_HEAD,
    Job,
    Note,
    Outcome,
    job_lengths,
    pack_reply,
    unpack_job,
)
from dicomweb_server.codec.preload import preload
from dicomweb_server.errors import CodecFailed, FrameUndecodable

_LENGTH = 8


def main(arguments: list[str]) -> None:
    """Serve one socket.

    Args:
        arguments: Descriptor of the socket, process id of the server, bytes of address space,
            seconds of processor time that a job may take.
    """
    ignore_signals()
    channel = socket.socket(fileno=int(arguments[0]))
    end_with(int(arguments[1]))
    preload()
    confine(int(arguments[2]))
    try:
        channel.sendall(pack_reply(Outcome.READY, {}))
        while True:
            job = _receive(channel)
            allow_seconds(float(arguments[3]))
            _answer(channel, job)
            del job
    except (EOFError, ConnectionError):
        os._exit(0)


def _receive(channel: socket.socket) -> Job:
    pickled, pieces = job_lengths(_exactly(channel, JOB_HEAD.size))
    lengths = struct.unpack(f"<{pieces}Q", _exactly(channel, pieces * _LENGTH))
    call = _exactly(channel, pickled)
    return unpack_job(call, tuple(_exactly(channel, length) for length in lengths))


def _exactly(channel: socket.socket, length: int) -> bytes:
    """Receive that many bytes, in one piece where the system gives them so."""
    data = channel.recv(length, socket.MSG_WAITALL) if length else b""
    while len(data) < length:
        more = channel.recv(length - len(data), socket.MSG_WAITALL)
        if not more:
            raise EOFError
        data += more
    return data


def _answer(channel: socket.socket, job: Job) -> None:
    data = b""
    try:
        notes, data = perform(job)
        outcome = Outcome.DONE
    except FrameUndecodable as error:
        outcome, notes = Outcome.UNDECODABLE, _undecodable(error)
    except CodecFailed as error:
        outcome, notes = Outcome.FAILED, {"detail": error.detail, "hint": error.hint}
    except MemoryError:
        outcome, notes = Outcome.FAILED, {"detail": "it needs more memory than a codec may have"}
    except Exception as error:  # noqa: BLE001 - whatever it is, it costs this frame alone
        outcome, notes = Outcome.FAILED, _unexpected(error)
    channel.sendall(pack_reply(outcome, notes, data))
    channel.sendall(data)


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
