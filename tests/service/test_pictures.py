"""What pictures read beside their frames is bounded."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import Dataset

from dicomweb_server.model.instance import InstanceRecord
from dicomweb_server.service import pictures
from tests.datasets import dataset, part10
from tests.service.test_budget import KEY, Archive


def test_values_that_are_too_much_together_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Archive(tmp_path)
    tables = [Dataset() for _ in range(5)]
    for table in tables:
        table.LUTDescriptor = [4_000, 0, 16]
        table.add_new(0x00283006, "OW", bytes(8_000))
    archive.put(part10(dataset(VOILUTSequence=tables)))
    record = archive.run(archive.index.get(KEY))
    assert isinstance(record, InstanceRecord)
    paths = [f"00283010.{number}.00283006" for number in range(1, 6)]
    found = archive.services.render._pictures
    assert len(archive.run(found.bulk(record, paths))) == 5
    monkeypatch.setattr(pictures, "MOST_BULK_IN_ALL", 20_000)
    assert list(archive.run(found.bulk(record, paths))) == paths[:2]
    archive.close()
