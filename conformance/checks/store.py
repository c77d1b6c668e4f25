"""Store: requests, status codes and the response module (PS3.18 10.5, Annex I)."""

from __future__ import annotations

import base64
import json
from copy import deepcopy
from xml.sax.saxutils import escape

from pydicom.dataset import Dataset as PydicomDataset

from conformance.answer import Answer, Dataset
from conformance.checks.retrieve import differing, read
from conformance.data import pixels
from conformance.data.images import ENCAPSULATED_PDF, MULTIFRAME_BYTE, SECONDARY_CAPTURE
from conformance.data.instance import EXPLICIT, JPEG_BASELINE, Instance, new_uid, part10
from conformance.data.values import PDF
from conformance.model import MAY, SHALL, SHOULD, Check, Failed, Level, check, checks_of
from conformance.world import (
    ANY_DICOM,
    ANY_OCTETS,
    JSON,
    World,
    failures,
    first,
    items,
    response_of,
    values,
)

_DICOM = '"application/dicom"'


def fresh(world: World, name: str = "alpha") -> Instance:
    """A copy of an instance in a study of its own, which is removed with the others."""
    source = world.corpus[name]
    dataset = deepcopy(source.dataset)
    dataset.StudyInstanceUID = new_uid()
    dataset.SeriesInstanceUID = new_uid()
    dataset.SOPInstanceUID = new_uid()
    dataset.PatientID = f"{world.corpus.run}-T"
    dataset.AccessionNumber = f"{world.corpus.run}-T"
    world.studies.append(str(dataset.StudyInstanceUID))
    return Instance(f"another {name}", dataset, source.transfer_syntax, source.frames)


@check("T1.studies", SHALL, "10.5.1.1", "POST /studies stores an instance: 200")
def studies(world: World) -> None:
    instance = fresh(world)
    answer = world.store([instance.file()]).ok()
    answer.equal(_stored(answer), [instance.uid], "Referenced SOP Sequence")
    world.get(instance.path, ANY_DICOM).ok()


@check("T1.study", SHALL, "10.5.1.1", "POST /studies/{study} stores an instance of that study")
def study(world: World) -> None:
    instance = fresh(world)
    answer = world.store([instance.file()], instance.study_path).ok()
    answer.equal(_stored(answer), [instance.uid], "Referenced SOP Sequence")


@check(
    "T1.other-study",
    SHALL,
    "10.5.1.1",
    "an instance of another study than the URI's is refused: 409",
)
def other_study(world: World) -> None:
    instance = fresh(world)
    other = new_uid()
    world.studies.append(other)
    answer = world.store([instance.file()], f"/studies/{other}").status_in(409, 400)
    world.get(instance.path, ANY_DICOM).status_in(404)
    answer.must(not _stored(answer) if "json" in answer.media_type else True, "nothing stored")


@check("T1.mixed-studies", SHALL, "10.5.3", "of two, the one of another study fails alone: 202")
def mixed_studies(world: World) -> None:
    right, wrong = fresh(world), fresh(world)
    answer = world.store([right.file(), wrong.file()], right.study_path).status_in(202)
    answer.equal(_stored(answer), [right.uid], "Referenced SOP Sequence")
    answer.equal(_failed(answer), [wrong.uid], "Failed SOP Sequence")


@check("T2.unknown-parameter", SHALL, "10.5.1.2", "unknown query parameters are ignored")
def unknown_parameter(world: World) -> None:
    world.store([fresh(world).file()], "/studies?unknown=1").ok()


@check("T3.several", SHALL, "10.5.1.4", "several instances in one request")
def several(world: World) -> None:
    first_one, second = fresh(world), fresh(world, "multi")
    answer = world.store([first_one.file(), second.file()]).ok()
    answer.equal(sorted(_stored(answer)), sorted([first_one.uid, second.uid]), "stored")


@check("T3.unquoted", SHALL, "8.6.1.2", "type= of Content-Type without quotes")
def unquoted(world: World) -> None:
    part = ({"Content-Type": "application/dicom"}, fresh(world).file())
    world.post([part], "application/dicom").ok()


