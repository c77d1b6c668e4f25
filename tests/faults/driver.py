"""Clients that store, replace, delete and break off, until the server is gone."""

from __future__ import annotations

import http.client
import random
import socket
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.faults.ledger import Items, Ledger, State
from tests.faults.specimens import STOW_TYPE, Key, Version, specimen, store_body

_SIDES = (4, 8, 16, 16, 32, 64, 64, 128)
_LARGE_SIDE = 800  # more than a mebibyte: it goes to a file before it is complete
_LARGE_EVERY = 40
_MOST = 64
_TIMEOUT = 60
_ROOT = "/dicom-web"
_GONE = (OSError, http.client.HTTPException)


@dataclass(slots=True)
class Tally:
    """What all clients of a run did and met.

    Args:
        counts: Requests by kind, and acknowledged instances.
        surprises: Answers that no request should get.
    """

    counts: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)


class Client:
    """One client with studies of its own; next to those, all clients store some instances alike.

    Args:
        number: From 0; a part of the UIDs.
        chance: Its random choices.
        known: State of its own instances, as it stands; kept up to date by the judge.
        tally: What is counted.
    """

    def __init__(
        self, number: int, chance: random.Random, known: dict[Key, State], tally: Tally
    ) -> None:
        self._number = number
        self._chance = chance
        self._known = known
        self._tally = tally
        self._next = 0
        self._uncertain: set[Key] = set()
        self._former: dict[Key, Version] = {}

    def run(self, port: int, ledger: Ledger, stop: threading.Event, gone: bool) -> None:
        """Send requests until told to stop, or until the server is gone.

        Args:
            port: Where it listens.
            ledger: Where requests and answers are kept.
            stop: Ends it after the request at hand.
            gone: Whether a broken connection means that the server is gone for good.
        """
        self._uncertain.clear()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
        while not stop.is_set():
            request = self._choose()
            try:
                request(connection, ledger)
            except _GONE as error:
                connection.close()
                if isinstance(error, TimeoutError):
                    self._tally.surprises.append(f"no answer in {_TIMEOUT} s")
                if gone:
                    return
        connection.close()

    def _choose(self) -> Callable[[http.client.HTTPConnection, Ledger], None]:
        dice = self._chance.random()
        if dice < 0.55:
            return self._store
        if dice < 0.75:
            return self._change
        if dice < 0.9:
            return self._delete
        return self._break_off

    def _store(self, connection: http.client.HTTPConnection, ledger: Ledger) -> None:
        """New instances of one study, and some that every client stores."""
        items: dict[Key, State] = dict(self._new(self._chance.randint(1, _MOST)))
        if self._chance.random() < 0.3:
            items |= _common(self._chance)
        self._post(connection, ledger, items, "store")

    def _change(self, connection: http.client.HTTPConnection, ledger: Ledger) -> None:
        """Known instances: the same bytes again, other bytes, or deleted ones once more."""
        keys = self._certain()
        if not keys:
            return self._store(connection, ledger)
        chosen = self._chance.sample(keys, min(len(keys), self._chance.randint(1, 24)))
        items: dict[Key, State] = {}
        for key in chosen:
            same = self._known.get(key) or self._former.get(key)
            items[key] = same if same and self._chance.random() < 0.5 else self._version()
        return self._post(connection, ledger, items, "change")

    def _delete(self, connection: http.client.HTTPConnection, ledger: Ledger) -> None:
        """A study, a series or an instance."""
        present = [key for key in self._certain() if self._known.get(key)]
        if not present:
            return self._store(connection, ledger)
        key = self._chance.choice(present)
        path, inside = self._scope(key)
        items: dict[Key, State] = {each: None for each in present if inside(each)}
        unsure = [each for each in self._uncertain if inside(each)]
        if unsure:  # what it would delete is not known
            return self._store(connection, ledger)
        number = ledger.send(items)
        self._take(items)
        self._former |= {each: state for each in items if (state := self._known[each])}
        connection.request("DELETE", _ROOT + path)
        self._hear(connection, ledger, number, items, "delete", (204,))
        return None

    def _scope(self, key: Key) -> tuple[str, Callable[[Key], bool]]:
        dice = self._chance.random()
        if dice < 0.3:
            return f"/studies/{key.study}", lambda other: other.study == key.study
        if dice < 0.5:
            path = f"/studies/{key.study}/series/{key.series}"
            return path, lambda other: other.series == key.series
        return key.path, lambda other: other == key

    def _break_off(self, connection: http.client.HTTPConnection, ledger: Ledger) -> None:
        """A request whose end is never sent: nothing of it may ever be seen."""
        items: dict[Key, State] = dict(self._new(self._chance.randint(2, 8)))
        body = _body(items)
        number = ledger.send(items)
        ledger.answer(number, "never")
        self._tally.counts["broken off"] += 1
        with socket.create_connection(("127.0.0.1", connection.port), _TIMEOUT) as link:
            head = f"POST {_ROOT}/studies HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            head += f"Content-Type: {STOW_TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
            link.sendall(head.encode() + body[: self._chance.randint(1, len(body) - 100)])

    def _post(
        self, connection: http.client.HTTPConnection, ledger: Ledger, items: Items, name: str
    ) -> None:
        body = _body(items)
        number = ledger.send(items)
        self._take(items)
        connection.request("POST", _ROOT + "/studies", body, {"Content-Type": STOW_TYPE})
        self._hear(connection, ledger, number, items, name, (200,))

    def _hear(
        self,
        connection: http.client.HTTPConnection,
        ledger: Ledger,
        number: int,
        items: Items,
        name: str,
        good: tuple[int, ...],
    ) -> None:
        """The status line is the promise, whatever becomes of the rest."""
        response = connection.getresponse()
        if response.status in good:
            ledger.answer(number, "ack")
            self._tally.counts[name] += 1
            self._tally.counts["acknowledged"] += len(items)
            self._uncertain.difference_update(items)
            self._known.update({k: v for k, v in items.items() if k.study.startswith(self._prefix)})
            response.read()
            return
        text = response.read()[:300].decode("utf-8", "replace")
        self._tally.surprises.append(f"{name} of {len(items)}: status {response.status} {text}")

    def _take(self, items: Items) -> None:
        self._uncertain.update(items)

    @property
    def _prefix(self) -> str:
        return f"2.25.7{self._number}."

    def _new(self, count: int) -> dict[Key, Version]:
        """Instances of one study, new or with more of them."""
        place = self._chance.randint(max(0, self._next - 3), self._next)
        study = f"{self._prefix}{place}"
        self._next = max(self._next, place + 1)
        found = {}
        for _ in range(count):
            series = f"{study}.{self._chance.randint(1, 3)}"
            key = Key(study, series, f"{series}.{self._chance.getrandbits(60)}")
            found[key] = self._version()
        return found

    def _version(self) -> Version:
        large = self._chance.randrange(_LARGE_EVERY) == 0
        side = _LARGE_SIDE if large else self._chance.choice(_SIDES)
        return Version(self._chance.getrandbits(40), side)

    def _certain(self) -> list[Key]:
        return [key for key in self._known if key not in self._uncertain]


def _body(items: Items) -> bytes:
    return store_body([specimen(key, state) for key, state in items.items() if state])


def _common(chance: random.Random) -> dict[Key, State]:
    """Instances that all clients store, always with the same bytes."""
    numbers = chance.sample(range(200), 4)
    return {Key("2.25.8", "2.25.8.1", f"2.25.8.1.{n}"): Version(n, 24) for n in numbers}


class Crowd:
    """Clients that work at the same time.

    Args:
        count: How many.
        seed: Of their random choices.
        known: State of all instances; what is theirs is taken out of it at each run.
        tally: What is counted.
    """

    def __init__(self, count: int, seed: int, known: dict[Key, State], tally: Tally) -> None:
        self._known = known
        self._mine: list[dict[Key, State]] = [{} for _ in range(count)]
        self._clients = [
            Client(number, random.Random(f"{seed}-{number}"), mine, tally)
            for number, mine in enumerate(self._mine)
        ]
        self._threads: list[threading.Thread] = []
        self._stop = threading.Event()

    def begin(self, port: int, ledger: Ledger, *, gone: bool = True) -> None:
        """Let them loose."""
        self._stop.clear()
        for number, mine in enumerate(self._mine):
            prefix = f"2.25.7{number}."
            mine.clear()
            mine.update({k: v for k, v in self._known.items() if k.study.startswith(prefix)})
        self._threads = [
            threading.Thread(target=client.run, args=(port, ledger, self._stop, gone))
            for client in self._clients
        ]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Wait until each has ended what it was doing."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
