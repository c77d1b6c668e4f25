"""WADO-URI: rendered instances, rows V2 to V12 of the standard (PS3.18 9.5)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from urllib.parse import urlencode
from xml.etree.ElementTree import XML

import httpx
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.sequence import Sequence

from tests.datasets import SERIES, STUDY, dataset, part10
from tests.site import Site, open_site

IMAGE, FRAMES, ONE_FRAME, REPORT, STATE = (f"{SERIES}.{number}" for number in range(1, 6))
OTHER = f"{SERIES}.9"
MULTIFRAME = "1.2.840.10008.5.1.4.1.1.7.2"
PNG, JPEG = "image/png", "image/jpeg"


def _image(uid: str, rows: int, columns: int, frames: int = 0) -> bytes:
    made = dataset(SOPInstanceUID=uid, Rows=rows, Columns=columns)
    count = rows * columns * (frames or 1)
    made.BitsAllocated = made.BitsStored = 8
    made.HighBit = 7
    made.PixelData = bytes(place * 7 % 251 for place in range(count))
    made["PixelData"].VR = "OB"
    if frames:
        made.SOPClassUID = MULTIFRAME
        made.NumberOfFrames = frames
    return part10(made)


def _report() -> bytes:
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.88.11", REPORT
    made.StudyInstanceUID, made.SeriesInstanceUID, made.Modality = STUDY, SERIES, "SR"
    made.ValueType, made.ContinuityOfContent = "CONTAINER", "SEPARATE"
    text = Dataset()
    text.RelationshipType, text.ValueType, text.TextValue = "CONTAINS", "TEXT", "Nothing found"
    made.ContentSequence = Sequence([text])
    return part10(made)


def _state() -> bytes:
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.11.1", STATE
    made.StudyInstanceUID, made.SeriesInstanceUID, made.Modality = STUDY, SERIES, "PR"
    image, series, area = Dataset(), Dataset(), Dataset()
    image.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    image.ReferencedSOPInstanceUID = IMAGE
    series.SeriesInstanceUID, series.ReferencedImageSequence = SERIES, Sequence([image])
    made.ReferencedSeriesSequence = Sequence([series])
    area.DisplayedAreaTopLeftHandCorner = [1, 1]
    area.DisplayedAreaBottomRightHandCorner = [12, 8]
    area.PresentationSizeMode, area.PresentationPixelAspectRatio = "SCALE TO FIT", [1, 1]
    made.DisplayedAreaSelectionSequence = Sequence([area])
    made.PresentationLUTShape = "INVERSE"
    return part10(made)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("uri")) as site:
        files = [_image(IMAGE, 8, 12), _image(FRAMES, 8, 12, 3), _image(ONE_FRAME, 8, 12, 1)]
        assert site.store([*files, _report(), _state()]).status_code == 200
        yield site


def asked(
    site: Site, uid: str = IMAGE, accept: str = "*/*", place: str = "/wado", **more: str
) -> httpx.Response:
    uids = {"studyUID": STUDY, "seriesUID": SERIES, "objectUID": uid}
    return site.get(f"{place}?{urlencode({'requestType': 'WADO', **uids, **more})}", accept)


def picture(response: httpx.Response, media_type: str = PNG) -> Image.Image:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == media_type
    image = Image.open(io.BytesIO(response.content))
    assert Image.MIME[str(image.format)] == media_type
    return image


def pixels(site: Site, uid: str = IMAGE, **more: str) -> bytes:
    return picture(asked(site, uid, contentType=PNG, **more)).convert("RGB").tobytes()


def refused(site: Site, uid: str = IMAGE, **more: str) -> str:
    response = asked(site, uid, contentType=PNG, **more)
    assert response.status_code == 400, response.text
    assert response.json()["hint"]
    return str(response.json()["detail"])


@pytest.mark.parametrize("place", ["", "/wado"])
def test_v2_by_default_it_is_one_jpeg(site: Site, place: str) -> None:
    for uid in (IMAGE, FRAMES, ONE_FRAME):
        assert picture(asked(site, uid, place=place), JPEG).size == (12, 8)
    assert picture(asked(site, IMAGE, PNG, place)).size == (12, 8)


def test_v7_without_a_frame_number_the_answer_tells_which_frame_it_is(site: Site) -> None:
    told = asked(site, FRAMES, contentType=PNG)
    assert "this is frame 2" in told.headers["warning"]
    assert picture(told).convert("RGB").tobytes() == pixels(site, FRAMES, frameNumber="2")


def test_v2_content_type_wins_over_accept(site: Site) -> None:
    for media_type in (PNG, "image/gif", "image/webp"):
        picture(asked(site, accept=f"{JPEG}, */*;q=0.1", contentType=media_type), media_type)
    picture(asked(site, contentType=f"image/x-nothing,{PNG}"), PNG)
    assert asked(site, accept="image/x-nothing").status_code == 406
    assert asked(site, contentType="text/html", accept="text/html").status_code == 406


def test_v2_reports_are_text(site: Site) -> None:
    page = asked(site, REPORT)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "Nothing found" in page.text
    assert "content-security-policy" in page.headers
    plain = asked(site, REPORT, contentType="text/plain", charset="utf-8;q=0.8")
    assert plain.headers["content-type"] == "text/plain; charset=utf-8"
    tree = asked(site, REPORT, contentType="text/xml")
    assert tree.headers["content-type"] == "text/xml; charset=utf-8"
    assert "Nothing found" in "".join(XML(tree.text).itertext())
    assert asked(site, REPORT, contentType=JPEG, accept=JPEG).status_code == 406


def test_v4_pictures_are_not_anonymized_either(site: Site) -> None:
    assert asked(site, contentType=PNG, anonymize="yes").status_code == 501


def test_v5_annotation_and_quality(site: Site) -> None:
    low = asked(site, contentType=JPEG, imageQuality="1")
    high = asked(site, contentType=JPEG, imageQuality="100")
    assert len(low.content) < len(high.content)
    told = asked(site, contentType=PNG, imageAnnotation="patient,shoe", rows="400")
    assert "not supported: shoe" in told.headers["warning"]
    assert pixels(site, rows="400") != picture(told).convert("RGB").tobytes()


def test_v7_a_frame_is_that_of_rendered_frames(site: Site) -> None:
    path = f"/studies/{STUDY}/series/{SERIES}/instances/{FRAMES}/frames"
    for number in ("1", "2", "3"):
        same = picture(site.get(f"{path}/{number}/rendered", PNG))
        assert pixels(site, FRAMES, frameNumber=number) == same.convert("RGB").tobytes()
    assert "frame" in refused(site, FRAMES, frameNumber="4")
    assert "multi-frame" in refused(site, IMAGE, frameNumber="1")
    assert "multi-frame" in refused(site, REPORT, frameNumber="1")
    assert pixels(site, ONE_FRAME, frameNumber="1") == pixels(site, ONE_FRAME)
    assert asked(site, OTHER, frameNumber="1").status_code == 404


@pytest.mark.parametrize(
    ("more", "size"),
    [
        ({"rows": "4"}, (6, 4)),
        ({"columns": "6"}, (6, 4)),
        ({"rows": "4", "columns": "4"}, (4, 3)),
        ({"rows": "16", "columns": "100"}, (24, 16)),
        ({"region": "0,0,0.5,0.25"}, (6, 2)),
        ({"region": "0,0,0.5,0.5", "rows": "8"}, (12, 8)),
    ],
)
def test_v8_v9_size_and_region(site: Site, more: dict[str, str], size: tuple[int, int]) -> None:
    width, height = picture(asked(site, contentType=PNG, **more)).size
    assert width == size[0]
    assert abs(height - size[1]) <= (more.get("columns") == "4")


def test_v9_a_region_is_that_part(site: Site) -> None:
    whole = picture(asked(site, contentType=PNG)).convert("L")
    part = picture(asked(site, contentType=PNG, region="0.5,0.25,1,1")).convert("L")
    assert part.tobytes() == whole.crop((6, 2, 12, 8)).tobytes()


def test_v10_a_window_is_that_of_rendered_resources(site: Site) -> None:
    path = f"/studies/{STUDY}/series/{SERIES}/instances/{IMAGE}/rendered"
    same = picture(site.get(f"{path}?window=60,20,linear", PNG)).convert("RGB").tobytes()
    assert pixels(site, windowCenter="60", windowWidth="20") == same
    assert pixels(site) != same


def test_v11_a_presentation_state_is_applied(site: Site) -> None:
    state = {"presentationSeriesUID": SERIES, "presentationUID": STATE}
    shown = picture(asked(site, contentType=PNG, **state)).convert("L").tobytes()
    assert shown == bytes(255 - place * 7 % 251 for place in range(8 * 12))
    small = picture(asked(site, contentType=PNG, rows="4", **state))
    assert small.size == (6, 4)
    for missing in ({"presentationUID": OTHER}, {"presentationUID": IMAGE}):
        assert "presentation state" in refused(site, **{**state, **missing})
    assert "not for this image" in refused(site, FRAMES, **state)
    refused(site, **state, windowCenter="1", windowWidth="2")


def test_v12_answers_tell_where_and_are_found_again(site: Site) -> None:
    first = asked(site, contentType=PNG)
    path = f"/studies/{STUDY}/series/{SERIES}/instances/{IMAGE}"
    assert first.headers["content-location"].endswith(path)
    query = str(first.request.url.query, "ascii")
    tag = first.headers["etag"]
    assert site.get(f"/wado?{query}", If_None_Match=tag).status_code == 304
    assert asked(site, contentType=PNG, rows="4").headers["etag"] != tag
    head = site.request("HEAD", f"/wado?{query}")
    assert (head.status_code, head.content) == (200, b"")
    for name in ("studyUID", "seriesUID", "objectUID"):
        assert asked(site, contentType=PNG, **{name: "1.2.404"}).status_code == 404


def test_what_has_no_meaning_for_pictures_is_told(site: Site) -> None:
    response = asked(site, contentType=PNG, transferSyntax="1.2.840.10008.1.2.1")
    assert response.status_code == 200
    assert "transferSyntax" in response.headers["warning"]
