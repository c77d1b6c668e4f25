"""Every setting, route and verb is documented, and pages made from the code are up to date."""

from __future__ import annotations

import pytest

from dicomweb_server.cli.main import cli
from dicomweb_server.ops.reference import PAGES, page
from dicomweb_server.settings.table import table
from dicomweb_server.web.routes import ROUTES
from tests.architecture.source import ROOT


@pytest.mark.parametrize("name", PAGES)
def test_page_made_from_the_code_is_up_to_date(name: str) -> None:
    assert (ROOT / "docs" / f"{name}.md").read_text("utf-8") == page(name), "run make docs"


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    for row in table():
        assert f"`{row.name}`" in text


def test_every_route_is_documented() -> None:
    text = (ROOT / "docs" / "routes.md").read_text("utf-8")
    for row in ROUTES:
        assert f"| {row.method} | `{row.template}` | {row.summary}" in text


def test_every_verb_says_what_it_does() -> None:
    for name, verb in cli.commands.items():
        assert verb.help, name
        assert verb.get_short_help_str(), name


def test_readme_names_every_verb() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    for name in cli.commands:
        assert f"`{name}`" in text or f"dicomweb-server {name}" in text, name


def test_readme_names_every_target_of_make() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    phony = next(line for line in makefile.splitlines() if line.startswith(".PHONY:"))
    readme = (ROOT / "README.md").read_text("utf-8")
    for target in phony.removeprefix(".PHONY:").split():
        if target != "system":
            assert f"`{target}`" in readme or f"make {target}" in readme, target
