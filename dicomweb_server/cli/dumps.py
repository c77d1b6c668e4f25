"""No images of memory on disk: they would hold patient data (T28)."""

from __future__ import annotations

import resource
from contextlib import suppress

_NONE = 1
"""Bytes of a core dump. No dump fits. Where dumps are piped to a program Linux takes no notice of a
limit of 0, but makes none at exactly this one."""


def no_core_dumps() -> None:
    """Let neither this process nor those that it starts leave a core dump behind."""
    with suppress(OSError, ValueError):  # the limit is lower already
        resource.setrlimit(resource.RLIMIT_CORE, (_NONE, _NONE))
