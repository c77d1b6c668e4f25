"""Pages of the documentation that are made from the code."""

from __future__ import annotations

from dicomweb_server.settings.table import markdown
from dicomweb_server.web.routes import ROUTES

PAGES = ("settings", "routes")
"""Names of the pages; each lies in docs/ under its name."""


def page(name: str) -> str:
    """One page as Markdown.

    Args:
        name: One of PAGES.
    """
    return markdown() if name == "settings" else _routes()


def _routes() -> str:
    lines = [
        "# Routes",
        "",
        "`{root}` is the DICOMweb root, `/dicom-web` by default (setting `http.root`). Every path",
        "means the same with a slash at its end. `GET` answers `HEAD` too, and every resource",
        "answers `OPTIONS`. Clauses are those of PS3.18.",
        "",
        "This page is generated from the code: `make docs`.",
        "",
        "| Method | Path | What it does | Clause |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row.method} | `{row.template}` | {row.summary} | {row.clause} |" for row in ROUTES
    ]
    return "\n".join(lines) + "\n"
