"""The described HTTP interface: the document itself, and some requests made from it."""

from __future__ import annotations

import secrets

import pytest

from dicomweb_server.web.routes import ROOT, ROUTES
from tests.fuzz import interface
from tests.fuzz.openapi import document


def test_every_route_below_the_root_is_described() -> None:
    paths = document({"study": "1.2", "series": "1.3", "instance": "1.4"})["paths"]
    assert isinstance(paths, dict)
    for row in ROUTES:
        if row.template.startswith(ROOT):
            operation = paths[row.template.removeprefix(ROOT) or "/"][row.method.lower()]
            assert operation["operationId"] == row.offer.name
            assert operation["responses"]


@pytest.mark.timeout(300)
def test_answers_are_as_described() -> None:
    seed = secrets.randbelow(1 << 31)
    told = interface.run(seconds=15, examples=2, seed=seed)
    assert told.held, (seed, told.requests, told.tracebacks, told.failures[-4000:])
