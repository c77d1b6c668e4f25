"""What is acknowledged is on the disk, whatever happens (RELIABILITY part 4, F1 to F5).

Nothing is imitated here: strace shows and refuses real system calls, processes die by SIGKILL,
and volumes are full or read-only for real.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicomweb_server.errors import ConfigurationError, StoreFull, StoreReadOnly
from dicomweb_server.model.crash import CRASH_VARIABLE, Step
from dicomweb_server.store.filesystem import FilesystemStore
from dicomweb_server.testing.store_contract import collect, put, sample

ROOT = Path(__file__).parents[2]
SIZE = 3_000_000

pytestmark = pytest.mark.anyio

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="needs the program strace (Debian package strace)"
)
needs_mount = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("mount") is None, reason="mounting a volume needs root"
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def write(
    folder: Path,
    count: int,
    *,
    refuse: tuple[str, str, str] | None = None,
    crash: str = "",
) -> tuple[int, str]:
    """Run the writer; returns its exit status and what it printed.

    Args:
        folder: The store.
        count: How many blobs.
        refuse: A system call, the error it meets, and at which calls of the writing thread.
        crash: The step at which the process kills itself.
    """
    command = [sys.executable, "-m", "tests.store.writer", str(folder), str(count), str(SIZE)]
    if refuse is not None:
        call, error, when = refuse
        fault = f"inject={call}:error={error}:when={when}"
        options = ["-f", "-qq", "-o", os.devnull, "-e", f"trace={call}", "-e", fault]
        command = ["strace", *options, *command]
    result = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {CRASH_VARIABLE: crash},
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    return result.returncode, result.stdout


def mount_again(volume: Path, mode: str) -> None:
    """Make a mounted volume read-only (`ro`) or writable (`rw`)."""
    subprocess.run(["mount", "-o", f"remount,{mode}", volume], check=True)


def prepare(folder: Path) -> None:
    """Make an empty store, so that opening it only syncs its folders anew."""
    asyncio.run(FilesystemStore.open(folder).close())


def acknowledged(output: str) -> set[str]:
    return set(re.findall(r"^ack (\w+)$", output, re.MULTILINE))


def stored(folder: Path) -> set[str]:
    """Digests of all blobs; each is what its name says, and nothing is left in staging."""
    digests = set()
    for path in (folder / "blobs").glob("*/*"):
        digest = path.parent.name + path.name
        assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
        digests.add(digest)
    return digests


def staged(folder: Path) -> list[Path]:
    return [path for path in (folder / "staging").glob("*/*") if path.name != "lock"]


@needs_strace
def test_sync_rename_and_sync_of_the_folder_come_in_this_order(tmp_path: Path) -> None:
    """Folders are durable from the start; then fsync(file) < rename < fsync(folder) (F2)."""
    folder = tmp_path / "data"
    prepare(folder)
    trace = tmp_path / "trace"
    strace = [
        "strace",
        "-f",
        "-y",
        "-qq",
        "-e",
        "trace=rename,renameat,renameat2,fsync,writev",
        "-o",
    ]
    writer = [sys.executable, "-m", "tests.store.writer", str(folder), "2", "1000"]
    subprocess.run(
        [*strace, str(trace), *writer],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    steps = []
    for line in trace.read_text().splitlines():
        if found := re.search(rf"fsync\(\d+<{folder}/(\w+)(/?[^>]*)>", line):
            kind = {"staging": "file", "blobs": "folder" if found[2] else "parent"}[found[1]]
            steps.append(f"fsync {kind}")
        elif re.search(rf'rename\w*\(.*"{folder}/staging/.*"{folder}/blobs/', line):
            steps.append("rename")
        elif '"ack ' in line:
            steps.append("ack")
    once = ["fsync file", "rename", "fsync folder", "ack"]
    assert steps == ["fsync parent", *once, *once]


@needs_strace
@pytest.mark.parametrize("position", range(1, 7))
def test_a_failed_sync_is_no_acknowledgement(tmp_path: Path, position: int) -> None:
    """At any place: one refusal, then a probe, then writing goes on (F3)."""
    prepare(tmp_path)
    status, output = write(tmp_path, 3, refuse=("fsync", "EIO", f"{position}"))
    assert status == 0
    assert re.findall(r"^no (\w+)$", output, re.MULTILINE) == ["StoreReadOnly"]
    assert len(acknowledged(output)) == 2
    assert "check ok" in output
    assert acknowledged(output) <= stored(tmp_path)
    assert staged(tmp_path) == []


@needs_strace
def test_a_disk_that_never_syncs_makes_the_store_read_only(tmp_path: Path) -> None:
    prepare(tmp_path)
    status, output = write(tmp_path, 3, refuse=("fsync", "EIO", "1+"))
    assert status == 0
    assert output.split() == ["no", "StoreReadOnly"] * 3 + ["check", "StoreReadOnly"]
    assert stored(tmp_path) == set()


@needs_strace
@pytest.mark.parametrize("position", range(1, 8, 2))
@pytest.mark.parametrize(("code", "error"), [("EIO", "StoreReadOnly"), ("ENOSPC", "StoreFull")])
def test_a_failed_write_is_no_acknowledgement(
    tmp_path: Path, position: int, code: str, error: str
) -> None:
    prepare(tmp_path)
    status, output = write(tmp_path, 3, refuse=("write", code, f"{position}"))
    assert status == 0
    assert re.findall(r"^no (\w+)$", output, re.MULTILINE) == [error]
    assert len(acknowledged(output)) == 2
    assert acknowledged(output) == stored(tmp_path)
    assert staged(tmp_path) == []
    assert "check ok" in output


@needs_strace
def test_a_name_whose_sync_failed_is_written_anew(tmp_path: Path) -> None:
    """The second sync is that of the folder: the name is there, but it cannot be trusted (F3)."""
    prepare(tmp_path)
    trace = tmp_path / "trace"
    strace = [
        "strace",
        "-f",
        "-qq",
        "-e",
        "trace=fsync,rename",
        "-e",
        "inject=fsync:error=EIO:when=2",
        "-o",
    ]
    writer = [sys.executable, "-m", "tests.store.writer", str(tmp_path), "2", "1000", "same"]
    subprocess.run([*strace, str(trace), *writer], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    assert trace.read_text().count("rename(") == 2


@pytest.mark.parametrize(
    "point",
    [
        Step.WHILE_STAGING,
        Step.BEFORE_FSYNC,
        Step.BEFORE_RENAME,
        Step.BEFORE_DIRECTORY_FSYNC,
        Step.AFTER_COMMIT,
    ],
)
def test_a_kill_at_any_step_tears_nothing(tmp_path: Path, point: Step) -> None:
    """Nothing half-visible after the kill, and the next start needs no help (F1)."""
    status, output = write(tmp_path, 1, crash=point)
    assert status == -signal.SIGKILL
    assert output == ""
    present = point in {Step.BEFORE_DIRECTORY_FSYNC, Step.AFTER_COMMIT}
    assert len(stored(tmp_path)) == present
    status, output = write(tmp_path, 1)
    assert status == 0
    assert acknowledged(output) == stored(tmp_path)
    assert list((tmp_path / "staging").iterdir()) == []


@pytest.mark.parametrize("after", [0, 1, 7, 20])
def test_what_was_acknowledged_before_a_kill_is_there(tmp_path: Path, after: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.store.writer", str(tmp_path), "1000", "200000"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(after)]
    process.kill()
    lines += process.stdout.readlines()
    process.wait()
    process.stdout.close()
    prepare(tmp_path)
    assert acknowledged("".join(lines)) <= stored(tmp_path)
    assert list((tmp_path / "staging").iterdir()) == []


def test_an_unknown_crash_point_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CRASH_VARIABLE, "sometime")
    with pytest.raises(ConfigurationError, match="unknown step"):
        FilesystemStore.open(tmp_path)


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """A volume of 8 MiB of its own."""
    folder = tmp_path / "volume"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "dicomweb", folder])
    if mounted.returncode != 0:
        pytest.skip("this system does not let root mount a volume")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@needs_mount
async def test_a_full_volume_refuses_and_recovers_alone(volume: Path) -> None:
    """StoreFull in the body and at the commit, reads go on, no leftovers, no restart (F4)."""
    store = FilesystemStore.open(volume, reserve=0)
    kept = (await put(store, sample(3_000_000))).blob
    async with store.stage() as staging:
        with pytest.raises(StoreFull):
            await staging.write([bytes(20_000_000)])
        await staging.write([b"small"])
    for size in (20_000_000, 6_000_000, 5_400_000):
        with pytest.raises(StoreFull):
            await put(store, sample(size, size))
    (volume / "filler").write_bytes(bytes(4_500_000))
    with pytest.raises(StoreFull):
        await put(store, sample(1_000_000, 2))
    assert staged(volume) == []
    assert await collect(store.stream(kept)) == sample(3_000_000)
    await store.check()
    (volume / "filler").unlink()
    await put(store, sample(1_000_000, 2))
    assert len(stored(volume)) == 2
    await store.close()


@needs_mount
async def test_a_volume_that_turns_read_only_is_read_on(volume: Path) -> None:
    """Writes are refused until the volume can be written again (F5)."""
    store = FilesystemStore.open(volume, reserve=0, probe_interval=0)
    kept = (await put(store, b"kept")).blob
    mount_again(volume, "ro")
    for data in (b"new", b"kept"):
        with pytest.raises(StoreReadOnly):
            await put(store, data)
    with pytest.raises(StoreReadOnly):
        await store.check()
    assert await collect(store.stream(kept)) == b"kept"
    mount_again(volume, "rw")
    await put(store, b"new")
    await store.check()
    await store.close()


@needs_mount
async def test_a_store_on_a_read_only_volume_opens_for_reading(volume: Path) -> None:
    first = FilesystemStore.open(volume, reserve=0)
    kept = (await put(first, b"kept")).blob
    await first.close()
    mount_again(volume, "ro")
    store = FilesystemStore.open(volume, reserve=0, probe_interval=0)
    assert await collect(store.stream(kept)) == b"kept"
    with pytest.raises(StoreReadOnly):
        await put(store, b"new")
    await store.close()