@check(
    "T3.same-bytes", SHOULD, "10.5.2", "the stored file comes back byte for byte in its data set"
)
def same_bytes(world: World) -> None:
    instance = fresh(world, "values")
    world.store([instance.file()]).ok()
    answer = world.get(instance.path, ANY_DICOM).ok()
    answer.equal(differing(instance, answer.part().body), [], "other values of")


def document(dataset: PydicomDataset, bulk: dict[str, str]) -> Dataset:
    """A data set as DICOM JSON whose bulk data lie elsewhere.

    Args:
        dataset: Without group 0002.
        bulk: BulkDataURIs by tags of eight digits.
    """
    found: Dataset = json.loads(dataset.to_json(bulk_data_element_handler=lambda _: "gone"))
    for tag in [tag for tag, element in found.items() if "BulkDataURI" in element]:
        del found[tag]
    for tag, uri in bulk.items():
        found[tag] = {"vr": "OB", "BulkDataURI": uri}
    return found


def image(world: World, name: str = "multi", *, described: bool = True) -> PydicomDataset:
    """The data set of a new image without its pixels."""
    dataset = fresh(world, name).dataset
    del dataset.PixelData
    if not described:
        for keyword in ("SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns",
                        "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"):  # fmt: skip
            delattr(dataset, keyword)
    return dataset


def post_json(
    world: World, documents: list[Dataset], bulk: list[tuple[dict[str, str], bytes]]
) -> Answer:
    """Store metadata as DICOM JSON with its bulk data."""
    root = ({"Content-Type": JSON}, json.dumps(documents).encode())
    return world.post([root, *bulk], f'"{JSON}"')


def _bulk(content_type: str, location: str, data: bytes) -> tuple[dict[str, str], bytes]:
    return {"Content-Type": content_type, "Content-Location": location}, data


def _path(dataset: PydicomDataset) -> str:
    return (
        f"/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}"
        f"/instances/{dataset.SOPInstanceUID}"
    )


_OCTETS = f"application/octet-stream; transfer-syntax={EXPLICIT}"


def _native(world: World, location: str) -> tuple[PydicomDataset, Answer]:
    dataset = image(world)
    data = b"".join(world.corpus["multi"].frames)
    answer = post_json(
        world, [document(dataset, {"7FE00010": location})], [_bulk(_OCTETS, location, data)]
    )
    return dataset, answer


@check("T4.json", SHALL, "10.5.1.4", "metadata as DICOM JSON with native pixels apart")
def store_json(world: World) -> None:
    dataset, answer = _native(world, "pixels/1")
    answer.ok().equal(_stored(answer), [dataset.SOPInstanceUID], "stored")
    frame = world.get(f"{_path(dataset)}/frames/2", ANY_OCTETS).ok()
    frame.equal(frame.parts()[0].body, world.corpus["multi"].frames[1], "samples")


@check("T4.json-absolute", SHALL, "10.5.1.4", "bulk data located by an absolute URI")
def absolute_location(world: World) -> None:
    _, answer = _native(world, "http://example.org/bulk/1")
    answer.ok()


@check("T4.json-several", SHALL, "10.5.1.4", "an array of two data sets in the JSON part")
def several_json(world: World) -> None:
    one, two = image(world), image(world)
    data = b"".join(world.corpus["multi"].frames)
    answer = post_json(
        world,
        [document(one, {"7FE00010": "bulk/1"}), document(two, {"7FE00010": "bulk/2"})],
        [_bulk(_OCTETS, "bulk/1", data), _bulk(_OCTETS, "bulk/2", data)],
    ).ok()
    answer.equal(
        sorted(_stored(answer)), sorted([one.SOPInstanceUID, two.SOPInstanceUID]), "stored"
    )


