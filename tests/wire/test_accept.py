"""Negotiation of binary resources: headers of real clients as they are, and the rules."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.errors import ArchiveError, InvalidParameter, NotAcceptable
from dicomweb_server.model.media import EXPLICIT_LITTLE, TRANSFER_SYNTAXES, TransferSyntax
from dicomweb_server.wire import accept
from dicomweb_server.wire.accept import Resource, Wish, wishes

DICOM = "application/dicom"
OCTET = "application/octet-stream"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"
JPEG_LS = "1.2.840.10008.1.2.4.80"
JPEG_2000 = "1.2.840.10008.1.2.4.90"
RLE = "1.2.840.10008.1.2.5"
WHOLE = (Resource.INSTANCES, Resource.INSTANCE)
PIXELS = (Resource.FRAMES, Resource.FRAME, Resource.BULKDATA)
BINARY = WHOLE + PIXELS
CHROME_IMAGE = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
CHROME_PAGE = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
)
JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"


def asked(header: str | None, resource: Resource, parameter: str | None = None) -> list[Wish]:
    lines = [] if header is None else [header]
    return list(wishes(lines, [] if parameter is None else [parameter], resource))


@pytest.mark.parametrize("resource", PIXELS)
@pytest.mark.parametrize(
    "header",
    [
        'multipart/related; type="application/octet-stream"; transfer-syntax="*"',
        'multipart/related; type="application/octet-stream"; transfer-syntax=*',
        "multipart/related; type=application/octet-stream; transfer-syntax=*",
        "multipart/related;type=application/octet-stream;transfer-syntax=*;",
        'multipart/related; type="application/octet-stream; transfer-syntax=*"',
        'MULTIPART/Related; Type="Application/Octet-Stream"; Transfer-Syntax=*',
    ],
)
def test_viewers_ask_for_frames_as_stored(header: str, resource: Resource) -> None:
    assert asked(header, resource) == [Wish(OCTET, "*", True)]


def test_a_quoted_transfer_syntax_of_a_viewer() -> None:
    header = f'multipart/related; type="image/jls"; transfer-syntax="{JPEG_LS}"'
    assert asked(header, Resource.FRAMES) == [Wish("image/jls", JPEG_LS, True)]


def test_the_slide_viewer_names_eight_forms() -> None:
    header = ", ".join(
        f'multipart/related; type="{media_type}"; transfer-syntax={syntax}'
        for media_type, syntax in [
            ("image/jls", "1.2.840.10008.1.2.4.80"),
            ("image/jls", "1.2.840.10008.1.2.4.81"),
            ("image/jp2", "1.2.840.10008.1.2.4.90"),
            ("image/jp2", "1.2.840.10008.1.2.4.91"),
            ("image/jpx", "1.2.840.10008.1.2.4.92"),
            ("image/jpx", "1.2.840.10008.1.2.4.93"),
            ("application/octet-stream", "*"),
            ("image/jpeg", "1.2.840.10008.1.2.4.50"),
        ]
    )
    found = asked(header, Resource.FRAME)
    assert len(found) == 8
    assert found[0] == Wish("image/jls", JPEG_LS, True)
    assert found[6] == Wish(OCTET, "*", True)
    assert found[7] == Wish("image/jpeg", JPEG_BASELINE, True)


def test_equally_good_wishes_have_one_rank() -> None:
    header = f"image/jls, image/jp2;q=0.5, {OCTET};transfer-syntax=*, image/jphc;q=0.5"
    found = asked(header, Resource.FRAME, f"image/jpeg;transfer-syntax={JPEG_BASELINE}")
    assert [wish.media_type for wish in found[:2]] == ["image/jls", OCTET]
    covered = asked(header + ", image/*;q=0.1", Resource.FRAME, "image/jp2")
    assert covered[0].rank < min(wish.rank for wish in covered[1:])
    ranks = [wish.rank for wish in found]
    assert ranks == sorted(ranks)
    assert ranks[0] == ranks[1] < ranks[2] == ranks[3]


def test_the_malformed_range_of_the_slide_viewer_is_read() -> None:
    header = f'multipart/related; type="image/jpeg; transfer-syntax={JPEG_BASELINE}"'
    assert asked(header, Resource.FRAMES) == [Wish("image/jpeg", JPEG_BASELINE, True)]


def test_a_single_part_type_is_honoured_for_one_frame_only() -> None:
    assert asked("image/jls", Resource.FRAME) == [Wish("image/jls", JPEG_LS, False)]
    with pytest.raises(NotAcceptable):
        asked("image/jls", Resource.FRAMES)
    assert asked("image/jls, */*", Resource.FRAMES) == either(OCTET)


@pytest.mark.parametrize("resource", PIXELS)
def test_the_python_client_leaves_the_type_to_the_server(resource: Resource) -> None:
    assert asked('multipart/related; type="*/*"', resource) == [Wish("*/*", "*", True)]
    header = f'multipart/related; type="*/*"; transfer-syntax={JPEG_2000}'
    assert asked(header, resource) == [Wish("*/*", JPEG_2000, True)]


@pytest.mark.parametrize("resource", WHOLE)
def test_clients_ask_for_instances(resource: Resource) -> None:
    header = 'multipart/related; type="application/dicom"'
    assert asked(header, resource) == [Wish(DICOM, EXPLICIT_LITTLE, True)]
    assert asked(header + "; transfer-syntax=*", resource) == [Wish(DICOM, "*", True)]
    assert asked('multipart/related;type="application/dicom";', resource) == asked(header, resource)
    assert asked(f"{header}; transfer-syntax={RLE}", resource) == [Wish(DICOM, RLE, True)]


def test_a_single_part_instance_is_for_one_instance_only() -> None:
    header = "application/dicom; transfer-syntax=*"
    assert asked(header, Resource.INSTANCE) == [Wish(DICOM, "*", False)]
    with pytest.raises(NotAcceptable):
        asked(header, Resource.INSTANCES)


def either(media_type: str) -> list[Wish]:
    """What a client is served that takes anything."""
    return [Wish(media_type, EXPLICIT_LITTLE, True), Wish(media_type, "*", True)]


@pytest.mark.parametrize("header", ["*/*", "*", None, "", JAVA, CHROME_PAGE, "multipart/related"])
@pytest.mark.parametrize(
    ("resource", "media_type"),
    [(r, DICOM) for r in WHOLE] + [(Resource.FRAMES, OCTET), (Resource.FRAME, OCTET)],
)
def test_a_wildcard_means_the_default_and_rather_the_stored_form_than_nothing(
    header: str | None, resource: Resource, media_type: str
) -> None:
    found = asked(header, resource)
    assert found[-2:] == either(media_type)
    assert all(wish.media_type == "image/jpeg" for wish in found[:-2])


@pytest.mark.parametrize("header", ["*/*", "*", None, "text/html, */*;q=0.8"])
def test_a_wildcard_on_bulk_data_takes_whatever_it_is(header: str | None) -> None:
    assert asked(header, Resource.BULKDATA) == [Wish("*/*", "*", False)]


def test_a_browser_gets_bulk_data() -> None:
    found = asked(CHROME_IMAGE, Resource.BULKDATA)
    assert found[-1] == Wish("*/*", "*", False)
    assert Wish("image/jpeg", "*", False) in found
    assert all(not wish.multipart for wish in found)


def test_an_encapsulated_document_may_be_asked_for_by_its_type() -> None:
    assert asked("application/pdf", Resource.BULKDATA) == [Wish("application/pdf", "*", False)]
    with pytest.raises(NotAcceptable):
        asked("application/pdf", Resource.FRAME)


def test_no_range_means_no_answer_in_strict_mode() -> None:
    with pytest.raises(NotAcceptable) as caught:
        wishes([], ["application/dicom"], Resource.INSTANCE, strict=True)
    assert "application/dicom" in caught.value.hint
    assert wishes(["*/*"], [], Resource.INSTANCE, strict=True)


@pytest.mark.parametrize("syntax", TRANSFER_SYNTAXES.values(), ids=lambda syntax: syntax.uid)
def test_a_compressed_type_goes_only_with_its_own_transfer_syntaxes(
    syntax: TransferSyntax,
) -> None:
    for media_type in {known.media_type for known in TRANSFER_SYNTAXES.values()} - {OCTET}:
        header = f'multipart/related; type="{media_type}"; transfer-syntax={syntax.uid}, */*;q=0.1'
        found = Wish(media_type, syntax.uid, True) in asked(header, Resource.FRAMES)
        assert found == (media_type == syntax.media_type)


@pytest.mark.parametrize(
    ("media_type", "syntax"),
    [
        ("image/jpeg", JPEG_LOSSLESS),
        ("image/jll", JPEG_LOSSLESS),
        ("image/x-jls", JPEG_LS),
        ("image/jp2", JPEG_2000),
        ("image/jpx", "1.2.840.10008.1.2.4.92"),
        ("image/jphc", "1.2.840.10008.1.2.4.201"),
        ("image/jxl", "1.2.840.10008.1.2.4.110"),
        ("image/x-dicom-rle", RLE),
        ("video/mpeg", "1.2.840.10008.1.2.4.101"),
        ("video/mp4", "1.2.840.10008.1.2.4.102"),
        ("video/h265", "1.2.840.10008.1.2.4.107"),
        ("application/octet-stream", EXPLICIT_LITTLE),
    ],
)
def test_each_type_has_its_default_transfer_syntax(media_type: str, syntax: str) -> None:
    wish, *others = asked(f"multipart/related; type={media_type}", Resource.FRAMES)
    assert wish.transfer_syntax == syntax
    assert wish.media_type == TRANSFER_SYNTAXES[syntax].media_type
    as_stored = [Wish(wish.media_type, "*", multipart=True)]
    assert others == (as_stored if media_type.startswith("video/") else [])


@pytest.mark.parametrize("resource", BINARY)
@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "abc", "1.2,1.3"])
def test_implicit_big_endian_and_nonsense_cannot_be_asked_for(
    resource: Resource, syntax: str
) -> None:
    types = (DICOM, OCTET, "*/*")
    for text in [f'multipart/related; type="{t}"; transfer-syntax="{syntax}"' for t in types]:
        with pytest.raises(NotAcceptable):
            asked(text, resource)
    with pytest.raises(NotAcceptable):
        asked(f'*/*; transfer-syntax="{syntax}"', resource)


def test_frames_are_never_deflated() -> None:
    with pytest.raises(NotAcceptable):
        asked(
            f'multipart/related; type="{OCTET}"; transfer-syntax=1.2.840.10008.1.2.1.99', PIXELS[0]
        )


def test_higher_quality_comes_first_and_then_the_place() -> None:
    header = (
        'multipart/related; type="image/jp2"; q=0.5, multipart/related; type="image/jls"; q=0.9, '
        'multipart/related; type="application/octet-stream"; q=0.5'
    )
    found = [wish.media_type for wish in asked(header, Resource.FRAMES)]
    assert found == ["image/jls", "image/jp2", OCTET]


def test_the_most_specific_range_decides_the_quality() -> None:
    jls = 'multipart/related; type="image/jls"'
    header = f'{jls}; q=0, multipart/related; type="image/*"; q=0.5, {jls}; transfer-syntax=*; q=1'
    found = asked(header, Resource.FRAMES)
    assert found[0] == Wish("image/jls", "*", True, as_stored=True)
    assert Wish("image/jp2", "*", True) in found[1:]


def test_quality_zero_forbids() -> None:
    with pytest.raises(NotAcceptable):
        asked("*/*;q=0", Resource.FRAMES)
    with pytest.raises(NotAcceptable):
        asked(f'*/*, multipart/related; type="{OCTET}";q=0.0', Resource.FRAMES)
    found = asked('multipart/related; type="image/jls";q=0, */*', Resource.FRAMES)
    assert found == either(OCTET)


def test_several_header_lines_are_one_list() -> None:
    lines = ['multipart/related; type="image/jls"', f"multipart/related; type={OCTET}"]
    assert list(wishes(lines, [], Resource.FRAMES)) == asked(", ".join(lines), Resource.FRAMES)


def test_the_parameter_beats_the_header() -> None:
    parameter = f'multipart/related; type="{OCTET}"; transfer-syntax=*'
    assert asked("*/*", Resource.FRAMES, parameter)[0] == Wish(OCTET, "*", True)
    assert asked(None, Resource.FRAMES, parameter)[0] == Wish(OCTET, "*", True)


def test_a_parameter_that_the_header_does_not_cover_does_not_count() -> None:
    header = 'multipart/related; type="application/dicom"'
    assert asked(header, Resource.INSTANCE, "application/dicom") == asked(header, Resource.INSTANCE)


def test_a_parameter_that_cannot_be_met_leaves_it_to_the_header() -> None:
    assert asked("*/*", Resource.FRAMES, "image/jpeg") == either(OCTET)


@pytest.mark.parametrize(
    "parameter",
    [
        "*/*",
        "image/*",
        "application/dicom, *",
        "dicom",
        "application/dicom, image/png",
        "text/html,multipart/related;type=application/dicom",
        "application/dicom+json, application/pdf",
        "application/dicom;q=2",
    ],
)
@pytest.mark.parametrize("resource", Resource)
def test_a_parameter_that_is_wild_mixed_or_malformed_is_refused(
    parameter: str, resource: Resource
) -> None:
    with pytest.raises(InvalidParameter) as caught:
        asked("*/*", resource, parameter)
    assert caught.value.name == "accept"


def test_types_of_other_resources_are_not_acceptable() -> None:
    for resource in BINARY:
        with pytest.raises(NotAcceptable) as caught:
            asked("application/dicom+json, image/png", resource)
        assert caught.value.hint
    with pytest.raises(NotAcceptable):
        asked('multipart/related; type="application/dicom"', Resource.FRAMES)
    with pytest.raises(NotAcceptable):
        asked(OCTET, Resource.INSTANCES)


def test_r5_bulk_data_types_of_instances_are_their_bulk_data() -> None:
    header = f'multipart/related; type="{OCTET}"'
    for resource in (Resource.INSTANCE, Resource.INSTANCES):
        assert asked(header, resource) == [Wish(OCTET, EXPLICIT_LITTLE, True)]
        assert {wish.media_type for wish in asked("*/*", resource)} == {DICOM}


@pytest.mark.parametrize("header", ["*/*", 'multipart/related; type="*/*"'])
def test_r5_anything_is_the_stored_form_of_each_bulk_element(header: str) -> None:
    assert asked(header, Resource.BULKDATA_SET)[0] == Wish("*/*", "*", True)


def test_n15_many_items_do_not_travel_alone() -> None:
    with pytest.raises(NotAcceptable):
        asked(OCTET, Resource.BULKDATA_SET)


def test_zip_is_sent_only_where_it_is_named() -> None:
    for resource in (Resource.INSTANCE, Resource.INSTANCES):
        assert asked("application/zip", resource) == [Wish("application/zip", "*", False)]
    assert asked("application/*", Resource.INSTANCE)[0].media_type == DICOM
    with pytest.raises(NotAcceptable):
        asked("application/*", Resource.INSTANCES)


def test_resources_of_fixed_types_give_one_wish() -> None:
    assert asked("*/*", Resource.METADATA) == [Wish("application/dicom+json", "*", False)]
    xml = 'multipart/related; type="application/dicom+xml"'
    assert asked(xml, Resource.SEARCH) == [Wish("application/dicom+xml", "*", True)]


kinds = ["application", "multipart", "image", "video", "text", "*"]
names = ["dicom", "related", "octet-stream", "jls", "jp2", "jpeg", "html", "dicom+json", "*", "mp4"]
media_types = st.builds("{}/{}".format, st.sampled_from(kinds), st.sampled_from(names))
syntaxes = st.sampled_from([*TRANSFER_SYNTAXES, "*", "1.2.3", ""])
parameters = st.one_of(
    media_types.map('type="{}"'.format),
    media_types.map("type={}".format),
    syntaxes.map("transfer-syntax={}".format),
    st.sampled_from(["q=0", "q=.5", "q=0.25", "q=1.0", "charset=utf-8", "", 'x="a, b; c"']),
)
ranges = st.builds(
    lambda media_type, rest: "; ".join([media_type, *rest]),
    media_types | st.just("multipart/related"),
    st.lists(parameters, max_size=3),
)
headers = st.lists(ranges, min_size=1, max_size=5).map(", ".join)


@given(headers, st.sampled_from(BINARY))
def test_every_wish_is_something_that_the_client_accepts(header: str, resource: Resource) -> None:
    try:
        found = asked(header, resource)
    except NotAcceptable:
        return
    assert found
    assert len(set(found)) == len(found)
    members = accept.parse([header])
    for wish in found:
        assert wish.multipart or resource in (
            Resource.INSTANCE,
            Resource.FRAME,
            Resource.BULKDATA,
        )
        assert any(
            member.q > 0
            and member.media_type.split("/")[0]
            in ("*", "multipart" if wish.multipart else wish.media_type.split("/")[0])
            for member in members
        )


@given(headers, st.sampled_from(BINARY))
def test_a_wildcard_at_the_end_always_finds_something(header: str, resource: Resource) -> None:
    if "q=0" not in header.replace("q=0.25", ""):
        assert asked(f"{header}, */*;q=0.01", resource)


@given(headers, st.sampled_from(BINARY))
def test_quotes_and_blanks_do_not_matter(header: str, resource: Resource) -> None:
    def outcome(text: str) -> list[Wish] | type[ArchiveError]:
        try:
            return asked(text, resource)
        except ArchiveError as error:
            return type(error)

    if 'x="' not in header:
        tight = header.replace('"', "").replace(", ", ",").replace("; ", " ;\t")
        assert outcome(tight) == outcome(header)


@given(st.text(max_size=80), st.sampled_from(Resource))
def test_any_text_gives_wishes_or_an_error_of_ours(text: str, resource: Resource) -> None:
    with contextlib.suppress(NotAcceptable, InvalidParameter):
        assert asked(text, resource)
