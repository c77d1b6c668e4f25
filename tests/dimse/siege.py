"""100 parallel length bombs and rounds of connect and abort against the real server (T26, T27).

``python -m tests.dimse.siege [ROUNDS]`` prints what it measured, and ends with 1 where a figure
is missed.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

from tests import servers
from tests.dimse import raw
from tests.dimse.test_guard import BOMB

_BOMBS = 100
_MEMORY = 64 * 1024
"""KiB by which the process may grow under bombs."""
_LEAK = 20 * 1024
"""KiB by which it may have grown behind the rounds."""
_SECONDS = 1.0

SETTINGS = {
    "DICOMWEB_LOG__LEVEL": "error",  # nobody reads the lines of so many refusals
    "DICOMWEB_DIMSE__ENABLED": "true",
    "DICOMWEB_DIMSE__PORT": "0",
    "DICOMWEB_DIMSE__AE_TITLE": "ARCHIVE",
    "DICOMWEB_DIMSE__MAX_ASSOCIATIONS_PER_ADDRESS": "20",
}


def process_of(parent: int) -> int:
    """The process that serves associations: the child that listens."""
    for task in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            status = (task / "stat").read_text().rpartition(")")[2].split()
            if int(status[1]) == parent and b"spawn_main" in (task / "cmdline").read_bytes():
                return int(task.name)
    raise LookupError("no such process")


def figures(process: int) -> tuple[int, int, int]:
    """KiB in memory, threads and open files of a process."""
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines()
    )
    files = sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())
    return int(fields["VmRSS"].split()[0]), int(fields["Threads"]), files


class _Siege:
    def __init__(self, port: int, process: int) -> None:
        self.port = port
        self.process = process
        self.failed = False
        self._over = threading.Event()

    def told(self, text: str, *, good: bool) -> None:
        """Print a figure."""
        self.failed = self.failed or not good
        sys.stdout.write(f"{'ok    ' if good else 'MISSED'} {text}\n")
        sys.stdout.flush()

    def calm(self) -> None:
        """The slowest C-ECHO without bombs, which tells how busy the machine is."""
        slowest = 0.0
        with raw.Peer.associate(self.port) as good:
            end = time.monotonic() + 5
            while time.monotonic() < end:
                began = time.monotonic()
                good.echo()
                slowest = max(slowest, time.monotonic() - began)
                time.sleep(0.02)
        self.told(f"C-ECHO without bombs: slowest {slowest * 1000:.0f} ms", good=True)

    def bombs(self) -> None:
        """Bombs from 100 threads, while a good peer asks again and again."""
        before = figures(self.process)[0]
        most, slowest, asked, thrown = before, 0.0, 0, [0] * _BOMBS
        with raw.Peer.associate(self.port) as good:
            threads = [
                threading.Thread(target=self._throw, args=(n, thrown)) for n in range(_BOMBS)
            ]
            for thread in threads:
                thread.start()
            end = time.monotonic() + 15
            while time.monotonic() < end:
                began = time.monotonic()
                good.echo()
                slowest, asked = max(slowest, time.monotonic() - began), asked + 1
                most = max(most, figures(self.process)[0])
                time.sleep(0.02)
            self._over.set()
            for thread in threads:
                thread.join()
        grown = (most - before) / 1024
        self.told(
            f"{sum(thrown)} bombs by {_BOMBS}: memory {grown:+.1f} MiB",
            good=most - before < _MEMORY,
        )
        self.told(
            f"{asked} C-ECHO of a good peer meanwhile: slowest {slowest * 1000:.0f} ms",
            good=slowest < _SECONDS,
        )

    def _throw(self, number: int, thrown: list[int]) -> None:
        while not self._over.is_set():
            with suppress(OSError, AssertionError), raw.Peer.connect(self.port) as peer:
                if number % 2:
                    peer.send(raw.associate_rq())
                    if peer.receive()[0] != raw.ASSOCIATE_AC:
                        time.sleep(0.05)
                        continue
                peer.send(BOMB + bytes(60_000))
                thrown[number] += 1
                peer.receive()

    def rounds(self, number: int) -> None:
        """Connect, associate, abort."""
        for _ in range(200):
            self._round()
        memory, threads, files = self._settled()
        began = time.monotonic()
        for _ in range(number):
            self._round()
        seconds = time.monotonic() - began
        after = self._settled()
        self.told(
            f"{number} rounds in {seconds:.0f} s: memory {(after[0] - memory) / 1024:+.1f} MiB",
            good=after[0] - memory < _LEAK,
        )
        self.told(f"threads {threads} before, {after[1]} behind", good=after[1] <= threads)
        self.told(f"open files {files} before, {after[2]} behind", good=after[2] <= files)

    def _round(self) -> None:
        with suppress(OSError), raw.Peer.connect(self.port) as peer:
            peer.send(raw.associate_rq())
            peer.receive()
            peer.send(raw.pdu(raw.ABORT, bytes(4)))

    def _settled(self) -> tuple[int, int, int]:
        time.sleep(3)
        return figures(self.process)


def main(rounds: int) -> int:
    """Measure; 1 where a figure is missed."""
    with (
        tempfile.TemporaryDirectory() as folder,
        servers.serving(Path(folder) / "data", variables=SETTINGS) as running,
    ):
        port = running.dicom_port()
        with raw.Peer.connect(port) as peer:  # it waits until the process is there
            peer.send(raw.associate_rq())
            peer.receive()
        siege = _Siege(port, process_of(running.process.pid))
        siege.calm()
        siege.bombs()
        siege.rounds(rounds)
    return int(siege.failed)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
