"""The Warning header field as DICOMweb uses it (PS3.18 8.3.4.2, 8.3.4.4.1)."""

from __future__ import annotations

import re

_UNSAFE = re.compile(r"[^ -~]+")
_LONGEST = 1024


def warning(service: str, text: str) -> str:
    """Value of one Warning header.

    Args:
        service: What names the service, usually its base URL.
        text: A sentence; what is not printable ASCII becomes a question mark, because header
            values are ASCII and must not hold line breaks. Long texts are cut.
    """
    return f"299 {_printable(service)}: {_printable(text)}"


def _printable(text: str) -> str:
    return _UNSAFE.sub("?", text)[:_LONGEST]
