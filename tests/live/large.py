"""Bodies of requests that are made while they are sent, and never held in memory."""

from __future__ import annotations

import hashlib
import io
import socket
import struct
from collections.abc import Iterable, Iterator

from pydicom.filewriter import dcmwrite
from pydicom.uid import generate_uid

from tests.live.instances import (
    BOUNDARY,
    STOW_TYPE,
    Made,
    make,
    make_dataset,
    path_of,
    stow_body,
    with_meta,
)
from tests.live.server import Server

FRAME_BYTES = 512 * 512 * 2
_PIXEL_DATA = struct.Struct("<HH2sHI")


class LargeInstance:
    """A native multi-frame CT image whose frames hold their number and zeros.

    Args:
        frames: Number of frames of 512 KiB.
    """

    def __init__(self, frames: int) -> None:
        self.frames = frames
        dataset = with_meta(make_dataset(generate_uid(), generate_uid(), 1))
        dataset.NumberOfFrames, dataset.Rows, dataset.Columns = frames, 512, 512
        del dataset.PixelData
        self.path = path_of(dataset)
        buffer = io.BytesIO()
        dcmwrite(buffer, dataset, enforce_file_format=True)
        length = frames * FRAME_BYTES
        self._head = buffer.getvalue() + _PIXEL_DATA.pack(0x7FE0, 0x0010, b"OW", 0, length)
        self.size = len(self._head) + length

    def chunks(self) -> Iterator[bytes]:
        """The Part 10 file."""
        yield self._head
        for number in range(1, self.frames + 1):
            yield self.frame(number)

    def frame(self, number: int) -> bytes:
        """Pixels of one frame."""
        return number.to_bytes(8, "little").ljust(FRAME_BYTES, b"\0")

    def digest(self) -> str:
        """SHA-256 of the Part 10 file."""
        return digest_of(self.chunks())

    def request(self) -> Iterator[bytes]:
        """The body of a store request with this one instance."""
        yield f"\r\n--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        yield from self.chunks()
        yield f"\r\n--{BOUNDARY}--".encode()


class ManyInstances:
    """A series of small instances that differ in their SOP Instance UID.

    Args:
        count: How many.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._like: Made = make(side=8)[0]
        self.series_path = self._like.series_path

    def files(self) -> Iterator[bytes]:
        """Their Part 10 files."""
        uid = str(self._like.dataset.SOPInstanceUID)
        for number in range(self.count):
            other = f"{uid[:-6]}{number:06}"
            yield self._like.data.replace(uid.encode(), other.encode())

    def request(self) -> Iterator[bytes]:
        """The body of a store request with all of them."""
        return stow_body(self.files())


def digest_of(chunks: Iterable[bytes]) -> str:
    """SHA-256 of bytes that come in chunks."""
    total = hashlib.sha256()
    for chunk in chunks:
        total.update(chunk)
    return total.hexdigest()


def connect(server: Server, receive_buffer: int = 0) -> socket.socket:
    """A bare connection.

    Args:
        server: To where.
        receive_buffer: Bytes that the system takes in ahead of the reader; 0 for its default.
    """
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(60)
    connection.connect(server.address)
    return connection


def send_post_head(connection: socket.socket, length: int) -> None:
    """Begin a store request whose body will have `length` bytes."""
    connection.sendall(
        b"POST /dicom-web/studies HTTP/1.1\r\nHost: archive\r\nAccept: */*\r\n"
        + f"Content-Type: {STOW_TYPE}\r\nContent-Length: {length}\r\n\r\n".encode()
    )


def send_get(connection: socket.socket, path: str, accept: str) -> None:
    """Ask for a resource below the DICOMweb root."""
    connection.sendall(
        f"GET /dicom-web{path} HTTP/1.1\r\nHost: archive\r\nAccept: {accept}\r\n\r\n".encode()
    )


def reset(connection: socket.socket) -> None:
    """Break a connection off as a crashed client does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
