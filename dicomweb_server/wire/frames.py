"""Lists of frame numbers in paths (PS3.18 10.1.1)."""

from __future__ import annotations

import re

from dicomweb_server.errors import InvalidParameter

_NUMBER = re.compile(r"[0-9]{1,18}")
_NAME = "frames"
_HINT = "frame numbers begin at 1 and are separated by commas, for example frames/1,2,3"


def parse(text: str, maximum: int = 1_000_000) -> tuple[int, ...]:
    """Read a list of frame numbers.

    Args:
        text: The path segment, percent-decoded.
        maximum: Numbers in the list at the most.

    Returns:
        The numbers in the order asked. The standard wants them ascending; clients that ask in
        another order, or for a frame twice, get their parts in just that order, because they
        tell the parts of the answer by their place.

    Raises:
        InvalidParameter: A member is not a whole number of 1 or more, or there are too many.
    """
    if text.count(",") >= maximum:
        raise InvalidParameter(_NAME, "too many frames", f"at most {maximum} in one request")
    return tuple(_frame(member.strip(" "), place) for place, member in enumerate(text.split(",")))


def _frame(member: str, place: int) -> int:
    number = int(member) if _NUMBER.fullmatch(member) else 0
    if number < 1:
        raise InvalidParameter(_NAME, f"member {place + 1} is not a frame number", _HINT)
    return number
