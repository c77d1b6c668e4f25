"""When worker processes that died are replaced."""

from __future__ import annotations

from dicomweb_server.errors import Unavailable

_YOUNG_SECONDS = 5.0
_PAUSE_SECONDS = 0.2
"""Before one is replaced that did not live long, so that starting does not take all the time."""
_RETRY_SECONDS = 5.0
"""Before one is replaced that could not start: what is in its way seldom goes at once."""


class Replacements:
    """Places of workers that died, each with the time at which another one takes it.

    Before any worker has started, none can: the first that ends tells so. Afterwards no death ends
    those that serve, however often it comes and whatever the reason.

    Args:
        cannot_start: Exit code of workers that could not start.
    """

    def __init__(self, cannot_start: int) -> None:
        self._cannot_start = cannot_start
        self._due: list[tuple[float, int]] = []

    def died(self, place: int, exit_code: int | None, born: float, now: float) -> None:
        """Take note of a death behind a start that succeeded.

        Args:
            place: Which worker.
            exit_code: Its exit code.
            born: Time of its start in seconds.
            now: Time in seconds.
        """
        pause = _PAUSE_SECONDS if now - born < _YOUNG_SECONDS else 0.0
        self._due.append(
            (now + (_RETRY_SECONDS if exit_code == self._cannot_start else pause), place)
        )

    def take(self, now: float) -> list[int]:
        """Places whose time has come; they are forgotten."""
        taken = [place for due, place in self._due if due <= now]
        self._due = [(due, place) for due, place in self._due if due > now]
        return taken

    def seconds(self, now: float) -> float | None:
        """Time until the next one; None where there is none."""
        return max(0.0, min(self._due)[0] - now) if self._due else None


def none_starts() -> Unavailable:
    """What to say of a server whose first worker ended before any had started."""
    return Unavailable("a worker process could not start", "its message stands above")
