"""What clients sent and what was acknowledged: in a file of its own, on the disk at once."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.specimens import Key, Version, digest

State = Version | None
"""Which bytes an instance has; None where it is not in the archive."""

Items = Mapping[Key, State]


@dataclass(slots=True)
class Sent:
    """A request and what was heard of it.

    Args:
        items: What it makes of which instances.
        answer: "ack" when the status line of a success came, "never" when the request was not
            sent to its end, "" when nothing is known.
    """

    items: dict[Key, State]
    answer: str = ""


class Ledger:
    """The file; each line is on the disk before its writer goes on.

    Args:
        path: Made anew.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._lock = threading.Lock()
        self._count = 0

    def send(self, items: Items) -> int:
        """A request is about to be sent; returns its number."""
        lines = [[*_plain(key), *_version(state)] for key, state in items.items()]
        with self._lock:
            self._count += 1
            number = self._count
            self._write({"number": number, "items": lines})
        return number

    def answer(self, number: int, answer: str) -> None:
        """Something was heard of a request."""
        with self._lock:
            self._write({"number": number, "answer": answer})

    def close(self) -> None:
        """No more is written."""
        os.close(self._descriptor)

    def _write(self, line: object) -> None:
        os.write(self._descriptor, json.dumps(line).encode() + b"\n")
        os.fdatasync(self._descriptor)


def read(path: Path) -> list[Sent]:
    """All requests of a ledger, in the order in which they were sent."""
    found: dict[int, Sent] = {}
    for line in path.read_text("ascii").splitlines():
        entry = json.loads(line)
        if "items" in entry:
            found[entry["number"]] = Sent(dict(_items(entry["items"])))
        else:
            found[entry["number"]].answer = entry["answer"]
    return list(found.values())


@dataclass(slots=True)
class Book:
    """What the archive must hold.

    Args:
        known: State of every instance that was ever sent.
        unheard: What was sent of an instance since its last acknowledged request, without an
            answer.
    """

    known: dict[Key, State] = field(default_factory=dict)
    unheard: dict[Key, list[State]] = field(default_factory=dict)

    def expect(self, sent: list[Sent]) -> tuple[dict[Key, State], list[Sent]]:
        """What must hold after these requests: acknowledged states, and requests in the dark."""
        due = dict(self.known)
        dark = []
        for request in sent:
            for key in request.items:
                due.setdefault(key, None)
            if request.answer == "ack":
                due.update(request.items)
            elif not request.answer:
                dark.append(request)
        return due, dark

    def judge(self, sent: list[Sent], found: Mapping[Key, str]) -> Iterator[str]:
        """Compare with what was found, and remember that.

        A request in the dark has happened as a whole or not at all; two of them that hold the same
        instance are judged by each instance alone.

        Args:
            sent: All requests since the last time.
            found: SHA-256 of every instance that was looked for; "" for what is not there.
        """
        due, dark = self.expect(sent)
        shared = _shared(dark)
        for request in dark:
            yield from self._judge_dark(request, due, shared, found)
        for key, sha in found.items():
            options = [due[key]] + [r.items[key] for r in dark if key in r.items]
            matching = [state for state in options if _digest(key, state) == sha]
            if not matching:
                yield f"{key.path}: found {sha[:12] or 'nothing'}, expected {_names(key, options)}"
            self.known[key] = matching[0] if matching else due[key]
        for request in sent:
            self._remember(request)

    def _remember(self, request: Sent) -> None:
        for key, state in request.items.items():
            if request.answer == "ack":
                self.unheard.pop(key, None)
            elif state is not None:
                self.unheard.setdefault(key, []).append(state)

    def judge_rebuilt(self, found: Mapping[Key, str]) -> Iterator[str]:
        """Compare with what was found after the index was built from the bytes alone.

        What a request without an answer has brought to the disk may come, but only where nothing
        was acknowledged since.
        """
        for key, sha in found.items():
            options = [self.known[key], *self.unheard.get(key, ())]
            if sha not in {_digest(key, state) for state in options}:
                yield f"{key.path}: found {sha[:12] or 'nothing'}, expected {_names(key, options)}"

    def _judge_dark(
        self, request: Sent, due: Items, shared: set[Key], found: Mapping[Key, str]
    ) -> Iterator[str]:
        happened = {
            _digest(key, state) == found[key]
            for key, state in request.items.items()
            if key not in shared and key in found and state != due[key]
        }
        if len(happened) > 1:
            yield f"a request of {len(request.items)} instances happened in part"


def _shared(requests: list[Sent]) -> set[Key]:
    seen: set[Key] = set()
    twice: set[Key] = set()
    for request in requests:
        twice |= seen & set(request.items)
        seen |= set(request.items)
    return twice


def _digest(key: Key, state: State) -> str:
    return "" if state is None else digest(key, state)


def _names(key: Key, options: list[State]) -> str:
    return " or ".join(_digest(key, state)[:12] or "nothing" for state in options)


def _plain(key: Key) -> tuple[str, str, str]:
    return key.study, key.series, key.instance


def _version(state: State) -> tuple[int, int]:
    return (-1, 0) if state is None else (state.seed, state.side)


def _items(lines: list[list[str | int]]) -> Iterator[tuple[Key, State]]:
    for study, series, instance, seed, side in lines:
        state = None if int(seed) < 0 else Version(int(seed), int(side))
        yield Key(str(study), str(series), str(instance)), state