@check("T4.json-inline", SHALL, "F.2.7", "binary values inline in the JSON")
def inline(world: World) -> None:
    dataset = image(world)
    found = document(dataset, {})
    samples = b"".join(world.corpus["multi"].frames)
    found["7FE00010"] = {"vr": "OB", "InlineBinary": base64.b64encode(samples).decode()}
    post_json(world, [found], []).ok()
    frame = world.get(f"{_path(dataset)}/frames/1", ANY_OCTETS).ok()
    frame.equal(frame.parts()[0].body, samples[:64], "samples")


@check("T4.json-no-bulk", SHALL, "10.5.1.4", "metadata alone, of an instance without bulk data")
def metadata_alone(world: World) -> None:
    dataset = fresh(world, "report").dataset
    answer = post_json(world, [document(dataset, {})], []).ok()
    answer.equal(_stored(answer), [dataset.SOPInstanceUID], "stored")
    found = world.metadata(_path(dataset)).dataset()
    answer.equal(len(items(found, "0040A730")), 1, "items of Content Sequence")


@check("T4.missing-bulk", SHALL, "10.5.3", "metadata whose bulk data did not come is a failure")
def missing_bulk(world: World) -> None:
    dataset = image(world)
    answer = post_json(world, [document(dataset, {"7FE00010": "bulk/nowhere"})], [])
    answer.status_in(400, 409, 202)
    world.get(_path(dataset), ANY_DICOM).status_in(404)


@check("T4.bad-json", SHALL, "10.5.3", "metadata that is not JSON: 400 (or 409)")
def bad_json(world: World) -> None:
    root = ({"Content-Type": JSON}, b"[{")
    world.post([root], f'"{JSON}"').status_in(400, 409)


def native_xml(dataset: PydicomDataset, bulk: dict[str, str]) -> str:
    """A data set of simple attributes as a Native DICOM Model document."""
    rows = []
    for element in dataset:
        tag = f"{element.tag:08X}"
        if element.VR == "SQ" or tag in bulk or element.VR in ("OB", "OW"):
            continue
        rows.append(_xml_attribute(tag, element.VR, element.value))
    rows += [
        f'<DicomAttribute tag="{tag}" vr="OB"><BulkData uri="{uri}"/></DicomAttribute>'
        for tag, uri in bulk.items()
    ]
    namespace = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<NativeDicomModel xmlns="{namespace}" xml:space="preserve">{"".join(rows)}'
        "</NativeDicomModel>"
    )


def _xml_attribute(tag: str, vr: str, value: object) -> str:
    several = value if isinstance(value, list) or (vr == "AT" and value) else [value]
    listed = several if isinstance(several, list) else [several]
    if hasattr(value, "__iter__") and not isinstance(value, str | bytes) and vr != "PN":
        listed = list(value)
    texts = [escape(str(item)) for item in listed if item not in (None, "")]
    if vr == "PN":
        family, _, given = texts[0].partition("^") if texts else ("", "", "")
        inner = (
            '<PersonName number="1"><Alphabetic>'
            f"<FamilyName>{family}</FamilyName><GivenName>{given}</GivenName>"
            "</Alphabetic></PersonName>"
            if texts
            else ""
        )
    else:
        inner = "".join(f'<Value number="{i}">{text}</Value>' for i, text in enumerate(texts, 1))
    return f'<DicomAttribute tag="{tag}" vr="{vr}">{inner}</DicomAttribute>'


@check("T4.xml", SHALL, "10.5.1.4", "metadata as DICOM XML with native pixels apart")
def store_xml(world: World) -> None:
    dataset = image(world)
    del dataset.FrameIncrementPointer
    data = b"".join(world.corpus["multi"].frames)
    root = (
        {"Content-Type": "application/dicom+xml"},
        native_xml(dataset, {"7FE00010": "bulk/1"}).encode(),
    )
    answer = world.post([root, _bulk(_OCTETS, "bulk/1", data)], '"application/dicom+xml"').ok()
    answer.equal(_stored(answer), [dataset.SOPInstanceUID], "stored")
    found = world.metadata(_path(dataset)).dataset()
    answer.equal(first(found, "00100020"), dataset.PatientID, "Patient ID")


