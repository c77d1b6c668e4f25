"""/rendered of studies, series, instances and frames (STANDARD R7, R11, D1 to D6, B4, N15)."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ColorSoftcopyPresentationStateStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    RTPlanStorage,
)

from dicomweb_server.codec.render.profiles import profile_of
from dicomweb_server.model.rendering import IccProfile
from dicomweb_server.testing.datasets import encapsulated_pdf, text_report
from tests.datasets import SERIES, STUDY, dataset, part10
from tests.site import Site, open_site, parts_of

STUDY_PATH = f"/studies/{STUDY}"
SERIES_PATH = f"{STUDY_PATH}/series/{SERIES}"
JPEG, PNG, GIF = "image/jpeg", "image/png", "image/gif"
PARTS = 'multipart/related; type="image/png"'
RLE = "1.2.840.10008.1.2.5"
OTHER_STUDY = "1.2.9"


def frames(count: int) -> bytes:
    return b"".join(bytes(range(n, n + 32)) for n in range(count))


def single(number: int, **attributes: object) -> Dataset:
    uid = f"{SERIES}.{number}"
    return dataset(SOPInstanceUID=uid, InstanceNumber=number, **attributes)


def reference(uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", uid
    return item


def state(
    number: int,
    images: list[str],
    sop_class: str = GrayscaleSoftcopyPresentationStateStorage,
    **attributes: object,
) -> bytes:
    """A presentation state that shows images in a narrow window."""
    voi, series = Dataset(), Dataset()
    voi.WindowCenter, voi.WindowWidth = "1000", "10"
    series.SeriesInstanceUID = SERIES
    series.ReferencedImageSequence = [reference(uid) for uid in images]
    made = single(
        number,
        SOPClassUID=sop_class,
        Modality="PR",
        SeriesInstanceUID="1.2.3.5",
        ReferencedSeriesSequence=[series],
        SoftcopyVOILUTSequence=[voi],
        PresentationLUTShape="IDENTITY",
        **attributes,
    )
    for keyword in ("Rows", "Columns", "PixelData", "BitsAllocated", "BitsStored", "HighBit"):
        del made[keyword]
    return part10(made)


def no_picture() -> bytes:
    made = single(40, SOPClassUID=RTPlanStorage, SeriesInstanceUID="1.2.3.6", Modality="RTPLAN")
    del made.PixelData
    del made.Rows
    return part10(made)


def damaged(count: int, good: int) -> bytes:
    """An RLE image of which only the first frames can be decoded."""
    segments = (2).to_bytes(4, "little") + (64).to_bytes(4, "little")
    head = segments + (82).to_bytes(4, "little") + bytes(52)
    fine = head + b"\x0f" + bytes(16) + b"\0" + b"\x0f" + bytes(range(16)) + b"\0"
    made = single(
        50,
        StudyInstanceUID=OTHER_STUDY,
        SeriesInstanceUID=f"{OTHER_STUDY}.1",
        NumberOfFrames=count,
        PixelData=encapsulate([fine] * good + [b"nonsense"] * (count - good)),
    )
    made["PixelData"].VR = "OB"
    return part10(made, RLE)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("site")) as site:
        files = [part10(single(number)) for number in (1, 2)]
        files.append(part10(single(3, NumberOfFrames=3, PixelData=frames(3))))
        files += [state(10, [f"{SERIES}.1"]), state(11, [f"{SERIES}.2", f"{SERIES}.1", "9.9"])]
        files += [no_picture(), damaged(3, 2)]
        assert site.store(files).status_code == 200
        yield site


def instance(number: int, series: str = SERIES) -> str:
    return f"{STUDY_PATH}/series/{series}/instances/{SERIES}.{number}"


def opened(content: bytes) -> Image.Image:
    picture = Image.open(BytesIO(content))
    picture.load()
    return picture


@pytest.mark.parametrize("path", ["/rendered", "/frames/1/rendered"])
@pytest.mark.parametrize(
    ("media_type", "form"),
    [(JPEG, "JPEG"), (PNG, "PNG"), (GIF, "GIF"), ("image/jp2", "JPEG2000"), ("image/webp", "WEBP")],
)
def test_a_single_frame_in_every_type(site: Site, path: str, media_type: str, form: str) -> None:
    response = site.get(instance(1) + path, media_type)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == media_type
    picture = opened(response.content)
    assert (picture.format, picture.size) == (form, (4, 4))


def test_pixels_are_spread_from_the_least_to_the_greatest_value(site: Site) -> None:
    picture = opened(site.get(f"{instance(1)}/rendered", PNG).content).convert("L")
    values = [int.from_bytes(bytes((n, n + 1)), "little") for n in range(0, 32, 2)]
    expected = [(v - values[0]) * 255 / (values[-1] - values[0]) for v in values]
    found = list(picture.tobytes())
    assert all(abs(a - b) <= 1 for a, b in zip(found, expected, strict=True))


def test_headers_of_a_picture(site: Site) -> None:
    response = site.get(f"{instance(1)}/rendered", JPEG)
    assert response.headers["content-location"].endswith(instance(1))
    assert response.headers["cross-origin-resource-policy"] == "cross-origin"
    assert response.headers["cache-control"] == "private, max-age=3600"
    assert response.headers["content-disposition"] == "inline"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "Accept" in response.headers["vary"]
    again = site.get(f"{instance(1)}/rendered", JPEG, If_None_Match=response.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cross-origin-resource-policy"] == "cross-origin"


def test_the_entity_tag_follows_content_and_parameters(site: Site) -> None:
    asked = ["", "?quality=10", "?viewport=2,2", "?window=1,2,linear", "?iccprofile=srgb"]
    tags = [site.get(f"{instance(1)}/rendered{query}", JPEG).headers["etag"] for query in asked]
    tags.append(site.get(f"{instance(1)}/rendered", PNG).headers["etag"])
    tags.append(site.get(f"{instance(2)}/rendered", PNG).headers["etag"])
    assert len(set(tags)) == len(tags)


def test_head_tells_the_same_without_the_picture(site: Site) -> None:
    path, headers = f"{instance(1)}/rendered", {"Accept": JPEG}
    head, whole = (site.request(method, path, headers=headers) for method in ("HEAD", "GET"))
    assert head.content == b""
    assert head.headers["etag"] == whole.headers["etag"]
    assert head.headers["content-length"] == whole.headers["content-length"]


def test_the_accept_parameter_beats_a_browser(site: Site) -> None:
    response = site.get(f"{instance(1)}/rendered?accept=image%2Fpng", "*/*")
    assert response.headers["content-type"] == PNG
    browser = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
    assert site.get(f"{instance(1)}/rendered", browser).headers["content-type"] == "image/webp"


def test_viewport_scales_crops_and_mirrors(site: Site) -> None:
    def shown(viewport: str) -> Image.Image:
        response = site.get(f"{instance(1)}/rendered?viewport={viewport}", PNG)
        assert response.status_code == 200, response.text
        return opened(response.content)

    assert shown("8,8").size == (8, 8)
    assert shown("2,8").size == (2, 2)
    assert shown("16,16,,,2,4").size == (8, 16)
    plain, mirrored = shown("4,4"), shown("4,4,,,-4,4")
    assert mirrored.tobytes() == plain.transpose(Image.Transpose.FLIP_LEFT_RIGHT).tobytes()


def test_a_part_outside_of_the_image_is_refused(site: Site) -> None:
    response = site.get(f"{instance(1)}/rendered?viewport=8,8,4,0", PNG)
    assert response.status_code == 400
    assert "4 columns" in response.json()["hint"]


def test_profiles_go_with_types_that_have_them(site: Site) -> None:
    assert b"ICC_PROFILE" in site.get(f"{instance(1)}/rendered?iccprofile=srgb", JPEG).content
    assert b"iCCP" in site.get(f"{instance(1)}/rendered?iccprofile=srgb", PNG).content
    refused = site.get(f"{instance(1)}/rendered?iccprofile=srgb", GIF)
    assert refused.status_code == 400
    assert "image/png" in refused.json()["hint"]


def test_a_picture_without_profile_has_the_colours_that_browsers_show(tmp_path: Path) -> None:
    """PS3.18 8.3.5.1.5: `no` leaves the values; who says nothing needs to know nothing."""
    wide = profile_of(IccProfile.ADOBERGB)
    made = single(
        60,
        SamplesPerPixel=3,
        PlanarConfiguration=0,
        PhotometricInterpretation="RGB",
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        PixelData=bytes((40, 160, 80)) * 16,
        ICCProfile=wide + bytes(len(wide) % 2),
    )
    made["PixelData"].VR = "OB"
    with open_site(tmp_path) as site:
        assert site.store([part10(made)]).status_code == 200

        def colour(query: str) -> tuple[object, bool]:
            response = site.get(f"{instance(60)}/rendered{query}", PNG)
            picture = opened(response.content)
            return picture.getpixel((1, 1)), "icc_profile" in picture.info

        told, embedded = colour("?iccprofile=srgb")
        assert embedded
        assert colour("") == (told, False)
        assert colour("?iccprofile=no") == ((40, 160, 80), False)
        assert colour("?iccprofile=yes") == ((40, 160, 80), True)
        assert told != (40, 160, 80)
        thumbnail = opened(site.get(f"{instance(60)}/thumbnail", PNG).content)
        assert thumbnail.getpixel((1, 1)) == told


def test_annotations_change_the_picture(site: Site) -> None:
    path = f"{instance(1)}/rendered?viewport=256,256"
    plain, written = (site.get(p, PNG).content for p in (path, f"{path}&annotation=patient"))
    assert opened(plain).tobytes() != opened(written).tobytes()


def test_annotations_that_are_not_supported_are_told(site: Site) -> None:
    response = site.get(f"{instance(1)}/rendered?annotation=study", JPEG)
    assert response.status_code == 200
    told = response.headers["warning"]
    assert told.endswith("The following annotation values are not supported: study")


def test_all_frames_of_an_image_as_parts(site: Site) -> None:
    response = site.get(f"{instance(3)}/rendered", PARTS)
    assert response.status_code == 200
    parts = parts_of(response)
    locations = [headers["Content-Location"].partition("/dicom-web")[2] for headers, _ in parts]
    assert locations == [f"{instance(3)}/frames/{n}" for n in (1, 2, 3)]
    assert {headers["Content-Type"] for headers, _ in parts} == {PNG}
    assert all(opened(body).size == (4, 4) for _, body in parts)


def test_a_list_of_frames_comes_in_its_order(site: Site) -> None:
    response = site.get(f"{instance(3)}/frames/3,1/rendered", PARTS)
    first = site.get(f"{instance(3)}/frames/1/rendered", PNG).content
    parts = parts_of(response)
    assert [headers["Content-Location"][-1] for headers, _ in parts] == ["3", "1"]
    assert parts[1][1] == first


@pytest.mark.parametrize("media_type", [GIF, "image/webp"])
def test_all_frames_as_one_animation(site: Site, media_type: str) -> None:
    response = site.get(f"{instance(3)}/rendered?viewport=16,16", media_type)
    assert response.status_code == 200
    picture = opened(response.content)
    assert picture.size == (16, 16)
    assert getattr(picture, "n_frames", 1) >= 1
    assert response.headers["content-location"].endswith(instance(3))


def test_one_frame_stands_for_many_where_one_picture_is_asked(site: Site) -> None:
    response = site.get(f"{instance(3)}/rendered", JPEG)
    assert response.headers["content-type"] == JPEG
    assert "the instance has 3 frames, this is frame 2" in response.headers["warning"]
    assert response.headers["content-location"].endswith("/frames/2")


def test_a_study_is_told_with_what_is_missing_in_it(site: Site) -> None:
    response = site.get(f"{STUDY_PATH}/rendered", PARTS)
    assert response.status_code == 206
    assert "1 instances cannot be delivered" in response.headers["warning"]
    assert f"{SERIES}.40" in response.headers["warning"]
    parts = parts_of(response)
    assert len(parts) == 2 + 3 + 1 + 2
    assert all(opened(body).format == "PNG" for _, body in parts)


def test_a_study_in_whatever_form_each_instance_has(site: Site) -> None:
    response = site.get(f"{STUDY_PATH}/rendered", "*/*")
    assert response.status_code == 200
    kinds = [headers["Content-Type"] for headers, _ in parts_of(response)]
    assert set(kinds) == {JPEG, "text/html; charset=utf-8"}


def test_single_types_do_not_count_for_a_series(site: Site) -> None:
    response = site.get(f"{SERIES_PATH}/rendered", JPEG)
    assert response.status_code == 406
    assert response.json()["asked"] == [JPEG]
    assert 'multipart/related; type="image/jpeg"' in response.json()["offered"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{instance(1)}/frames/2/rendered", 404),
        (f"{instance(1)}/frames/0/rendered", 400),
        (f"{instance(3)}/frames/1,4/rendered", 404),
        (f"{instance(40, '1.2.3.6')}/frames/1/rendered", 404),
        (f"{instance(10, '1.2.3.5')}/frames/1/rendered", 400),
        (f"{instance(99)}/rendered", 404),
        ("/studies/9.9.9/rendered", 404),
        ("/studies/abc/rendered", 400),
    ],
)
def test_what_is_not_there(site: Site, path: str, status: int) -> None:
    response = site.get(path, "*/*")
    assert response.status_code == status, response.text
    assert response.json()["detail"]


def test_a_damaged_frame_costs_itself_alone(site: Site) -> None:
    path = f"/studies/{OTHER_STUDY}/series/{OTHER_STUDY}.1/instances/{SERIES}.50"
    response = site.get(f"{path}/rendered", PARTS)
    assert response.status_code == 200
    kinds = [headers["Content-Type"] for headers, _ in parts_of(response)]
    assert kinds == [PNG, PNG, "application/problem+json"]
    assert site.get(f"{path}/frames/3/rendered", PNG).status_code == 406
    told = site.get(f"{path}/frames/3,1/rendered", PARTS)
    assert told.status_code == 206
    assert "/frames/3" in told.headers["warning"]
    assert len(parts_of(told)) == 1


def test_a_presentation_state_shows_its_image(site: Site) -> None:
    path = instance(10, "1.2.3.5")
    response = site.get(f"{path}/rendered", PNG)
    assert response.status_code == 200, response.text
    plain = opened(site.get(f"{instance(1)}/rendered", PNG).content).convert("L")
    shown = opened(response.content).convert("L")
    assert shown.size == (4, 4)
    assert shown.tobytes() != plain.tobytes()
    same = site.get(f"{instance(1)}/rendered?window=1000,10,linear", PNG)
    assert shown.tobytes() == opened(same.content).convert("L").tobytes()


def test_a_presentation_state_of_several_images_is_multipart(site: Site) -> None:
    response = site.get(f"{instance(11, '1.2.3.5')}/rendered", PARTS)
    assert response.status_code == 200
    assert len(parts_of(response)) == 2
    assert (
        "1 images of the presentation state are not in the archive" in (response.headers["warning"])
    )


def test_a_presentation_state_takes_no_window(site: Site) -> None:
    response = site.get(f"{instance(10, '1.2.3.5')}/rendered?window=1,2,linear", PNG)
    assert response.status_code == 400


def test_what_has_no_picture_is_listed(site: Site) -> None:
    path = f"{instance(40, '1.2.3.6')}/rendered"
    response = site.get(path, "text/html, */*;q=0.1")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "unsafe" not in policy
    assert site.get(path, "text/plain").headers["content-type"] == "text/plain; charset=utf-8"
    refused = site.get(path, JPEG)
    assert refused.status_code == 406
    assert "text/html" in refused.json()["offered"]


def path_of(file: bytes) -> str:
    made = dcmread(BytesIO(file), stop_before_pixels=True)
    series = f"/studies/{made.StudyInstanceUID}/series/{made.SeriesInstanceUID}"
    return f"{series}/instances/{made.SOPInstanceUID}"


def test_reports_and_documents(site: Site) -> None:
    report, letter = text_report(("A <b>bold</b> finding",)), encapsulated_pdf("A letter")
    assert site.store([report, letter]).status_code == 200
    told = site.get(f"{path_of(report)}/rendered", "text/html")
    assert told.status_code == 200
    assert "A &lt;b&gt;bold&lt;/b&gt; finding" in told.text
    document = site.get(f"{path_of(letter)}/rendered", "*/*")
    assert document.headers["content-type"] == "application/pdf"
    assert document.content.startswith(b"%PDF-")
    assert document.headers["content-disposition"] == "attachment"
    assert "sandbox" in document.headers["content-security-policy"]


def test_what_is_deleted_is_gone(site: Site) -> None:
    file = part10(single(60, StudyInstanceUID="1.2.8"))
    assert site.store([file]).is_success
    assert site.get(f"{path_of(file)}/rendered", PNG).status_code == 200
    assert site.request("DELETE", path_of(file)).status_code == 204
    assert site.get(f"{path_of(file)}/rendered", PNG).status_code == 404


def test_a_presentation_state_that_shows_nothing_is_told_as_text(site: Site) -> None:
    study = {"StudyInstanceUID": "1.2.4"}
    files = [part10(single(70, **study))]
    files.append(state(71, [f"{SERIES}.70"], ColorSoftcopyPresentationStateStorage, **study))
    files.append(state(72, ["9.9"], **study))
    assert site.store(files).status_code == 200
    colour, empty = path_of(files[1]), path_of(files[2])
    assert "colour" in site.get(f"{colour}/rendered", PNG).json()["detail"]
    assert "no image" in site.get(f"{empty}/rendered", PNG).json()["detail"]
    for path in (colour, empty):
        assert site.get(f"{path}/rendered", PNG).status_code == 406
        told = site.get(f"{path}/rendered", "*/*")
        assert told.headers["content-type"] == "text/html; charset=utf-8"
    whole = site.get("/studies/1.2.4/rendered", "*/*")
    assert whole.status_code == 200
    kinds = [headers["Content-Type"] for headers, _ in parts_of(whole)]
    assert kinds == [JPEG, "text/html; charset=utf-8", "text/html; charset=utf-8"]
    pictures = site.get("/studies/1.2.4/rendered", PARTS)
    assert (pictures.status_code, len(parts_of(pictures))) == (206, 1)


def test_a_window_for_a_study_leaves_out_its_presentation_states(site: Site) -> None:
    response = site.get(f"{STUDY_PATH}/rendered?window=100,200,linear", PARTS)
    assert response.status_code == 206
    assert len(parts_of(response)) == 2 + 3
