"""Importing: every file is counted once, an import goes on where it stopped."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dicomweb_server.errors import ConfigurationError, NotPermitted, StoreFull, Unavailable
from dicomweb_server.ops.candidates import Candidate, Skipped
from dicomweb_server.ops.datafolder import hold
from dicomweb_server.ops.direct import open_folder
from dicomweb_server.ops.discovery import discover
from dicomweb_server.ops.importer import Fate, Importer, ImportReport, Outcome, Pace, Target
from dicomweb_server.ops.journal import Journal, journal_of_url
from dicomweb_server.ops.upload import Patience, Upload
from dicomweb_server.settings import Settings
from dicomweb_server.testing.datasets import demo_study

QUICK = Patience(attempts=3, first=0.0, longest=0.0, answer=10.0)


class _Lines:
    def __init__(self) -> None:
        self.outcomes: list[str] = []

    def done(self, name: str, size: int, outcome: str, reason: str) -> None:
        self.outcomes.append(outcome)


class _Remembering:
    """A target that keeps the sizes of its batches and fails what it is told to."""

    def __init__(self, bad: str = "\0") -> None:
        self.batches: list[list[int]] = []
        self._bad = bad

    async def store(self, batch: Sequence[Candidate]) -> list[Outcome]:
        self.batches.append([candidate.size for candidate in batch])
        return [
            Outcome(each, Fate.FAILED, "no")
            if self._bad in each.name
            else Outcome(each, Fate.STORED)
            for each in batch
        ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the demo study and a text file."""
    place = tmp_path / "files"
    place.mkdir()
    for number, data in enumerate(demo_study()):
        (place / f"{number:02}.dcm").write_bytes(data)
    (place / "notes.txt").write_text("hello")
    return place


def _run(target: Target, found: Path, journal: Journal | None, pace: Pace) -> ImportReport:
    return asyncio.run(Importer(target, journal, _Lines(), pace).run(discover([found])))


def test_batches_are_bounded_in_number_and_bytes(folder: Path) -> None:
    target = _Remembering()
    _run(target, folder, None, Pace(count=10))
    assert [len(batch) for batch in target.batches] == [10, 10, 7]
    target = _Remembering()
    _run(target, folder, None, Pace(size=100_000))
    assert all(sum(batch) <= 100_000 or len(batch) == 1 for batch in target.batches)
    assert sum(len(batch) for batch in target.batches) == 27


def test_report_counts_everything_once(folder: Path) -> None:
    lines = _Lines()
    importer = Importer(_Remembering(bad="03.dcm"), None, lines, Pace())
    report = asyncio.run(
        importer.run(iter([*discover([folder]), Skipped("broken.zip", "damaged")]))
    )
    assert (report.found, report.stored, report.failed, report.skipped) == (27, 26, 2, 1)
    assert {name.rpartition("/")[2]: why for name, why in report.failures} == {
        "03.dcm": "no",
        "broken.zip": "damaged",
    }
    assert sorted(set(lines.outcomes)) == ["failed", "skipped", "stored"]
    assert report.seconds > 0


def test_second_run_leaves_out_what_is_stored(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path) as journal:
        first = _run(_Remembering(bad="03.dcm"), folder, journal, Pace())
    (folder / "05.dcm").write_bytes(demo_study()[6])
    with Journal(path) as journal:
        target = _Remembering()
        second = _run(target, folder, journal, Pace())
    assert (first.stored, first.failed) == (26, 1)
    assert (second.present, second.stored) == (25, 2)
    with Journal(path, again=True) as journal:
        assert _run(_Remembering(), folder, journal, Pace()).stored == 27


def test_journal_holds_no_names(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path) as journal:
        _run(_Remembering(), folder, journal, Pace())
    assert b"03.dcm" not in path.read_bytes()


def test_journals_of_servers_are_told_apart(tmp_path: Path) -> None:
    environ = {"XDG_STATE_HOME": str(tmp_path)}
    first, second = (journal_of_url(f"http://{host}/dicom-web", environ) for host in "ab")
    assert first != second
    assert first.is_relative_to(tmp_path)