@check("T5.meta", SHALL, "10.5.1.4", "the server makes the File Meta Information")
def file_meta(world: World) -> None:
    dataset, answer = _native(world, "bulk/1")
    answer.ok()
    found = read(world.get(_path(dataset), ANY_DICOM).ok().part().body)
    answer.equal(found.file_meta.MediaStorageSOPInstanceUID, dataset.SOPInstanceUID, "00020003")


@check("T5.syntax", SHALL, "10.5.1.4", "the transfer syntax follows from the part's media type")
def syntax_of_part(world: World) -> None:
    dataset, answer, _ = _jpeg(world, f"image/jpeg; transfer-syntax={JPEG_BASELINE}")
    answer.status_in(200, 202)
    found = read(world.get(_path(dataset), ANY_DICOM).ok().part().body)
    answer.equal(found.file_meta.TransferSyntaxUID, JPEG_BASELINE, "transfer syntax")


def _jpeg(
    world: World, content_type: str, *, described: bool = True
) -> tuple[PydicomDataset, Answer, bytes]:
    dataset = image(world, "fragmented", described=described)
    data = pixels.jpeg("stored as bulk data")
    answer = post_json(
        world, [document(dataset, {"7FE00010": "bulk/1"})], [_bulk(content_type, "bulk/1", data)]
    )
    return dataset, answer, data


@check("T6.jpeg", SHALL, "10.5.2 Table 10.5.2-1", "image/jpeg is encapsulated unchanged")
def jpeg_unchanged(world: World) -> None:
    dataset, answer, data = _jpeg(world, f"image/jpeg; transfer-syntax={JPEG_BASELINE}")
    answer.status_in(200, 202)
    accept = 'multipart/related; type="image/jpeg"; transfer-syntax=*'
    frame = world.get(f"{_path(dataset)}/frames/1", accept).ok()
    frame.equal(frame.parts()[0].body.rstrip(b"\0"), data, "codestream")


@check("T6.derived", SHALL, "10.5.2 Table 10.5.2-1", "the pixel description is taken from the JPEG")
def derived(world: World) -> None:
    dataset, answer, _ = _jpeg(
        world, f"image/jpeg; transfer-syntax={JPEG_BASELINE}", described=False
    )
    answer.status_in(200, 202)
    found = world.metadata(_path(dataset)).dataset()
    numbers = [first(found, tag) for tag in ("00280002", "00280010", "00280011", "00280100")]
    answer.equal(numbers, [1, 8, 8, 8], "Samples per Pixel, Rows, Columns, Bits Allocated")


@check("T6.png", SHALL, "10.5.2 Table 10.5.2-1", "image/png becomes native pixels")
def png(world: World) -> None:
    dataset = image(world, "fragmented", described=False)
    samples = pixels.ramp(2, 64)
    answer = post_json(
        world,
        [document(dataset, {"7FE00010": "bulk/1"})],
        [_bulk("image/png", "bulk/1", pixels.png(samples))],
    ).status_in(200, 202)
    frame = world.get(f"{_path(dataset)}/frames/1", ANY_OCTETS).ok()
    answer.equal(frame.parts()[0].body, samples, "samples")


@check("T7.pdf", SHALL, "10.5.1.4", "an encapsulated document by its own media type")
def pdf(world: World) -> None:
    dataset = fresh(world, "document").dataset
    del dataset.EncapsulatedDocument
    answer = post_json(
        world,
        [document(dataset, {"00420011": "bulk/1"})],
        [_bulk("application/pdf", "bulk/1", PDF)],
    ).status_in(200, 202)
    found = read(world.get(_path(dataset), ANY_DICOM).ok().part().body)
    answer.equal(found.SOPClassUID, ENCAPSULATED_PDF, "SOP class")
    answer.must(found.EncapsulatedDocument.startswith(PDF), "the document unchanged")


