"""The data of a run are valid files that pydicom reads back."""

from __future__ import annotations

import io
import warnings

import pytest
from pydicom import dcmread
from pydicom.encaps import generate_frames

from conformance.synthetic import pixels
from conformance.synthetic.corpus import Corpus, make_corpus
from conformance.synthetic.instance import BIG, DEFLATED, EXPLICIT, IMPLICIT, Instance, inflated


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return make_corpus()


def test_uids_and_patients_belong_to_the_run_alone(corpus: Corpus) -> None:
    other = make_corpus()
    assert not {i.uid for i in corpus} & {i.uid for i in other}
    assert not set(corpus.studies) & set(other.studies)
    assert all(str(i.dataset.PatientID).startswith(corpus.run) for i in corpus)
    assert len({i.uid for i in corpus}) == len(corpus.instances)


def test_files_hold_the_data_set(corpus: Corpus) -> None:
    for instance in corpus:
        found = dcmread(io.BytesIO(instance.file()))
        assert found.SOPInstanceUID == instance.uid, instance.name
        assert found.file_meta.TransferSyntaxUID == instance.transfer_syntax
        assert {e.tag for e in found} == {e.tag for e in instance.dataset}


def test_frames_are_those_of_the_pixel_data(corpus: Corpus) -> None:
    for name in ("rle", "jpeg", "fragmented", "jls", "j2k", "htj2k"):
        instance = corpus[name]
        count = int(instance.dataset.get("NumberOfFrames", 1))
        found = tuple(generate_frames(instance.dataset.PixelData, number_of_frames=count))
        assert [f.rstrip(b"\0") for f in found] == [f.rstrip(b"\0") for f in instance.frames], name


def test_rle_decodes_to_its_samples(corpus: Corpus) -> None:
    found = dcmread(io.BytesIO(corpus["rle"].file()))
    assert found.pixel_array.tobytes() == pixels.ramp(5, 64) + pixels.ramp(6, 64)


def test_codestreams_decode_to_one_level(corpus: Corpus) -> None:
    for name, level in (("jls", 0), ("j2k", 128), ("htj2k", 128)):
        found = dcmread(io.BytesIO(corpus[name].file())).pixel_array
        assert set(found.tobytes()) == {level}, name
        assert found.shape == (8, 8)


def test_native_files_hold_the_same_samples_in_every_byte_order(corpus: Corpus) -> None:
    for name in ("implicit", "explicit", "big", "deflated"):
        instance = corpus[name]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = dcmread(io.BytesIO(instance.file())).pixel_array
        assert found.astype("<u2").tobytes() == instance.frames[0], name


def test_single_bits_are_packed_across_frames(corpus: Corpus) -> None:
    instance = corpus["bits"]
    found = pixels.unpacked_bits(instance.dataset.PixelData, 45)
    assert bytes(found) == b"".join(instance.frames)


def test_transfer_syntaxes_are_many(corpus: Corpus) -> None:
    found = {instance.transfer_syntax for instance in corpus}
    assert {IMPLICIT, EXPLICIT, BIG, DEFLATED} < found
    assert len(found) >= 10


def test_a_deflated_file_is_deflated(corpus: Corpus) -> None:
    instance: Instance = corpus["deflated"]
    file = instance.file()
    length = int.from_bytes(file[140:144], "little")
    assert b"Conform" in inflated(file[144 + length :])
