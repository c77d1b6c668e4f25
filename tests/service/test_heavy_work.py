"""Many pictures at once: searches are answered meanwhile, and too many are turned away (T37)."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from dicomweb_server.settings import CodecSettings
from dicomweb_server.testing.datasets import demo_study
from tests.site import ROOT, Site, open_site

IN_FLIGHT = 50


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("site"), codec=CodecSettings(workers=2)) as site:
        assert site.store(demo_study()).status_code == 200
        yield site


def images(site: Site) -> list[str]:
    """Paths of the CT images."""
    found = []
    for match in site.search("/instances?Modality=CT&NumberOfFrames="):
        study, series, instance = (
            match[tag]["Value"][0]  # type: ignore[index] # UIDs have one value
            for tag in ("0020000D", "0020000E", "00080018")
        )
        found.append(f"{ROOT}/studies/{study}/series/{series}/instances/{instance}")
    return found


async def timed(client: httpx.AsyncClient, path: str, accept: str) -> tuple[int, float]:
    """Status and milliseconds of one request."""
    begun = time.perf_counter()
    response = await client.get(path, headers={"Accept": accept})
    return response.status_code, 1_000 * (time.perf_counter() - begun)


def test_searches_are_answered_while_pictures_are_made(site: Site) -> None:
    paths = images(site)

    async def storm() -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
        pictures = [
            asyncio.create_task(
                timed(
                    site._client,
                    f"{paths[n % len(paths)]}/rendered?viewport={600 + n},{600 + n}",
                    "image/png",
                )
            )
            for n in range(IN_FLIGHT)
        ]
        searches = []
        while not all(task.done() for task in pictures):
            searches.append(await timed(site._client, f"{ROOT}/studies", "application/dicom+json"))
        return [await task for task in pictures], searches

    pictures, searches = site._runner.run(storm())
    assert Counter(status for status, _ in pictures) == {200: IN_FLIGHT}
    assert {status for status, _ in searches} == {200}
    waits = sorted(wait for _, wait in searches)
    print(  # noqa: T201 - figures for whoever runs it with -s
        f"\n{len(pictures)} pictures in {max(wait for _, wait in pictures):.0f} ms, meanwhile "
        f"{len(searches)} searches: median {waits[len(waits) // 2]:.1f} ms, "
        f"99 of 100 below {waits[len(waits) * 99 // 100]:.1f} ms"
    )
    assert len(searches) > 1


def test_many_who_want_one_picture_wait_for_one_job(site: Site) -> None:
    path = f"{images(site)[0]}/rendered?viewport=333,333"

    async def ask() -> list[httpx.Response]:
        headers = {"Accept": "image/jpeg"}
        asked = (site._client.get(path, headers=headers) for _ in range(IN_FLIGHT))
        return list(await asyncio.gather(*asked))

    answers = site._runner.run(ask())
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1


def test_where_few_may_wait_all_are_answered_or_told_when_to_come_again(tmp_path: Path) -> None:
    with open_site(tmp_path, codec=CodecSettings(workers=1, queue=1, warm=False)) as small:
        assert small.store(demo_study()).status_code == 200
        paths = images(small)

        async def ask() -> list[httpx.Response]:
            headers = {"Accept": "image/jpeg"}
            asked = (small._client.get(f"{path}/rendered", headers=headers) for path in paths[:10])
            return list(await asyncio.gather(*asked))

        answers = small._runner.run(ask())
        assert {answer.status_code for answer in answers} <= {200, 503}
        assert any(answer.status_code == 200 for answer in answers)
        assert all(a.headers["Retry-After"] for a in answers if a.status_code == 503)
        assert small.get(paths[0].removeprefix(ROOT) + "/rendered", "image/jpeg").status_code == 200