@check("T8.frames", SHALL, "10.5.1.4", "compressed frames as a part each")
def frame_parts(world: World) -> None:
    dataset = image(world, "jpeg")
    content_type = f"image/jpeg; transfer-syntax={JPEG_BASELINE}"
    frames = world.corpus["jpeg"].frames
    answer = post_json(
        world,
        [document(dataset, {"7FE00010": "bulk/1"})],
        [_bulk(content_type, "bulk/1", frame) for frame in frames],
    ).status_in(200, 202)
    accept = 'multipart/related; type="image/jpeg"; transfer-syntax=*'
    found = world.get(f"{_path(dataset)}/frames/2", accept).ok()
    answer.equal(found.parts()[0].body.rstrip(b"\0"), frames[1], "second frame")


@check("T8.video", SHALL, "10.5.1.4", "a video as one part")
def video(world: World) -> None:
    dataset = image(world, "video")
    source = world.corpus["video"]
    content_type = f"video/mp4; transfer-syntax={source.transfer_syntax}"
    answer = post_json(
        world,
        [document(dataset, {"7FE00010": "bulk/1"})],
        [_bulk(content_type, "bulk/1", source.frames[0])],
    ).status_in(200, 202)
    found = read(world.get(_path(dataset), ANY_DICOM).ok().part().body)
    answer.must(source.frames[0] in found.PixelData, "the stream unchanged")


@check("T9.palette", MAY, "10.5.2", "a PNG with a palette becomes RGB or PALETTE COLOR")
def palette_png(world: World) -> None:
    dataset = image(world, "fragmented", described=False)
    answer = post_json(
        world,
        [document(dataset, {"7FE00010": "bulk/1"})],
        [_bulk("image/png", "bulk/1", pixels.palette_png(bytes(64)))],
    ).offered(400, 409, 415, 501)
    answer.status_in(200, 202)
    found = world.metadata(_path(dataset)).dataset()
    answer.must(first(found, "00280004") in ("RGB", "PALETTE COLOR"), "RGB or PALETTE COLOR")


@check(
    "T10.unchanged", SHOULD, "10.5.2", "a change of what was stored is told by Original Attributes"
)
def coercion(world: World) -> None:
    instance = fresh(world)
    world.store([instance.file()]).status_in(200, 202)
    answer = world.metadata(instance.path)
    found = answer.dataset()
    kept = first(found, "00100020") == instance.dataset.PatientID
    answer.must(kept or "04000561" in found, "Patient ID as stored, or 04000561")


@check(
    "T11.meta-wins", SHALL, "8.7.9", "the File Meta's transfer syntax beats that of Content-Type"
)
def meta_wins(world: World) -> None:
    instance = fresh(world)
    wrong = "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.50"
    world.post([({"Content-Type": wrong}, instance.file())], _DICOM).ok()
    found = read(world.get(instance.path, ANY_DICOM).ok().part().body)
    if found.file_meta.TransferSyntaxUID != EXPLICIT:
        raise Failed(f"stored as {found.file_meta.TransferSyntaxUID}; expected {EXPLICIT}")


@check("T12.again", SHOULD, "10.5", "the same instance again is no error")
def again(world: World) -> None:
    instance = fresh(world)
    world.store([instance.file()]).ok()
    world.store([instance.file()]).status_in(200, 202)
    answer = world.search(f"{instance.series_path}/instances")
    answer.equal(len(answer.datasets()), 1, "instances")


@check("T12.twice", SHOULD, "10.5", "the same instance twice in one request is no error")
def twice(world: World) -> None:
    instance = fresh(world)
    world.store([instance.file(), instance.file()]).status_in(200, 202)
    answer = world.search(f"{instance.series_path}/instances")
    answer.equal(len(answer.datasets()), 1, "instances")


def _status(
    identifier: str, level: Level, title: str, content_type: str, body: bytes, *codes: int
) -> Check:
    def run(world: World) -> None:
        headers = {"Content-Type": content_type} if content_type else {}
        answer = world.client.request(
            "POST", "/studies", accept=JSON, headers=headers, content=body
        )
        answer.status_in(*codes)

    return check(identifier, level, "10.5.3", f"{title}: {' or '.join(map(str, codes))}")(run)