def test_data_folder_takes_instances_and_knows_them_again(folder: Path, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data")
    (folder / "broken.dcm").write_bytes(demo_study()[0][:20_000])

    async def store() -> ImportReport:
        async with open_folder(settings) as target:
            return await Importer(target, None, _Lines(), Pace()).run(discover([folder]))

    first, second = asyncio.run(store()), asyncio.run(store())
    assert (first.stored, first.present, first.failed) == (27, 0, 1)
    assert "cut off" in first.failures[0][1]
    assert (second.stored, second.present, second.failed) == (0, 27, 1)


def test_data_folder_of_a_running_server_is_refused(tmp_path: Path) -> None:
    async def enter() -> None:
        async with open_folder(Settings(data=tmp_path)):
            pytest.fail("it was opened")

    lock = tmp_path / "lock"
    with hold(tmp_path):
        lock.write_text("1")
        with pytest.raises(ConfigurationError, match="in use") as caught:
            asyncio.run(enter())
    assert "--url" in caught.value.hint


Answer = Callable[[bytes], tuple[int, object]]


@asynccontextmanager
async def _answering(answer: Answer) -> AsyncIterator[str]:
    """A server on a real socket that answers each request as told."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length:")[2].split()[0])
                status, module = answer(await reader.readexactly(length))
                body = json.dumps(module).encode()
                writer.write(b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n" % (status, len(body)))
                writer.write(body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/dicom-web"


def _upload(answer: Answer, folder: Path) -> list[Outcome]:
    async def send() -> list[Outcome]:
        batch = [each for each in discover([folder]) if isinstance(each, Candidate)][:4]
        async with _answering(answer) as url, Upload(url, QUICK) as upload:
            return await upload.store(batch)

    return asyncio.run(send())


def _sequence(tag: str, uids: Sequence[str]) -> dict[str, object]:
    items = [
        {"00081155": {"vr": "UI", "Value": [uid]}, "00081197": {"vr": "US", "Value": [0xC000]}}
        for uid in uids
    ]
    return {tag: {"vr": "SQ", "Value": items}}


def _uids(body: bytes) -> list[str]:
    """Media Storage SOP Instance UIDs of the parts of a body."""
    pieces = body.split(b"\x02\x00\x03\x00UI")[1:]
    return [piece[2 : 2 + piece[0]].rstrip(b"\0").decode() for piece in pieces]


def test_upload_sends_every_part_once_and_reads_the_answer(folder: Path) -> None:
    bodies = []

    def answer(body: bytes) -> tuple[int, object]:
        bodies.append(body)
        return 200, _sequence("00081199", _uids(body))

    outcomes = _upload(answer, folder)
    assert [outcome.fate for outcome in outcomes] == [Fate.STORED] * 4
    (body,) = bodies
    assert all(data in body for data in demo_study()[:4])


def test_upload_tells_failures_of_an_answer_apart(folder: Path) -> None:
    def answer(body: bytes) -> tuple[int, object]:
        first, *others = _uids(body)
        return 202, _sequence("00081198", [first]) | _sequence("00081199", others)

    outcomes = _upload(answer, folder)
    assert [outcome.fate for outcome in outcomes] == [Fate.FAILED, *[Fate.STORED] * 3]
    assert outcomes[0].reason == "cannot be understood (C000)"


def test_upload_sends_one_by_one_what_an_answer_does_not_tell_apart(folder: Path) -> None:
    def answer(body: bytes) -> tuple[int, object]:
        uids = _uids(body)
        if len(uids) > 1:
            return 400, {}
        return 200, _sequence("00081199", uids)

    assert [each.fate for each in _upload(answer, folder)] == [Fate.STORED] * 4


def test_upload_tries_again_when_the_server_is_busy(folder: Path) -> None:
    statuses = iter([503, 429, 200])

    def answer(body: bytes) -> tuple[int, object]:
        return next(statuses), _sequence("00081199", _uids(body))

    assert [each.fate for each in _upload(answer, folder)] == [Fate.STORED] * 4


@pytest.mark.parametrize(
    ("status", "error", "says"),
    [
        (503, Unavailable, "503"),
        (401, NotPermitted, "401"),
        (403, NotPermitted, "403"),
        (507, StoreFull, "no space"),
    ],
)
def test_upload_gives_up_with_a_reason(
    folder: Path, status: int, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        _upload(lambda body: (status, {}), folder)


def test_instance_that_a_server_fails_on_fails_alone(folder: Path) -> None:
    bad = demo_study()[1]

    def answer(body: bytes) -> tuple[int, object]:
        return (500, {}) if bad in body else (200, _sequence("00081199", _uids(body)))

    outcomes = _upload(answer, folder)
    assert [each.fate for each in outcomes] == [
        Fate.STORED,
        Fate.FAILED,
        Fate.STORED,
        Fate.STORED,
    ]
    assert outcomes[1].reason == "the server answers with status 500"


def test_upload_takes_no_other_answer_for_success(folder: Path) -> None:
    with pytest.raises(Unavailable, match="not a store response"):
        _upload(lambda body: (200, "welcome"), folder)


def test_server_that_is_not_there_is_told() -> None:
    async def send() -> None:
        async with Upload("http://127.0.0.1:9/dicom-web", QUICK) as upload:
            await upload.store([])

    with pytest.raises(Unavailable, match="does not take instances"):
        asyncio.run(send())


@pytest.mark.parametrize("base", ["", "ftp://host/x", "host:80", "http://"])
def test_what_is_no_url_is_told(base: str) -> None:
    with pytest.raises(ConfigurationError, match="not the URL of a server"):
        Upload(base)


def test_file_that_changes_while_it_is_read_fails_alone(folder: Path) -> None:
    batch = [each for each in discover([folder]) if isinstance(each, Candidate)][:2]
    (folder / "00.dcm").write_bytes(b"short")

    async def send() -> list[Outcome]:
        def answer(body: bytes) -> tuple[int, object]:
            return 200, _sequence("00081199", _uids(body))

        async with _answering(answer) as url, Upload(url, QUICK) as upload:
            return await upload.store(batch)

    outcomes = asyncio.run(send())
    assert [outcome.fate for outcome in outcomes] == [Fate.FAILED, Fate.STORED]
    assert "changed" in outcomes[0].reason
