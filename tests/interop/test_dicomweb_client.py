"""The whole surface of the Python package dicomweb-client against a live server.

Its methods for rendered images are in a module of their own.
"""

from __future__ import annotations

import numpy as np
import pytest
from dicomweb_client.api import DICOMwebClient
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

from dicomweb_server.codec.transcode import transcode
from dicomweb_server.model.frame import Frame, Target
from dicomweb_server.model.instance import PixelHeader
from tests.interop.answers import refused, uids, values
from tests.live.instances import Made, make, make_dataset, part10, with_meta
from tests.live.server import Server

OCTETS = ("application/octet-stream", "1.2.840.10008.1.2.1")
BULK_BYTES = bytes(range(256)) * 40


@pytest.fixture
def stored(client: DICOMwebClient) -> list[Made]:
    """A series of three, stored."""
    series = make(3)
    client.store_instances([made.dataset for made in series])
    return series


# --- store


def test_store_several_in_one_request(client: DICOMwebClient) -> None:
    series = make(4)
    answer = client.store_instances([made.dataset for made in series])
    stored = {item.ReferencedSOPInstanceUID for item in answer.ReferencedSOPSequence}
    assert stored == {made.dataset.SOPInstanceUID for made in series}
    assert "FailedSOPSequence" not in answer
    for item in answer.ReferencedSOPSequence:
        assert "/series/" in item.RetrieveURL


def test_store_again_is_the_same(client: DICOMwebClient, stored: list[Made]) -> None:
    answer = client.store_instances([made.dataset for made in stored])
    assert len(answer.ReferencedSOPSequence) == 3
    assert "WarningReason" not in answer.ReferencedSOPSequence[0]
    assert len(client.search_for_instances(uids(stored[0])[0])) == 3


def test_store_into_a_study(client: DICOMwebClient) -> None:
    made = make()[0]
    study = uids(made)[0]
    answer = client.store_instances([made.dataset], study_instance_uid=study)
    assert len(answer.ReferencedSOPSequence) == 1
    assert answer.RetrieveURL.endswith(f"/studies/{study}")


def test_store_into_another_study_is_refused(client: DICOMwebClient) -> None:
    with refused(409):
        client.store_instances([make()[0].dataset], study_instance_uid=generate_uid())


def test_a_partial_failure_is_told_and_not_raised(client: DICOMwebClient) -> None:
    good, bad = make(2)
    bad.dataset.StudyInstanceUID = generate_uid()
    answer = client.store_instances([good.dataset, bad.dataset], uids(good)[0])
    assert len(answer.ReferencedSOPSequence) == 1
    failed = answer.FailedSOPSequence[0]
    assert failed.ReferencedSOPInstanceUID == bad.dataset.SOPInstanceUID
    assert failed.FailureReason == 0xA900


# --- search


def test_search_for_studies_by_filters(client: DICOMwebClient, stored: list[Made]) -> None:
    study = uids(stored[0])[0]
    filters: dict[str, str] = {
        "PatientID": "P" + study[-8:],
        "PatientName": "mü*",
        "StudyDate": "20240101-20241231",
        "StudyInstanceUID": study,
        "00080050": "ACC" + study[-8:],
    }
    found = client.search_for_studies(search_filters=filters)
    assert values(found, "0020000D") == [study]
    assert found[0]["00201208"]["Value"] == [3]
    assert found[0]["00080061"]["Value"] == ["CT"]


@pytest.mark.parametrize("fuzzy", [None, True, False])
def test_search_takes_fuzzymatching(
    client: DICOMwebClient, stored: list[Made], fuzzy: bool | None
) -> None:
    study = uids(stored[0])[0]
    filters = {"PatientName": "Müller^Anna", "StudyInstanceUID": study}
    found = client.search_for_studies(fuzzymatching=fuzzy, search_filters=filters)
    assert values(found, "0020000D") == [study]


def test_fuzzy_matching_finds_names_without_accents_in_another_order(
    client: DICOMwebClient, stored: list[Made]
) -> None:
    study = uids(stored[0])[0]
    filters = {"PatientName": "anna^muller", "StudyInstanceUID": study}
    assert client.search_for_studies(fuzzymatching=True, search_filters=filters)