_HEAD = 'multipart/related; type="application/dicom"; boundary=b'

STATUS = (
    _status("SC2.type", SHALL, "a Content-Type that is not supported", "text/plain", b"x", 415),
    _status("SC2.no-type", SHALL, "no Content-Type", "", b"x", 400, 415),
    _status("SC2.part-type", SHALL, "multipart of an unsupported type",
            'multipart/related; type="text/plain"; boundary=b', b"--b\r\n\r\nx\r\n--b--\r\n", 415),
    _status("SC2.no-boundary", SHALL, "multipart without boundary",
            'multipart/related; type="application/dicom"', b"x", 400, 415),
    _status("SC2.no-parts", SHALL, "multipart without a part", _HEAD, b"--b--\r\n", 400, 409),
    _status("SC2.truncated", SHALL, "multipart without its end", _HEAD,
            b"--b\r\nContent-Type: application/dicom\r\n\r\nx", 400, 409),
    _status("SC2.garbage", SHALL, "a part that is no DICOM", _HEAD,
            b"--b\r\nContent-Type: application/dicom\r\n\r\nhello\r\n--b--\r\n", 400, 409),
    _status("SC2.empty", SHALL, "an empty body", _HEAD, b"", 400, 409, 411),
)  # fmt: skip


@check("SC2.partly", SHALL, "10.5.3", "one stored and one that is no DICOM: 202")
def partly(world: World) -> None:
    instance = fresh(world)
    answer = world.store([instance.file(), b"no DICOM at all"]).status_in(202)
    answer.equal(_stored(answer), [instance.uid], "Referenced SOP Sequence")
    response = response_of(answer)
    told = items(response, "0008119A") + items(response, "00081198")
    answer.equal(len(told), 1, "failures told")


@check("SC2.other-failures", SHALL, "I.2", "what has no SOP Instance UID is told in Other Failures")
def other_failures(world: World) -> None:
    answer = world.store([fresh(world).file(), b"no DICOM at all"]).status_in(202)
    reasons = [first(item, "00081197") for item in items(response_of(answer), "0008119A")]
    answer.must(len(reasons) == 1 and isinstance(reasons[0], int), "0008119A with a Failure Reason")


def _response(world: World) -> tuple[Instance, Answer, Dataset]:
    instance = fresh(world)
    answer = world.store([instance.file()]).ok()
    return instance, answer, response_of(answer)


@check("SR.url", SHALL, "I.2", "Retrieve URL 00081190 is present in the response")
def study_url(world: World) -> None:
    instance, answer, response = _response(world)
    answer.must("00081190" in response, "00081190")
    urls = values(response, "00081190")
    answer.must(not urls or instance.study in str(urls[0]), "the URL of the study, or no value")


@check("SR.url-vr", SHALL, "I.2", "Retrieve URL has the VR UR")
def study_url_vr(world: World) -> None:
    _, answer, response = _response(world)
    answer.equal(response.get("00081190", {}).get("vr"), "UR", "VR")


@check("SR.referenced", SHALL, "I.2", "stored instances are told with class, UID and Retrieve URL")
def referenced(world: World) -> None:
    instance, answer, response = _response(world)
    item = (items(response, "00081199") or [{}])[0]
    found = (first(item, "00081150"), first(item, "00081155"))
    answer.equal(found, (instance.sop_class, instance.uid), "class and UID")
    answer.must("00081190" in item, "00081190 of the instance")


@check("SR.instance-url", SHALL, "I.2", "the Retrieve URL of a stored instance can be retrieved")
def instance_url(world: World) -> None:
    _, answer, response = _response(world)
    url = first((items(response, "00081199") or [{}])[0], "00081190")
    answer.must(isinstance(url, str), "a Retrieve URL")
    world.get(str(url), ANY_DICOM).ok()


