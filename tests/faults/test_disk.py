"""The model of a disk without power loses what was not synced, and only that."""

from __future__ import annotations

import random

from tests.faults.disk import Disk
from tests.faults.strace import Call

TOP = "/data"


class Calls:
    """Calls one after the other, as a trace has them."""

    def __init__(self) -> None:
        self.disk = Disk(TOP)
        self._place = 0

    def __call__(self, name: str, *strings: str, target: str = "", rest: str = "") -> None:
        self._place += 1
        data = tuple(text.encode() for text in strings)
        result = 5 if name == "openat" else len(b"".join(data))
        call = Call(name, self._place, self._place, 5, target, data, rest, result)
        self.disk.begin(call)
        self.disk.end(call)

    def sure(self) -> dict[str, bytes | None]:
        return dict(self.disk.sure())


def _written() -> Calls:
    calls = Calls()
    calls("openat", "/data/new", rest="O_RDWR|O_CREAT")
    calls("write", "synced", target="/data/new")
    calls("fsync", target="/data/new")
    calls("write", ", lost", target="/data/new")
    return calls


def test_a_name_is_lost_until_its_folder_is_synced() -> None:
    calls = _written()
    assert calls.sure() == {}
    calls("fsync", target="/data")
    assert calls.sure() == {"/data/new": b"synced"}


def test_a_renaming_is_lost_until_the_new_folder_is_synced() -> None:
    calls = _written()
    calls("mkdir", "/data/blobs")
    calls("fsync", target="/data")
    calls("rename", "/data/new", "/data/blobs/final")
    assert calls.sure() == {"/data/blobs": None, "/data/new": b"synced"}
    calls("fsync", target="/data/blobs")
    assert calls.sure()["/data/blobs/final"] == b"synced"


def test_a_removal_is_lost_until_the_folder_is_synced() -> None:
    calls = _written()
    calls("fsync", target="/data")
    calls("unlink", "/data/new")
    assert "/data/new" in calls.sure()
    calls("fsync", target="/data")
    assert calls.sure() == {}


def test_a_sync_that_began_before_a_write_does_not_cover_it() -> None:
    calls = Calls()
    calls("openat", "/data/new", rest="O_RDWR|O_CREAT")
    calls("fsync", target="/data")
    sync = Call("fsync", 100, 102, 5, "/data/new", (), "", 0)
    write = Call("write", 101, 101, 5, "/data/new", (b"late",), "", 4)
    calls.disk.begin(sync)
    calls.disk.end(write)
    calls.disk.end(sync)
    assert calls.sure() == {"/data/new": b""}


def test_luck_leaves_any_part_of_what_was_not_synced() -> None:
    calls = _written()
    calls("fsync", target="/data")
    chance = random.Random(1)
    seen = {dict(calls.disk.torn(chance))["/data/new"] for _ in range(50)}
    assert seen == {b"synced", b"synced, lost"}
