"""Requests of the URI service: rows V1 to V11 of the standard's parameters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.errors import ArchiveError, InvalidParameter, NotAcceptable, NotSupported
from dicomweb_server.model.ids import InstanceKey
from dicomweb_server.model.limits import QueryLimits
from dicomweb_server.model.rendering import Annotation, Region, RenderOptions, Viewport, Window
from dicomweb_server.wire import querystring, uri
from dicomweb_server.wire.rendered import MAXIMUM_SIDE
from dicomweb_server.wire.uri import DicomRequest, RenderedRequest, UriRequest

BASE = "requestType=WADO&studyUID=1.2&seriesUID=1.2.3&objectUID=1.2.3.4"
KEY = InstanceKey("1.2", "1.2.3", "1.2.3.4")
DICOM = f"{BASE}&contentType=application/dicom"


def parsed(query: str, *accept: str, strict: bool = False) -> UriRequest:
    return uri.parse(querystring.parse(query.encode(), QueryLimits()), accept, strict=strict)


def rendered(more: str = "", *accept: str) -> RenderedRequest:
    found = parsed(f"{BASE}&{more}" if more else BASE, *accept)
    assert isinstance(found, RenderedRequest)
    return found


def refused(query: str, name: str) -> str:
    with pytest.raises(InvalidParameter) as caught:
        parsed(query)
    assert caught.value.name == name
    assert caught.value.hint
    return caught.value.detail


def test_v1_the_instance_is_named_by_three_uids() -> None:
    plain = RenderedRequest(KEY, options=RenderOptions(profile=None))
    assert parsed(BASE) == plain
    assert parsed(BASE + "&unknown=1") == plain


@pytest.mark.parametrize("name", ["requestType", "studyUID", "seriesUID", "objectUID"])
def test_v1_a_mandatory_parameter_that_is_missing_twice_or_malformed(name: str) -> None:
    rest = "&".join(member for member in BASE.split("&") if not member.startswith(name))
    assert "missing" in refused(rest, name)
    assert "more than once" in refused(f"{BASE}&{name}=WADO", name)
    refused(f"{rest}&{name}=x", name)
    refused(f"{rest}&{name}=", name)


def test_v1_values_and_names_are_case_sensitive() -> None:
    refused(BASE.replace("WADO", "wado"), "requestType")
    refused(BASE.replace("studyUID", "StudyUID"), "studyUID")


def test_requests_of_the_root_are_told_apart_by_their_parameters() -> None:
    def told(query: str) -> bool:
        return uri.is_uri_request(querystring.parse(query.encode(), QueryLimits()))

    assert told(BASE)
    assert told("requestType=x")
    assert told("objectUID=1")
    assert not told("")
    assert not told("utm_source=mail")


@pytest.mark.parametrize(
    ("query", "accept", "dicom"),
    [
        (BASE, [], False),
        (BASE, ["*/*"], False),
        (BASE, ["application/dicom"], True),
        (BASE, ["application/dicom, */*;q=0.5"], True),
        (BASE, ["image/png, application/dicom;q=0.9"], False),
        (BASE, ["application/json, text/plain, */*"], False),
        (DICOM, [], True),
        (DICOM, ["*/*"], True),
        (DICOM, ["application/dicom"], True),
        (f"{BASE}&contentType=application%2Fdicom", ["*/*"], True),
        (f"{BASE}&contentType=image/jpeg", ["*/*"], False),
        (f"{BASE}&contentType=image/x-nothing", ["*/*"], False),
        (f"{BASE}&contentType=text/html,text/plain", ["*/*"], False),
        (DICOM, ["image/*"], False),
    ],
)
def test_v2_the_selected_media_type_tells_the_transaction(
    query: str, accept: list[str], dicom: bool
) -> None:
    assert isinstance(parsed(query, *accept), DicomRequest) is dicom


@pytest.mark.parametrize(
    "content_type",
    [
        "application/dicom;transfer-syntax=1.2.840.10008.1.2.4.50",
        "application/dicom%3Btransfer-syntax=1.2.840.10008.1.2.4.50",
        "text/html;charset=utf-8",
        "application/dicom,image/jpeg",
        "image/jpeg&contentType=application/dicom",
        "application/dicom,application/dicom",
        "*/*",
        "image/*",
        "jpeg",
        "",
    ],
)
def test_v2_content_types_that_are_not_allowed(content_type: str) -> None:
    refused(f"{BASE}&contentType={content_type}", "contentType")


def test_v2_nothing_acceptable() -> None:
    with pytest.raises(NotAcceptable):
        parsed(BASE, "application/dicom+json")


def test_v2_the_accept_header_is_optional_for_dicom_alone() -> None:
    assert isinstance(parsed(DICOM, strict=True), DicomRequest)
    with pytest.raises(NotAcceptable, match="no Accept header"):
        parsed(BASE, strict=True)


def test_v4_anonymization_is_never_ignored() -> None:
    for query in (DICOM, BASE):
        with pytest.raises(NotSupported):
            parsed(f"{query}&anonymize=yes")
        refused(f"{query}&anonymize=no", "anonymize")
        refused(f"{query}&anonymize=", "anonymize")
        refused(f"{query}&anonymize=yes&anonymize=yes", "anonymize")


def test_v5_overlays_are_an_annotation() -> None:
    assert rendered("imageAnnotation=overlay").options.has_overlays


def test_v5_annotation_under_either_name() -> None:
    both = (Annotation.PATIENT, Annotation.TECHNIQUE)
    assert rendered("imageAnnotation=patient,technique").options.annotations == both
    assert rendered("annotation=patient&imageAnnotation=technique").options.annotations == (
        Annotation.TECHNIQUE,
        Annotation.PATIENT,
    )
    found = rendered("imageAnnotation=patient,shoe")
    assert found.options.annotations == (Annotation.PATIENT,)
    assert found.unsupported == ("shoe",)
    refused(f"{BASE}&imageAnnotation=", "imageAnnotation")


def test_v5_image_quality() -> None:
    assert rendered("imageQuality=1").options.quality == 1
    assert rendered("imageQuality=100").options.quality == 100
    for value in ("0", "101", "best", "", "-1", "1.5", "%2B1"):
        refused(f"{BASE}&imageQuality={value}", "imageQuality")


def test_v6_transfer_syntax() -> None:
    assert parsed(DICOM) == DicomRequest(KEY, "")
    assert parsed(f"{DICOM}&transferSyntax=1.2.840.10008.1.2.4.80") == DicomRequest(
        KEY, "1.2.840.10008.1.2.4.80"
    )
    assert parsed(f"{DICOM}&transferSyntax=*") == DicomRequest(KEY, "*")
    refused(f"{DICOM}&transferSyntax=abc", "transferSyntax")
    refused(f"{DICOM}&transferSyntax=", "transferSyntax")
    refused(f"{DICOM}&transferSyntax=1.2&transferSyntax=1.2", "transferSyntax")
    assert rendered("transferSyntax=1.2").ignored == ("transferSyntax",)


def test_v7_frame_number() -> None:
    assert rendered("frameNumber=3").frame == 3
    for value in ("0", "-1", "1,2", "a", "", "1.0"):
        refused(f"{BASE}&frameNumber={value}", "frameNumber")


def test_v8_rows_and_columns_alone_or_together() -> None:
    assert rendered("rows=10&columns=20").options.viewport == Viewport(20, 10)
    assert rendered("rows=10").options.viewport == Viewport(MAXIMUM_SIDE, 10)
    assert rendered("columns=20").options.viewport == Viewport(20, MAXIMUM_SIDE)
    for value in ("0", "-5", "x", "", str(MAXIMUM_SIDE + 1), "1.5"):
        refused(f"{BASE}&rows={value}", "rows")
        refused(f"{BASE}&columns={value}", "columns")


def test_v9_region() -> None:
    assert rendered("region=0.25,0,1,.5").options.region == Region(0.25, 0, 1, 0.5)
    assert rendered("region=0%2C0%2C1%2C1").options.region == Region(0, 0, 1, 1)
    for value in (
        "0.1,0.2", "0,0,1,1,1", "0.5,0,0.5,1", "0.6,0,0.5,1", "0,1,1,0", "-0.1,0,1,1",
        "0,0,1.1,1", "a,b,c,d", "", "0,0,1,", "nan,0,1,1",
    ):  # fmt: skip
        refused(f"{BASE}&region={value}", "region")


def test_v10_window() -> None:
    assert rendered("windowCenter=-600&windowWidth=1.5e3").options.window == Window(-600, 1500)
    assert rendered("windowCenter=+40&windowWidth=400").options.window == Window(40, 400)
    refused(f"{BASE}&windowCenter=40", "windowWidth")
    refused(f"{BASE}&windowWidth=40", "windowCenter")
    refused(f"{BASE}&windowCenter=a&windowWidth=40", "windowCenter")
    refused(f"{BASE}&windowCenter=1&windowWidth=0", "windowWidth")
    refused(f"{BASE}&windowCenter=1&windowWidth=inf", "windowWidth")
    refused(f"{DICOM}&windowCenter=40&windowWidth=400", "windowCenter")


def test_v11_presentation_state() -> None:
    both = "presentationSeriesUID=1.5&presentationUID=1.5.6"
    assert rendered(both).presentation == InstanceKey("1.2", "1.5", "1.5.6")
    found = rendered(f"{both}&rows=9&columns=9&imageQuality=5&annotation=patient&region=0,0,1,.5")
    assert found.options.region is not None
    refused(f"{BASE}&presentationSeriesUID=1.5", "presentationUID")
    refused(f"{BASE}&presentationUID=1.5", "presentationSeriesUID")
    refused(f"{BASE}&presentationUID=x&presentationSeriesUID=1", "presentationUID")
    refused(f"{BASE}&{both}&frameNumber=1", "frameNumber")
    refused(f"{BASE}&{both}&windowCenter=1&windowWidth=2", "windowCenter")


def test_what_has_no_meaning_in_a_transaction_is_told() -> None:
    found = parsed(f"{DICOM}&rows=5&annotation=patient")
    assert found == DicomRequest(KEY, "", ("rows", "annotation"))


_NAMES = st.sampled_from(
    [
        "requestType", "studyUID", "seriesUID", "objectUID", "contentType", "charset", "anonymize",
        "annotation", "imageAnnotation", "imageQuality", "transferSyntax", "frameNumber", "rows",
        "columns", "region", "windowCenter", "windowWidth", "presentationSeriesUID",
        "presentationUID", "other",
    ]
)  # fmt: skip
_VALUES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["WADO", "1.2", "yes", "application/dicom", "image/png", "0,0,1,1", "5"]),
)


@given(st.lists(st.tuples(_NAMES, _VALUES), max_size=8), st.lists(st.text(max_size=20), max_size=2))
def test_whatever_comes_is_read_or_refused(pairs: list[tuple[str, str]], header: list[str]) -> None:
    base = [("requestType", "WADO"), ("studyUID", "1"), ("seriesUID", "2"), ("objectUID", "3")]
    parameters = [querystring.Parameter(name, value, True) for name, value in base + pairs]
    try:
        found = uri.parse(parameters, header)
    except ArchiveError:
        return
    assert found.key == InstanceKey("1", "2", "3")
    if isinstance(found, RenderedRequest):
        options = found.options
        assert options.quality is None or 1 <= options.quality <= 100
        assert options.window is None or options.window.width >= 1
        assert found.frame is None or found.presentation is None
