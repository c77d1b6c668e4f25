"""Whether bytes have the hash that they are named after."""

from __future__ import annotations

import hashlib

from dicomweb_server.model.limits import MIB
from dicomweb_server.model.source import ByteSource

_CHUNK = MIB


def is_whole(source: ByteSource, digest: str) -> bool:
    """Whether the SHA-256 of all bytes of a source is the one given.

    Args:
        source: The bytes; all of them are read.
        digest: In lower-case hex.

    Raises:
        BlobDamaged, Unavailable: They cannot be read.
    """
    engine = hashlib.sha256()
    for place in range(0, source.size, _CHUNK):
        engine.update(source.read_at(place, _CHUNK))
    return engine.hexdigest() == digest
