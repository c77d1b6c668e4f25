"""The Store Instances Response Module as DICOM JSON (PS3.18 Annex I)."""

from __future__ import annotations

import orjson

from dicomweb_server.dicom.selection import JsonAttribute, JsonObject
from dicomweb_server.model.ids import Scope
from dicomweb_server.model.outcome import Failed, PutOutcome, Stored, StoreReport, WarningReason

_SOP_CLASS = "00081150"
_SOP_INSTANCE = "00081155"
_RETRIEVE_URL = "00081190"
_WARNING_REASON = "00081196"
_FAILURE_REASON = "00081197"
_FAILED_SOPS = "00081198"
_REFERENCED_SOPS = "00081199"
_OTHER_FAILURES = "0008119A"


def response(report: StoreReport, base: str) -> bytes:
    """The answer to a store request: one JSON object in compact UTF-8 with sorted keys.

    The study's Retrieve URL is empty where instances of several studies were stored. Failures
    without a SOP Instance UID are in Other Failures Sequence. An instance that is stored already
    with other bytes, which stay, carries the warning B000: what was sent is not what is kept.

    Args:
        report: What became of each part.
        base: Absolute URL of the DICOMweb root without a trailing slash.
    """
    named = [failed for failed in report.failed if failed.instance]
    nameless = [failed for failed in report.failed if not failed.instance]
    module: JsonObject = {_RETRIEVE_URL: _study_url(report, base)}
    if named:
        module[_FAILED_SOPS] = _sequence([_failed(failed) for failed in named])
    if report.stored:
        module[_REFERENCED_SOPS] = _sequence([_stored(stored, base) for stored in report.stored])
    if nameless:
        module[_OTHER_FAILURES] = _sequence([{_FAILURE_REASON: _reason(f)} for f in nameless])
    return orjson.dumps(module)


def _study_url(report: StoreReport, base: str) -> JsonAttribute:
    studies = {stored.key.study for stored in report.stored}
    if report.study is not None:
        studies.add(report.study)
    if len(studies) != 1:
        return {"vr": "UR"}
    return _url(Scope(studies.pop()), base)


def _url(scope: Scope, base: str) -> JsonAttribute:
    return {"vr": "UR", "Value": [base + scope.path]}


def _sequence(items: list[JsonObject]) -> JsonAttribute:
    return {"vr": "SQ", "Value": items}


def _uid(uid: str) -> JsonAttribute:
    return {"vr": "UI", "Value": [uid]} if uid else {"vr": "UI"}


def _reason(failed: Failed) -> JsonAttribute:
    return {"vr": "US", "Value": [int(failed.reason)]}


def _failed(failed: Failed) -> JsonObject:
    return {
        _SOP_CLASS: _uid(failed.sop_class),
        _SOP_INSTANCE: _uid(failed.instance),
        _FAILURE_REASON: _reason(failed),
    }


def _stored(stored: Stored, base: str) -> JsonObject:
    item = {
        _SOP_CLASS: _uid(stored.sop_class),
        _SOP_INSTANCE: _uid(stored.key.instance),
        _RETRIEVE_URL: _url(Scope.of(stored.key), base),
    }
    warning = stored.warning
    if warning is None and stored.outcome is PutOutcome.KEPT:
        warning = WarningReason.COERCION
    if warning is not None:
        item[_WARNING_REASON] = {"vr": "US", "Value": [int(warning)]}
    return item