@check("SR.no-failures", SHALL, "I.2", "no Failed SOP Sequence when nothing failed")
def no_failures(world: World) -> None:
    _, answer, response = _response(world)
    answer.equal(len(items(response, "00081198")), 0, "failures")


@check("SR.failed", SHALL, "I.2", "failed instances are told with class, UID and reason")
def failed(world: World) -> None:
    right, wrong = fresh(world), fresh(world)
    answer = world.store([right.file(), wrong.file()], right.study_path).status_in(202)
    item = (items(response_of(answer), "00081198") or [{}])[0]
    found = (first(item, "00081150"), first(item, "00081155"))
    answer.equal(found, (wrong.sop_class, wrong.uid), "class and UID")
    answer.must(isinstance(first(item, "00081197"), int), "00081197 as a number")


@check("SR.reason", SHALL, "I.2.2", "the reason is one of the table or of PS3.7")
def reason(world: World) -> None:
    right, wrong = fresh(world), fresh(world)
    answer = world.store([right.file(), wrong.file()], right.study_path).status_in(202)
    for code in failures(answer):
        known = code >> 8 in range(0xA7, 0xB0) or code >> 12 == 0xC or code in _REASONS
        answer.must(known, f"another reason than {code:04X}")


_REASONS = (0x0110, 0x0111, 0x0117, 0x0119, 0x0122, 0x0124)


@check("SR.all-failed", SHALL, "10.5.3", "nothing stored: 409 with the response module")
def all_failed(world: World) -> None:
    instance = fresh(world)
    other = new_uid()
    answer = world.store([instance.file()], f"/studies/{other}").status_in(409)
    answer.equal(_failed(answer), [instance.uid], "Failed SOP Sequence")


@check("SR.xml", SHALL, "10.5.4-1", "the response as DICOM XML")
def xml_response(world: World) -> None:
    answer = world.store([fresh(world).file()], accept="application/dicom+xml").ok()
    root = answer.typed("application/dicom+xml").xml()
    answer.must(root.tag.endswith("NativeDicomModel"), "a NativeDicomModel document")


@check("SR.location", SHOULD, "10.5.3-2", "Content-Location or Location names what was created")
def location(world: World) -> None:
    instance, answer, _ = _response(world)
    named = answer.headers.get("content-location", "") + answer.headers.get("location", "")
    answer.must(instance.study in named, "Content-Location or Location with the study")


@check("SR.no-uid", SHALL, "10.5.3", "an instance without Study Instance UID is refused")
def no_study(world: World) -> None:
    dataset = deepcopy(fresh(world).dataset)
    del dataset.StudyInstanceUID
    world.store([part10(dataset, EXPLICIT)]).status_in(400, 409)


@check(
    "SR.unknown-class", MAY, "10.5.2", "an instance of an unknown SOP class: stored, or reason 0122"
)
def unknown_class(world: World) -> None:
    instance = fresh(world)
    instance.dataset.SOPClassUID = "1.2.3.4.5.6"
    answer = world.store([instance.file()]).status_in(200, 202, 409)
    if failures(answer):
        answer.must(0x0122 in failures(answer), "Failure Reason 0122")


@check("T1.classes", SHALL, "10.5.1.4", "instances of several SOP classes are taken")
def classes(world: World) -> None:
    refused = [i.name for i in world.corpus if i.name in world.refused]
    wanted = {SECONDARY_CAPTURE, MULTIFRAME_BYTE}
    lost = [
        n for n in refused if world.corpus[n].sop_class in wanted and "409" not in world.refused[n]
    ]
    if lost:
        raise Failed(f"asked to store {', '.join(lost)}; answered {world.refused[lost[0]]}")


def _stored(answer: Answer) -> list[str]:
    return [str(first(item, "00081155")) for item in items(response_of(answer), "00081199")]


def _failed(answer: Answer) -> list[str]:
    return [str(first(item, "00081155")) for item in items(response_of(answer), "00081198")]


CHECKS = checks_of(globals().values())
