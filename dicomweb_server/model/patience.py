"""Work that can wait: parts of an answer that has begun, behind what new requests ask for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_PATIENT: ContextVar[bool] = ContextVar("patient", default=False)
"""Whether what the task at hand asks for can wait."""


def is_patient() -> bool:
    """Whether what is asked for here can wait, and is asked for again when it is turned away."""
    return _PATIENT.get()


@contextmanager
def patience() -> Iterator[None]:
    """Inside of it everything that is asked for can wait."""
    token = _PATIENT.set(True)
    try:
        yield
    finally:
        _PATIENT.reset(token)
