"""The Store Instances Response Module (PS3.18 Annex I)."""

from __future__ import annotations

import json

import pydicom
import pytest

from dicomweb_server.dicom.store_response import response
from dicomweb_server.model.ids import InstanceKey
from dicomweb_server.model.outcome import (
    Failed,
    FailureReason,
    PutOutcome,
    Stored,
    StoreReport,
    WarningReason,
)

_BASE = "https://pacs.example/dicom-web"
_CLASS = "1.2.840.10008.5.1.4.1.1.2"


def _stored(
    study: str = "1.2",
    outcome: PutOutcome = PutOutcome.ADDED,
    warning: WarningReason | None = None,
) -> Stored:
    return Stored(InstanceKey(study, "1.2.3", "1.2.3.4"), _CLASS, outcome, warning)


def test_stored_instances_are_referenced_with_their_urls() -> None:
    module = json.loads(response(StoreReport(None, (_stored(),)), _BASE))
    assert module == {
        "00081190": {"vr": "UR", "Value": [f"{_BASE}/studies/1.2"]},
        "00081199": {
            "vr": "SQ",
            "Value": [
                {
                    "00081150": {"vr": "UI", "Value": [_CLASS]},
                    "00081155": {"vr": "UI", "Value": ["1.2.3.4"]},
                    "00081190": {
                        "vr": "UR",
                        "Value": [f"{_BASE}/studies/1.2/series/1.2.3/instances/1.2.3.4"],
                    },
                }
            ],
        },
    }


def test_failures_tell_their_reason_with_and_without_uid() -> None:
    failed = (
        Failed(FailureReason.DOES_NOT_MATCH_SOP_CLASS, "", _CLASS, "1.9"),
        Failed(FailureReason.CANNOT_UNDERSTAND, ""),
    )
    module = json.loads(response(StoreReport("1.2", (), failed), _BASE))
    assert list(module) == ["00081190", "00081198", "0008119A"]
    assert module["00081190"]["Value"] == [f"{_BASE}/studies/1.2"]
    assert module["00081198"]["Value"] == [
        {
            "00081150": {"vr": "UI", "Value": [_CLASS]},
            "00081155": {"vr": "UI", "Value": ["1.9"]},
            "00081197": {"vr": "US", "Value": [0xA900]},
        }
    ]
    assert module["0008119A"]["Value"] == [{"00081197": {"vr": "US", "Value": [0xC000]}}]


def test_unknown_sop_class_is_empty() -> None:
    failed = (Failed(FailureReason.PROCESSING_FAILURE, "", "", "1.9"),)
    (item,) = json.loads(response(StoreReport(None, (), failed), _BASE))["00081198"]["Value"]
    assert item["00081150"] == {"vr": "UI"}


def test_several_studies_have_no_common_url() -> None:
    module = json.loads(response(StoreReport(None, (_stored("1.2"), _stored("1.3"))), _BASE))
    assert module["00081190"] == {"vr": "UR"}


def test_nothing_known_has_no_url() -> None:
    assert response(StoreReport(None), _BASE) == b'{"00081190":{"vr":"UR"}}'


@pytest.mark.parametrize(
    ("outcome", "warning", "code"),
    [
        (PutOutcome.ADDED, None, None),
        (PutOutcome.UNCHANGED, None, None),
        (PutOutcome.REPLACED, None, None),
        (PutOutcome.KEPT, None, 0xB000),
        (PutOutcome.KEPT, WarningReason.DOES_NOT_MATCH_SOP_CLASS, 0xB007),
        (PutOutcome.ADDED, WarningReason.ELEMENTS_DISCARDED, 0xB006),
    ],
)
def test_warnings(outcome: PutOutcome, warning: WarningReason | None, code: int | None) -> None:
    report = StoreReport(None, (_stored(outcome=outcome, warning=warning),))
    (item,) = json.loads(response(report, _BASE))["00081199"]["Value"]
    assert item.get("00081196") == (None if code is None else {"vr": "US", "Value": [code]})


def test_module_is_read_by_pydicom() -> None:
    failed = (Failed(FailureReason.PROCESSING_FAILURE, "", _CLASS, "1.9"),)
    data = pydicom.Dataset.from_json(
        response(StoreReport(None, (_stored(),), failed), _BASE).decode()
    )
    assert "/series/" in data.ReferencedSOPSequence[0].RetrieveURL
    assert data.FailedSOPSequence[0].FailureReason == 0x0110
