"""What a refusal of the disk means."""

from __future__ import annotations

import errno
import os

from dicomweb_server.errors import StoreFull, StoreReadOnly, TooBusy

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_BUSY = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN})

READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
"""What a system answers where files can be read and not written."""

FULL_HINT = "free space or make the volume larger"


def refusal(error: OSError) -> StoreFull | StoreReadOnly | TooBusy:
    """What to raise for a write that the system refused."""
    if error.errno in _FULL:
        return StoreFull("the store's volume is full", FULL_HINT)
    if error.errno in _BUSY:
        return TooBusy(f"the system is out of resources: {reason_of(error)}")
    return StoreReadOnly(f"writing is suspended: {reason_of(error)}")


def reason_of(error: OSError) -> str:
    """The system's words, without the file's name."""
    return os.strerror(error.errno) if error.errno else "unknown error"