@pytest.mark.parametrize("field", ["StudyDescription", "00081030"])
def test_search_returns_fields_asked_for(
    client: DICOMwebClient, stored: list[Made], field: str
) -> None:
    filters = {"StudyInstanceUID": uids(stored[0])[0]}
    found = client.search_for_studies(fields=[field, "00100040"], search_filters=filters)
    assert values(found, "00081030") == ["Chest without contrast"]


def test_search_with_fields_all(client: DICOMwebClient, stored: list[Made]) -> None:
    found = client.search_for_instances(*uids(stored[0])[:2], fields=["all"])
    assert values(found, "00280010") == [16, 16, 16]


def test_search_limit_and_offset_page_without_gap(
    client: DICOMwebClient, stored: list[Made]
) -> None:
    study, series, _ = uids(stored[0])
    whole = values(client.search_for_instances(study, series), "00080018")
    pages = [
        values(client.search_for_instances(study, series, limit=1, offset=offset), "00080018")
        for offset in range(3)
    ]
    assert [uid for page in pages for uid in page] == whole
    assert client.search_for_instances(study, series, limit=1, offset=3) == []


def test_get_remaining_pages_to_the_end(client: DICOMwebClient, stored: list[Made]) -> None:
    study, series, _ = uids(stored[0])
    found = client.search_for_instances(study, series, limit=2, get_remaining=True)
    assert len(found) == 3


def test_get_remaining_works_at_every_level(client: DICOMwebClient, stored: list[Made]) -> None:
    study = uids(stored[0])[0]
    filters = {"StudyInstanceUID": study}
    studies = client.search_for_studies(limit=1, get_remaining=True, search_filters=filters)
    assert values(studies, "0020000D") == [study]
    series = client.search_for_series(limit=1, get_remaining=True, search_filters=filters)
    assert values(series, "0020000D") == [study]


def test_search_for_series_of_a_study(client: DICOMwebClient, stored: list[Made]) -> None:
    study, series, _ = uids(stored[0])
    found = client.search_for_series(study, fields=["SeriesDescription"])
    assert values(found, "0020000E") == [series]
    assert values(found, "0008103E") == ["Thin slices"]
    assert values(found, "00201209") == [3]


def test_search_for_series_of_all_studies_tells_the_study(
    client: DICOMwebClient, stored: list[Made]
) -> None:
    study, series, _ = uids(stored[0])
    found = client.search_for_series(
        search_filters={"Modality": "CT", "SeriesInstanceUID": series}, limit=5, offset=0
    )
    assert values(found, "0020000D") == [study]


def test_search_for_instances_of_study_series_and_all(
    client: DICOMwebClient, stored: list[Made]
) -> None:
    study, series, instance = uids(stored[1])
    assert len(client.search_for_instances(study)) == 3
    assert len(client.search_for_instances(study, series)) == 3
    found = client.search_for_instances(search_filters={"SOPInstanceUID": instance})
    assert values(found, "00200013") == [2]
    assert values(found, "0020000D") == [study]


def test_search_passes_additional_parameters(client: DICOMwebClient, stored: list[Made]) -> None:
    study, series, _ = uids(stored[0])
    found = client.search_for_instances(
        study, series, additional_params={"orderby": "-InstanceNumber"}
    )
    assert values(found, "00200013") == [3, 2, 1]


def test_nothing_found_is_an_empty_list(client: DICOMwebClient) -> None:
    assert client.search_for_studies(search_filters={"PatientID": "nobody"}) == []
    assert client.search_for_series(generate_uid()) == []
    assert client.search_for_instances(generate_uid(), generate_uid()) == []


# --- metadata


def test_metadata_of_study_series_and_instance(client: DICOMwebClient, stored: list[Made]) -> None:
    study, series, instance = uids(stored[0])
    of_study = client.retrieve_study_metadata(study)
    of_series = client.retrieve_series_metadata(study, series)
    of_instance = client.retrieve_instance_metadata(study, series, instance)
    assert of_study == of_series
    assert values(of_series, "00200013") == [1, 2, 3]
    assert of_instance == of_series[0]


def test_metadata_reads_as_the_data_set_that_was_stored(
    client: DICOMwebClient, stored: list[Made]
) -> None:
    metadata = client.retrieve_instance_metadata(*uids(stored[0]))
    metadata.pop("7FE00010")
    read = Dataset.from_json(metadata)
    expected = Dataset.from_json(stored[0].dataset.to_json_dict(bulk_data_threshold=10**9))
    del expected.PixelData
    assert read == expected


