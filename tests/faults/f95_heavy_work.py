"""Work that costs much and is honest: pictures, transcoding, archives, metadata (T37)."""

from __future__ import annotations

import http.client
import io
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx

from tests.faults.onlooker import Onlooker, kinds, percentile
from tests.faults.proof import Count, Effort, Fault, Proof, missed
from tests.live.instances import STOW_TYPE, make, stow_body
from tests.live.large import LargeInstance, ManyInstances
from tests.live.server import Server, running

_HTJ2K = "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.201"
_SEARCH = "/dicom-web/studies?limit=10"
_WAVES, _MOST_WAVES = 3, 8
_ABSURD_SECONDS = 5.0
_LATE = 180.0
"""Seconds after which a request hangs, on a machine that has other work."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is asked for.

    Args:
        side: Rows and columns of the picture.
        pictures: Of it, each of another size, at the same time.
        transcoded: Beside them, and as many study archives and metadata of series.
        frames: Of the instance that is transcoded.
        instances: Of the study that is archived.
        queues: Frames that may wait for a codec; each makes a server of its own.
    """

    side: int
    pictures: int
    transcoded: int
    frames: int
    instances: int
    queues: tuple[int, ...]


_SCALES = {
    Effort.SHORT: Scale(512, 50, 2, 4, 100, (4,)),
    Effort.FULL: Scale(4096, 50, 4, 128, 10_000, (4, 256)),
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for, a path below the DICOMweb root, and what it is of."""

    name: str
    path: str
    accept: str


@dataclass(frozen=True, slots=True)
class Stored:
    """Paths of what can be asked for."""

    picture: str
    large: str
    series: str

    def wishes(self, scale: Scale, wave: int) -> list[Wish]:
        """What is asked for at once; no picture is of the size of one before."""
        first = scale.side - wave * scale.pictures
        pictures = [
            Wish("picture", f"{self.picture}/rendered?viewport={size},{size}", "image/png")
            for size in range(first, first - scale.pictures, -1)
        ]
        beside = (
            Wish("transcoded", self.large, _HTJ2K),
            Wish("archive", self.series.partition("/series/")[0], "application/zip"),
            Wish("metadata", f"{self.series}/metadata", "application/dicom+json"),
        )
        return [*pictures, *beside * scale.transcoded]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came for a wish.

    Args:
        wish: The wish.
        status: HTTP status; 0 where the connection ended early or nothing came in time.
        again: Retry-After.
        body: The body of an archive, else only its first bytes.
        seconds: Until it was complete.
    """

    wish: Wish
    status: int
    again: str
    body: bytes
    seconds: float


def _run(effort: Effort, seed: int) -> Proof:
    scale = _SCALES[effort]
    counts: dict[str, Count] = {"pictures in flight": scale.pictures}
    violations: list[str] = []
    for kind in kinds(effort, seed):
        for queue in scale.queues:
            settings = {"DICOMWEB_CODEC__QUEUE": str(queue), "DICOMWEB_CODEC__WORKERS": "1"}
            with running(kind, settings) as server:
                name = f"{kind}, {queue} may wait: "
                violations += [f"{name}{each}" for each in _one(server, scale, queue, name, counts)]
    late = missed(counts, {"their p99 ms": 300})
    return Proof(counts, tuple(violations), seed, late)


def _one(
    server: Server, scale: Scale, queue: int, name: str, counts: dict[str, Count]
) -> Iterator[str]:
    """What does not hold on a server."""
    stored = _store(server, scale)
    answers: list[Answer] = []
    with Onlooker(server, _SEARCH) as onlooker:
        for wave in range(_MOST_WAVES):
            answers += _ask(server, stored.wishes(scale, wave))
            is_seen = queue > scale.pictures or any(each.status == 503 for each in answers)
            if is_seen and wave + 1 >= _WAVES:
                break
    yield from _judge(answers, scale, name, counts)
    if queue < scale.pictures and counts[f"{name}told to come again"] == 0:
        yield "nobody was turned away"
    yield from onlooker.failures
    counts[f"{name}searches"] = len(onlooker.milliseconds)
    counts[f"{name}their p99 ms"] = p99 = percentile(onlooker.milliseconds, 0.99)
    if p99 > 1000 * _ABSURD_SECONDS:
        yield f"searches took {p99:.0f} ms"
    if _answer(server, stored.wishes(scale, _MOST_WAVES)[0]).status != 200:
        yield "no picture is made when all is over"
    if "Traceback" in server.log() or '"level": "error"' in server.log():
        yield "the log tells of an error"


def _store(server: Server, scale: Scale) -> Stored:
    picture = make(side=scale.side)[0]
    large, many = LargeInstance(scale.frames), ManyInstances(scale.instances)
    for body in (stow_body([picture.data]), large.request(), many.request()):
        answer = httpx.post(
            f"{server.root}/studies",
            content=body,
            headers={"Content-Type": STOW_TYPE},
            timeout=300,
        )
        assert answer.status_code == 200, answer.text
    return Stored(picture.path, large.path, many.series_path)


def _ask(server: Server, wishes: list[Wish]) -> list[Answer]:
    """Ask for all at once."""
    with ThreadPoolExecutor(len(wishes)) as threads:
        return list(threads.map(lambda wish: _answer(server, wish), wishes))


def _answer(server: Server, wish: Wish) -> Answer:
    begin = time.monotonic()
    connection = http.client.HTTPConnection(*server.address, timeout=_LATE)
    try:
        connection.request("GET", f"/dicom-web{wish.path}", headers={"Accept": wish.accept})
        found = connection.getresponse()
        body = found.read()
    except (OSError, http.client.HTTPException):
        return Answer(wish, 0, "", b"", time.monotonic() - begin)
    finally:
        connection.close()
    again = found.getheader("Retry-After", "")
    kept = body if wish.name == "archive" else body[:16]
    return Answer(wish, found.status, again, kept, time.monotonic() - begin)


def _judge(
    answers: list[Answer], scale: Scale, name: str, counts: dict[str, Count]
) -> Iterator[str]:
    """What is wrong with the answers."""
    statuses = Counter(each.status for each in answers)
    counts[f"{name}answered"] = statuses[200]
    counts[f"{name}told to come again"] = statuses[503]
    counts[f"{name}longest s"] = round(max(each.seconds for each in answers), 1)
    for each in answers:
        if each.status not in (200, 503):
            yield f"{each.status} for a {each.wish.name} after {each.seconds:.0f} s"
        elif each.status == 503 and not each.again.isdigit():
            yield f"503 without Retry-After for a {each.wish.name}"
        elif each.status == 503 and each.wish.name in ("archive", "metadata"):
            yield f"503 for {each.wish.name}, which needs no codec"
        elif each.status == 200 and not _is_sound(each, scale):
            yield f"a wrong {each.wish.name}"
    if not any(each.status == 200 and each.wish.name == "picture" for each in answers):
        yield "nobody got a picture"


def _is_sound(answer: Answer, scale: Scale) -> bool:
    if answer.wish.name == "picture":
        return answer.body.startswith(b"\x89PNG\r\n\x1a\n")
    if answer.wish.name != "archive":
        return bool(answer.body)
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        files = [each for each in archive.namelist() if each.endswith(".dcm")]
        return len(files) == scale.instances and archive.testzip() is None


FAULTS = (
    Fault(
        "T37",
        "While pictures, transcoding, archives and metadata of honest users are under way, "
        "searches are answered; for whom the codecs have no room is told when to come again, and "
        "nobody hangs.",
        _run,
    ),
)
