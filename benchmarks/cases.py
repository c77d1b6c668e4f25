"""What is measured, each in one unit in which more is better."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import clients
from benchmarks.data import Image, ct_series
from benchmarks.peers import Peer


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is done.

    Args:
        rounds: Rounds, of which the median counts.
        slices: Images of the long series.
        studies: Small studies that searches see.
        singles: Images that are stored one per request.
        seconds: Length of each run under load.
    """

    rounds: int
    slices: int
    studies: int
    singles: int
    seconds: int


FULL = Effort(rounds=5, slices=300, studies=200, singles=100, seconds=2)
QUICK = Effort(rounds=2, slices=300, studies=200, singles=40, seconds=1)


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the table.

    Args:
        name: What is measured.
        unit: Of the figure; more is better.
        run: Measures a server once.
        only_ours: Whether other servers have no such thing.
    """

    name: str
    unit: str
    run: Callable[[Peer], float]
    only_ours: bool = False


class Stage:
    """Data that every server holds before anything is measured.

    Args:
        effort: How much.
    """

    def __init__(self, effort: Effort) -> None:
        self.effort = effort
        self.series = ct_series(effort.slices)
        self.small = [image for _ in range(effort.studies) for image in ct_series(2, side=16)]

    def prepare(self, peer: Peer) -> None:
        """Store it.

        Raises:
            WrongAnswer: Not everything is there afterwards.
        """
        clients.store(peer, [batch(self.small, 0, len(self.small))])
        clients.store(peer, [self.series[at : at + 50] for at in range(0, len(self.series), 50)])
        found = clients.count(peer, "/studies?limit=50")
        slices = clients.count(peer, f"{self.series[0].series_path}/instances")
        if (found, slices) != (50, len(self.series)):
            raise clients.WrongAnswer(f"{peer.name}: {found} studies and {slices} slices found")


def batch(images: Sequence[Image], first: int, count: int) -> Sequence[Image]:
    """A run of images."""
    return images[first : first + count]


def storing(effort: Effort) -> list[Case]:
    """Store new images every time; what is acknowledged is on disk."""

    def fifty(peer: Peer) -> float:
        return 50 / clients.store(peer, [ct_series(50)])

    def single(peer: Peer) -> float:
        images = [[image] for image in ct_series(effort.singles)]
        return effort.singles / clients.store(peer, images, connections=4)

    return [
        Case("STOW, 50 instances of 512 KiB per request", "instances/s", fifty),
        Case("STOW, 1 instance of 512 KiB per request, 4 connections", "instances/s", single),
    ]


def searching(stage: Stage) -> list[Case]:
    """QIDO."""
    seconds, series = stage.effort.seconds, stage.series[0].series_path

    def search(path: str) -> Callable[[Peer], float]:
        return lambda peer: clients.load(peer, [path], clients.JSON, connections=4, seconds=seconds)

    patient = stage.small[0].study[-8:]
    return [
        Case("QIDO studies, limit=50", "requests/s", search("/studies?limit=50")),
        Case("QIDO studies, one PatientID", "requests/s", search(f"/studies?PatientID=P{patient}")),
        Case(
            f"QIDO instances of a series of {len(stage.series)}",
            "answers/s",
            lambda peer: clients.repeat(peer, f"{series}/instances", clients.JSON, seconds),
        ),
    ]


def retrieving(stage: Stage) -> list[Case]:
    """WADO."""
    seconds, images = stage.effort.seconds, stage.series

    def many(suffix: str, accept: str, connections: int) -> Callable[[Peer], float]:
        paths = [image.path + suffix for image in images]
        return lambda peer: clients.load(
            peer, paths, accept, connections=connections, seconds=seconds
        )

    return [
        Case("instance metadata, 4 connections", "requests/s", many("/metadata", clients.JSON, 4)),
        Case("frame of 512 KiB, 8 connections", "requests/s", many("/frames/1", clients.FRAMES, 8)),
        Case("series as Part 10 files", "MB/s", _files(images[0].series_path)),
        Case(
            "series metadata, repeated",
            "answers/s",
            lambda peer: clients.repeat(
                peer, f"{images[0].series_path}/metadata", clients.JSON, seconds
            ),
        ),
    ]


def first_metadata(effort: Effort) -> Case:
    """Metadata of a series that nobody has asked for since it was stored."""

    def run(peer: Peer) -> float:
        images = ct_series(effort.slices)
        clients.store(peer, [images[at : at + 50] for at in range(0, len(images), 50)])
        return _metadata(images[0].series_path)(peer)

    return Case("series metadata, first time", "answers/s", run)


def _metadata(path: str) -> Callable[[Peer], float]:
    return lambda peer: 1 / clients.fetch(peer, f"{path}/metadata", clients.JSON)[0]


def _files(path: str) -> Callable[[Peer], float]:
    def run(peer: Peer) -> float:
        seconds, size = clients.fetch(peer, path, clients.FILES)
        return size / seconds / 1e6

    return run
