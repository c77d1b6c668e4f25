"""Store: metadata with bulk data (PS3.18 10.5.1.4, 10.5.2)."""

from __future__ import annotations

import base64
import json
from xml.sax.saxutils import escape

from pydicom.dataset import Dataset as PydicomDataset

from conformance.answer import Answer, Dataset
from conformance.checks.retrieve import read
from conformance.checks.store import fresh, stored_of
from conformance.model import MAY, SHALL, check, checks_of
from conformance.synthetic import pixels
from conformance.synthetic.images import ENCAPSULATED_PDF
from conformance.synthetic.instance import EXPLICIT, JPEG_BASELINE
from conformance.synthetic.values import PDF
from conformance.world import (
    ANY_DICOM,
    ANY_OCTETS,
    JSON,
    World,
    first,
    items,
)


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


_DESCRIPTION = (
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
)


def image(world: World, name: str = "multi", *, described: bool = True) -> PydicomDataset:
    """The data set of a new image without its pixels."""
    dataset = fresh(world, name).dataset
    del dataset.PixelData
    if not described:
        for keyword in _DESCRIPTION:
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
    answer.ok().equal(stored_of(answer), [dataset.SOPInstanceUID], "stored")
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
        sorted(stored_of(answer)), sorted([one.SOPInstanceUID, two.SOPInstanceUID]), "stored"
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
    answer.equal(stored_of(answer), [dataset.SOPInstanceUID], "stored")
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
    answer.equal(stored_of(answer), [dataset.SOPInstanceUID], "stored")
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


CHECKS = checks_of(globals().values())
