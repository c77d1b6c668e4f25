"""``python -m benchmarks.phone``: what a phone waits for, of an image as large as a mammogram.

Bytes are those of the answer, milliseconds those until its last byte: the first time, on loopback,
the median of several images.
"""

from __future__ import annotations

import http.client
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from struct import unpack_from

from benchmarks import clients, peers
from benchmarks.data import Image, large_image
from benchmarks.machine import describe
from benchmarks.peers import Peer

J2K, RPCL = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.202"
JPEG = "image/jpeg"
SIDE = 3072
_IMAGES = 5
_HEAD = 512
_SOT, _TILE_LENGTHS = 0xFF90, 0xFF55


def main() -> int:
    """Measure and print."""
    print("; ".join(f"{name}: {value}" for name, value in describe().items()))
    with peers.ours("granian") as peer:
        for name, syntax, media_type in (("J2K", J2K, "image/jp2"), ("RPCL", RPCL, "image/jphc")):
            images = [large_image(SIDE, syntax) for _ in range(_IMAGES)]
            clients.store(peer, [[image] for image in images])
            accept = f"{media_type}; transfer-syntax={syntax}"
            # The processes of the codecs start with the first request.
            _get(peer, f"{images[0].path}/rendered?quality=1", JPEG)
            for what, path, kind in (
                ("frame as stored", "/frames/1", accept),
                ("picture of full size", "/rendered", JPEG),
                ("picture for a screen", "/rendered?viewport=1080,1080", JPEG),
                ("picture for a list", "/rendered?viewport=256,256", JPEG),
                ("part in full detail", "/rendered?viewport=1080,1080,900,900,1080,1080", JPEG),
                ("thumbnail", "/thumbnail", JPEG),
            ):
                _show(name, what, [_get(peer, image.path + path, kind) for image in images])
            if syntax == RPCL:
                _ranges(peer, images, accept)
    return 0


def _ranges(peer: Peer, images: Sequence[Image], accept: str) -> None:
    """Lower resolutions by Range: the header tells where they end."""
    path = "/frames/1"
    head = _get(peer, images[0].path + path, accept, f"bytes=0-{_HEAD - 1}")[2]
    ends = resolution_ends(head)
    for leave_out in (3, 2, 1):
        end = ends[-1 - leave_out]
        told = [_get(peer, i.path + path, accept, f"bytes=0-{end - 1}") for i in images]
        side = SIDE >> leave_out
        _show("RPCL", f"Range: {side} x {side}, all bits", told)


def resolution_ends(head: bytes) -> list[int]:
    """Where each resolution of an RPCL codestream ends (ISO/IEC 15444-1 A.7.1).

    Args:
        head: Its first bytes, with the whole main header.
    """
    place, lengths = 2, []
    while (found := unpack_from(">HH", head, place))[0] != _SOT:
        marker, length = found
        if marker == _TILE_LENGTHS:
            number, size = head[place + 5] >> 4 & 3, 4 if head[place + 5] & 0x40 else 2
            lengths += [
                int.from_bytes(head[entry + number : entry + number + size], "big")
                for entry in range(place + 6, place + 2 + length, number + size)
            ]
        place += 2 + length
    return [place + sum(lengths[: count + 1]) for count in range(len(lengths))]


def _get(peer: Peer, path: str, accept: str, part: str = "") -> tuple[float, int, bytes]:
    headers = {"Accept": accept, **({"Range": part} if part else {})}
    with closing(http.client.HTTPConnection(*peer.address)) as connection:
        begin = time.perf_counter()
        connection.request("GET", peer.prefix + path, headers=headers)
        answer = connection.getresponse()
        content = answer.read()
        seconds = time.perf_counter() - begin
    if answer.status != (206 if part else 200):
        raise clients.WrongAnswer(f"{path} answered {answer.status}: {content[:300]!r}")
    return seconds, len(content), content


def _show(name: str, what: str, told: Sequence[tuple[float, int, bytes]]) -> None:
    milliseconds = 1000 * statistics.median(seconds for seconds, _, _ in told)
    print(f"{name:5} {what:32} {told[0][1]:>12,} bytes {milliseconds:8.1f} ms")


if __name__ == "__main__":
    sys.exit(main())
