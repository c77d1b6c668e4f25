"""What tests read out of the answers of dicomweb-client."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from requests import HTTPError

from tests.live.instances import Made


def uids(made: Made) -> tuple[str, str, str]:
    """The three UIDs of an instance, as the client takes them."""
    dataset = made.dataset
    return (
        str(dataset.StudyInstanceUID),
        str(dataset.SeriesInstanceUID),
        str(dataset.SOPInstanceUID),
    )


def values(objects: list[dict[str, dict[str, object]]], tag: str) -> list[object]:
    """First value of an attribute in every answer."""
    found = []
    for item in objects:
        value = item[tag]["Value"]
        assert isinstance(value, list)
        found.append(value[0])
    return found


@contextmanager
def refused(status: int) -> Iterator[None]:
    """The client raises what the server answered."""
    with pytest.raises(HTTPError) as raised:
        yield
    assert raised.value.response is not None
    assert raised.value.response.status_code == status
