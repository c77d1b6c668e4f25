"""Steps of storing and deleting at which fault tests let the process die (RELIABILITY part 4)."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from enum import StrEnum

from dicomweb_server.errors import ConfigurationError

CRASH_VARIABLE = "TEST_DICOMWEB_CRASH_POINT"
"""Of fault tests: a step, or a step and at which time it is meant (`step:3`). No setting."""


class Step(StrEnum):
    """What comes next, or has just been done, in the order of storing and then of deleting."""

    WHILE_STAGING = "while-staging"
    BEFORE_FSYNC = "before-fsync"
    BEFORE_RENAME = "before-rename"
    BEFORE_DIRECTORY_FSYNC = "before-directory-fsync"
    AFTER_COMMIT = "after-commit"
    BEFORE_RENEWAL = "before-renewal"
    """The bytes are stored already; their time is about to be renewed."""
    BEFORE_FORGETTING = "before-forgetting"
    """A request broke off; its bytes are safe, but not yet buried."""
    BEFORE_INDEX = "before-index"
    """The bytes of all instances are safe; the index knows none of them."""
    INDEX_BEFORE_BEGIN = "index-before-begin"
    INDEX_BEFORE_COMMIT = "index-before-commit"
    INDEX_AFTER_COMMIT = "index-after-commit"
    BEFORE_BURIAL = "before-burial"
    """Rows refer to the new bytes; those that they replaced are not buried yet."""
    BEFORE_ANSWER = "before-answer"
    STATE_BEFORE_BEGIN = "state-before-begin"
    STATE_BEFORE_COMMIT = "state-before-commit"
    STATE_AFTER_COMMIT = "state-after-commit"
    DELETION_BEFORE_TOMBSTONES = "deletion-before-tombstones"
    DELETION_BEFORE_ROWS = "deletion-before-rows"
    """The tombstones are durable; the rows are still there."""
    DELETION_AFTER_ROWS = "deletion-after-rows"
    DELETION_BEFORE_ANSWER = "deletion-before-answer"


Reached = Callable[[Step], None]
"""Told that a step has come."""


def nowhere(step: Step) -> None:
    """Go on, whatever the step."""


class CrashPoint:
    """Kills the process at one step.

    Args:
        text: The step, with a colon and a number from 1 where it is not the first time; None for
            no step at all.

    Raises:
        ConfigurationError: There is no such step.
    """

    __slots__ = ("_left", "_step")

    def __init__(self, text: str | None) -> None:
        name, _, number = (text or "").partition(":")
        self._left = int(number) if number.isascii() and number.isdigit() else 1
        try:
            self._step = Step(name) if text else None
        except ValueError:
            raise ConfigurationError(
                f"{CRASH_VARIABLE} names an unknown step", f"one of {', '.join(Step)}"
            ) from None

    def reached(self, step: Step) -> None:
        """Say that a step has come."""
        if step is not self._step:
            return
        self._left -= 1
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def crash_point() -> Reached:
    """What the environment asks for: in ordinary life, to go on.

    Raises:
        ConfigurationError: It names an unknown step.
    """
    text = os.environ.get(CRASH_VARIABLE)
    return CrashPoint(text).reached if text else nowhere
