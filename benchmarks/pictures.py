"""Cases of pixels: rendered pictures, thumbnails, decoded frames, compact delivery."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks import clients
from benchmarks.cases import Case, Effort, Stage
from benchmarks.data import Image, ct_series, j2k_series
from benchmarks.peers import Peer

JPEG = "image/jpeg"
DECODED = 'multipart/related; type="application/octet-stream"; transfer-syntax=1.2.840.10008.1.2.1'
HTJ2K_FILES = 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.201'
_WORKERS = 4
_Run = Callable[[Peer], float]


def cases(stage: Stage) -> list[Case]:
    """All of them.

    Args:
        stage: What the servers hold.
    """
    effort, images = stage.effort, stage.series
    return [
        Case("rendered JPEG of a 512x512 CT, first time", "requests/s", _rendered_first(effort)),
        Case("rendered JPEG of a 512x512 CT, again", "requests/s", _again(images, effort)),
        Case(
            "decoded frame of a J2K CT, first time, 1 connection",
            "requests/s",
            _decoded_first(effort),
        ),
        Case(
            "thumbnail of an instance, again, 1 connection",
            "answers/s",
            lambda peer: _thumbnail(peer, images[0], effort),
            only_ours=True,
        ),
        Case(
            f"series of {len(images)} as HTJ2K, first time",
            "MB/s of pixels",
            lambda peer: _htj2k(peer, ct_series(len(images))),
            only_ours=True,
        ),
        Case(
            f"series of {len(images)} as HTJ2K, again",
            "MB/s of pixels",
            lambda peer: _htj2k_again(peer, images),
            only_ours=True,
        ),
        Case(
            f"series of {len(images)}: bytes as stored / bytes as HTJ2K",
            "",
            lambda peer: _saved(peer, images),
            only_ours=True,
        ),
    ]


def _rendered_first(effort: Effort) -> _Run:
    def run(peer: Peer) -> float:
        images = _stored(peer, ct_series(effort.slices))
        return clients.each(peer, [f"{image.path}/rendered" for image in images], JPEG, _WORKERS)

    return run


def _decoded_first(effort: Effort) -> _Run:
    def run(peer: Peer) -> float:
        images = _stored(peer, j2k_series(effort.slices))
        # Orthanc 1.10.1 with GDCM dies when it decodes JPEG 2000 on several connections at once.
        return clients.each(peer, [f"{image.path}/frames/1" for image in images], DECODED, 1)

    return run


def _again(images: Sequence[Image], effort: Effort) -> _Run:
    paths = [f"{image.path}/rendered" for image in images]

    def run(peer: Peer) -> float:
        clients.each(peer, paths, JPEG, _WORKERS)
        return clients.load(peer, paths, JPEG, connections=_WORKERS, seconds=effort.seconds)

    return run


def _thumbnail(peer: Peer, image: Image, effort: Effort) -> float:
    return clients.repeat(peer, f"{image.path}/thumbnail", JPEG, effort.seconds)


def _htj2k(peer: Peer, images: Sequence[Image]) -> float:
    return _htj2k_again(peer, _stored(peer, images))


def _htj2k_again(peer: Peer, images: Sequence[Image]) -> float:
    seconds, _ = clients.fetch(peer, images[0].series_path, HTJ2K_FILES)
    return len(images) * 512 * 512 * 2 / seconds / 1e6


def _saved(peer: Peer, images: Sequence[Image]) -> float:
    series = images[0].series_path
    _, compact = clients.fetch(peer, series, HTJ2K_FILES)
    _, stored = clients.fetch(peer, series, clients.FILES)
    return stored / compact


def _stored(peer: Peer, images: Sequence[Image]) -> Sequence[Image]:
    clients.store(peer, [images[at : at + 50] for at in range(0, len(images), 50)])
    return images