# --- instances


def test_retrieve_instance(client: DICOMwebClient, stored: list[Made]) -> None:
    assert client.retrieve_instance(*uids(stored[1])) == stored[1].dataset


def test_retrieve_instance_in_a_named_transfer_syntax(
    client: DICOMwebClient, stored: list[Made]
) -> None:
    kinds = (("application/dicom", "1.2.840.10008.1.2.1"),)
    assert client.retrieve_instance(*uids(stored[1]), media_types=kinds) == stored[1].dataset


def test_retrieve_series_and_study(client: DICOMwebClient, stored: list[Made]) -> None:
    study, series, _ = uids(stored[0])
    expected = [made.dataset for made in stored]
    assert sorted_by_number(client.retrieve_series(study, series)) == expected
    assert sorted_by_number(client.retrieve_study(study)) == expected


def test_iterate_over_series_and_study(client: DICOMwebClient, stored: list[Made]) -> None:
    study, series, _ = uids(stored[0])
    expected = [made.dataset for made in stored]
    assert sorted_by_number(list(client.iter_series(study, series))) == expected
    assert sorted_by_number(list(client.iter_study(study))) == expected


def sorted_by_number(datasets: list[Dataset]) -> list[Dataset]:
    """Instances in the order of their Instance Number."""
    return sorted(datasets, key=lambda dataset: int(dataset.InstanceNumber))


def test_unknown_instance_is_404(client: DICOMwebClient, stored: list[Made]) -> None:
    study, series, _ = uids(stored[0])
    with refused(404):
        client.retrieve_instance(study, series, generate_uid())


# --- frames


@pytest.fixture(scope="module")
def native(server: Server) -> Made:
    """A multi-frame image with native pixels."""
    made = make(1, frames=5)[0]
    DICOMwebClient(url=server.root).store_instances([made.dataset])
    return made


@pytest.fixture(scope="module")
def compressed(server: Server) -> Made:
    """A multi-frame image in RLE; every frame is one fragment."""
    dataset = make_dataset(generate_uid(), generate_uid(), 1, frames=3)
    dataset.PixelData = encapsulate([rle_frame(number) for number in range(1, 4)])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    made = Made(with_meta(dataset, RLELossless), part10(dataset))
    DICOMwebClient(url=server.root).store_instances([made.dataset])
    return made


def rle_frame(number: int) -> bytes:
    """A frame of 16 x 16 pixels with the same high and low byte everywhere (PS3.5 Annex G)."""
    segment = bytes([129, number]) * 2
    header = np.array([2, 64, 64 + len(segment)] + [0] * 13, "<u4").tobytes()
    return header + segment * 2


FRAME_TYPES = [
    None,
    ("application/octet-stream",),
    (OCTETS,),
    (("application/octet-stream", "*"),),
    (("image/jpx", "1.2.840.10008.1.2.4.92"), OCTETS),
]


@pytest.mark.parametrize("kinds", FRAME_TYPES)
def test_retrieve_frames_in_the_order_asked(
    client: DICOMwebClient, native: Made, kinds: tuple[str | tuple[str, str], ...] | None
) -> None:
    frames = client.retrieve_instance_frames(*uids(native), [1, 3, 5], media_types=kinds)
    pixels = native.dataset.pixel_array
    assert frames == [pixels[number].tobytes() for number in (0, 2, 4)]


def test_iterate_over_frames(client: DICOMwebClient, native: Made) -> None:
    frames = list(client.iter_instance_frames(*uids(native), [2, 4], media_types=(OCTETS,)))
    assert frames == [native.dataset.pixel_array[number].tobytes() for number in (1, 3)]


@pytest.mark.parametrize(
    "kinds",
    [
        None,
        (("image/dicom-rle", RLELossless),),
        (("application/octet-stream", "*"),),
    ],
)
def test_retrieve_compressed_frames_as_stored(
    client: DICOMwebClient, compressed: Made, kinds: tuple[str | tuple[str, str], ...] | None
) -> None:
    frames = client.retrieve_instance_frames(*uids(compressed), [1, 2, 3], media_types=kinds)
    assert frames == [rle_frame(number) for number in (1, 2, 3)]


