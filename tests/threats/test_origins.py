"""Pages of other sites: only origins that the settings name may read answers (T21)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dicomweb_server.settings import HttpSettings
from tests.site import Site, open_site

_NAMED = "https://viewer.example"
ORIGINS = {
    _NAMED: True,
    "https://viewer.example.evil.example": False,
    "https://evil.example": False,
    "https://evilviewer.example": False,
    "http://viewer.example": False,
    "https://viewer.example:8443": False,
    "https://VIEWER.example": False,
    "https://viewer.example/": False,
    "https://user@viewer.example": False,
    "null": False,
    "*": False,
    "https://viewer.example, https://evil.example": False,
    "": False,
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that one origin may read."""
    http = HttpSettings(cors_origins=(_NAMED,))
    with open_site(tmp_path_factory.mktemp("site"), http=http) as opened:
        yield opened


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("path", ["/studies", "/studies/not-a-uid", "/nowhere"])
def test_t21_only_named_origins_may_read(site: Site, origin: str, path: str) -> None:
    answer = site.get(path, Origin=origin)
    allowed = answer.headers.get("access-control-allow-origin")
    assert allowed == (_NAMED if ORIGINS[origin] else None)
    assert "Origin" in answer.headers["vary"]
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_t21_only_they_get_a_preflight(site: Site, origin: str, method: str) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    answer = site.request("OPTIONS", "/studies", headers=headers)
    assert ("access-control-allow-methods" in answer.headers) == ORIGINS[origin]
    assert "access-control-allow-credentials" not in answer.headers


def test_t21_without_a_setting_no_origin_may_read(tmp_path: Path) -> None:
    with open_site(tmp_path) as closed:
        for origin in ORIGINS:
            answer = closed.get("/studies", Origin=origin)
            assert "access-control-allow-origin" not in answer.headers
