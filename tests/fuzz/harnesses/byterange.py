"""The Range header against a reading of its own, with whole numbers of any size."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dicomweb_server.errors import RangeNotSatisfiable
from dicomweb_server.wire import byterange
from tests.fuzz.dice import Dice
from tests.fuzz.harness import Harness, require_told

_SIZES = (0, 1, 2, 10, 255, 65_536, 1 << 33, 1 << 50)
_FORM = re.compile(r"(?ai)[ \t]*bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*")


def _run(data: bytes) -> None:
    dice = Dice(data)
    size = dice.one(_SIZES)
    text = dice.rest().decode("latin-1")
    expected = _expected(text, size)
    try:
        found = byterange.parse(text, size)
    except RangeNotSatisfiable as refusal:
        require_told(refusal)
        found, expected = None, "whole" if expected == "unsatisfiable" else "refused"
    if found is None:
        assert expected == "whole"
        return
    assert expected == (found.start, found.length)
    assert found.length > 0
    assert found.start + found.length <= size
    told = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", byterange.content_range(found, size))
    assert told
    assert int(told[2]) - int(told[1]) + 1 == found.length


def _expected(text: str, size: int) -> tuple[int, int] | str:
    found = _FORM.fullmatch(text)
    if found is None or found[1] == found[2] == "" or len(text) > 4000:
        return "whole"
    if not found[1]:
        count = int(found[2])
        if not count:
            return "unsatisfiable"
        return (max(0, size - count), min(count, size)) if size else "whole"
    first = int(found[1])
    if found[2] and int(found[2]) < first:
        return "whole"
    if first >= size:
        return "unsatisfiable"
    last = min(int(found[2]), size - 1) if found[2] else size - 1
    return first, last - first + 1


def _seeds() -> Iterable[bytes]:
    for text in (b"bytes=0-", b"bytes=-1", b"bytes=2-5", b"bytes=0-1,3-4", b"items=0-1"):
        yield b"\5" + text
    yield b"\0bytes=-5"
    yield b"\5bytes=9-18446744073709551616"


HARNESS = Harness(
    promise="a range is what the header says, cut to the representation; all else is the whole",
    run=_run,
    seeds=_seeds,
    words=(b"bytes=", b"-", b",", b"18446744073709551615", b"9223372036854775807"),
    longest=256,
)