@pytest.mark.parametrize("kinds", [("application/octet-stream",), (OCTETS,)])
def test_retrieve_compressed_frames_decoded(
    client: DICOMwebClient, compressed: Made, kinds: tuple[str | tuple[str, str], ...]
) -> None:
    frames = client.retrieve_instance_frames(*uids(compressed), [3, 1], media_types=kinds)
    assert frames == [bytes([number]) * 512 for number in (3, 1)]


# The client knows no type of High-Throughput JPEG 2000.
CODECS = [
    ("image/jpeg", JPEGLosslessSV1),
    ("image/jls", JPEGLSLossless),
    ("image/jp2", JPEG2000Lossless),
    ("image/dicom-rle", RLELossless),
]


@pytest.mark.parametrize("kind", CODECS)
def test_retrieve_native_frames_compressed(
    client: DICOMwebClient, native: Made, kind: tuple[str, str]
) -> None:
    frames = client.retrieve_instance_frames(*uids(native), [2, 5], media_types=(kind,))
    pixel = PixelHeader(16, 16, 1, 16, 12, 11, 0, 0, "MONOCHROME2", 1, 0x7FE00010)
    target = Target(ExplicitVRLittleEndian)
    decoded = [transcode(Frame(pixel, kind[1], each), target).data for each in frames]
    pixels = native.dataset.pixel_array
    assert decoded == [pixels[number].tobytes() for number in (1, 4)]


@pytest.mark.parametrize("kind", CODECS)
def test_retrieve_an_instance_in_another_transfer_syntax(
    client: DICOMwebClient, native: Made, kind: tuple[str, str]
) -> None:
    kinds = (("application/dicom", kind[1]),)
    found = client.retrieve_instance(*uids(native), media_types=kinds)
    assert found.file_meta.TransferSyntaxUID == kind[1]
    assert found.SOPInstanceUID == native.dataset.SOPInstanceUID
    assert (found.pixel_array == native.dataset.pixel_array).all()


def test_a_frame_out_of_range_is_404(client: DICOMwebClient, native: Made) -> None:
    with refused(404):
        client.retrieve_instance_frames(*uids(native), [6])


# --- bulk data


@pytest.fixture(scope="module")
def bulk(server: Server) -> str:
    """URL of a private binary value of 10 KiB inside a sequence."""
    client = DICOMwebClient(url=server.root)
    dataset = make_dataset(generate_uid(), generate_uid(), 1)
    item = Dataset()
    block = item.private_block(0x0029, "TESTS OF THE SERVER", create=True)
    block.add_new(0x10, "OB", BULK_BYTES)
    dataset.RequestAttributesSequence = [item]
    made = Made(with_meta(dataset), b"")
    client.store_instances([dataset])
    metadata = client.retrieve_instance_metadata(*uids(made))
    nested = metadata["00400275"]["Value"][0]
    url = nested["00291010"]["BulkDataURI"]
    assert isinstance(url, str)
    return url


def test_retrieve_bulk_data(client: DICOMwebClient, bulk: str) -> None:
    assert client.retrieve_bulkdata(bulk) == [BULK_BYTES]
    kinds = ("application/octet-stream",)
    assert client.retrieve_bulkdata(bulk, media_types=kinds) == [BULK_BYTES]


def test_iterate_over_bulk_data(client: DICOMwebClient, bulk: str) -> None:
    assert list(client.iter_bulkdata(bulk)) == [BULK_BYTES]


def test_a_byte_range_of_bulk_data(client: DICOMwebClient, bulk: str) -> None:
    # A multipart answer has no ranges of its parts, so the whole value is a right answer too.
    found = client.retrieve_bulkdata(bulk, byte_range=(10, 19))
    assert found in ([BULK_BYTES[10:20]], [BULK_BYTES])


# --- delete


def test_delete_instance_series_and_study(client: DICOMwebClient) -> None:
    study = generate_uid()
    first, second = make(2, study=study), make(2, study=study)
    client.store_instances([made.dataset for made in first + second])
    client.delete_instance(*uids(first[0]))
    assert len(client.search_for_instances(study)) == 3
    client.delete_series(*uids(second[0])[:2])
    assert len(client.search_for_series(study)) == 1
    client.delete_study(study)
    assert client.search_for_studies(search_filters={"StudyInstanceUID": study}) == []
    with refused(404):
        client.retrieve_study(study)
    with refused(404):
        client.delete_study(study)
