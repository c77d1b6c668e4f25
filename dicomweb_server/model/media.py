"""Transfer syntaxes and the media types in which their pixels travel (PS3.18 8.7.3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED_LITTLE = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
ENCAPSULATED_UNCOMPRESSED = "1.2.840.10008.1.2.1.98"
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"

APPLICATION_DICOM = "application/dicom"
APPLICATION_ZIP = "application/zip"
DICOM_JSON = "application/dicom+json"
DICOM_XML = "application/dicom+xml"
OCTET_STREAM = "application/octet-stream"
MULTIPART_RELATED = "multipart/related"


class Encoding(Enum):
    """How a transfer syntax lays out pixel data."""

    NATIVE = "native"
    ENCAPSULATED = "encapsulated"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class TransferSyntax:
    """One transfer syntax of PS3.6 Annex A.

    Args:
        uid: Its UID.
        name: Its name.
        encoding: How pixels lie in the file.
        media_type: Media type of its pixels as bulk data (PS3.18 Table 8.7.3-5).
        lossy: Whether encoding may lose information.
        default: Whether it is the default of its media type.
    """

    uid: str
    name: str
    encoding: Encoding
    media_type: str
    lossy: bool = False
    default: bool = False

    @property
    def is_native(self) -> bool:
        """Whether pixels lie uncompressed and without fragments."""
        return self.encoding is Encoding.NATIVE


_N, _E, _V = Encoding.NATIVE, Encoding.ENCAPSULATED, Encoding.VIDEO
_P = "1.2.840.10008.1.2."

TRANSFER_SYNTAXES: dict[str, TransferSyntax] = {
    syntax.uid: syntax
    for syntax in (
        TransferSyntax(IMPLICIT_LITTLE, "Implicit VR Little Endian", _N, OCTET_STREAM),
        TransferSyntax(
            EXPLICIT_LITTLE, "Explicit VR Little Endian", _N, OCTET_STREAM, default=True
        ),
        TransferSyntax(
            ENCAPSULATED_UNCOMPRESSED,
            "Encapsulated Uncompressed Explicit VR Little Endian",
            _E,
            OCTET_STREAM,
        ),
        TransferSyntax(DEFLATED_LITTLE, "Deflated Explicit VR Little Endian", _N, OCTET_STREAM),
        TransferSyntax(EXPLICIT_BIG, "Explicit VR Big Endian", _N, OCTET_STREAM),
        TransferSyntax(_P + "4.50", "JPEG Baseline (Process 1)", _E, "image/jpeg", True),
        TransferSyntax(_P + "4.51", "JPEG Extended (Process 2 and 4)", _E, "image/jpeg", True),
        TransferSyntax(_P + "4.57", "JPEG Lossless (Process 14)", _E, "image/jpeg"),
        TransferSyntax(
            _P + "4.70", "JPEG Lossless (Process 14 SV1)", _E, "image/jpeg", default=True
        ),
        TransferSyntax(_P + "4.80", "JPEG-LS Lossless", _E, "image/jls", default=True),
        TransferSyntax(_P + "4.81", "JPEG-LS Near-Lossless", _E, "image/jls", True),
        TransferSyntax(_P + "4.90", "JPEG 2000 Lossless", _E, "image/jp2", default=True),
        TransferSyntax(_P + "4.91", "JPEG 2000", _E, "image/jp2", True),
        TransferSyntax(_P + "4.92", "JPEG 2000 Part 2 Lossless", _E, "image/jpx", default=True),
        TransferSyntax(_P + "4.93", "JPEG 2000 Part 2", _E, "image/jpx", True),
        TransferSyntax(_P + "4.100", "MPEG2 MP@ML", _V, "video/mpeg", True),
        TransferSyntax(_P + "4.100.1", "Fragmentable MPEG2 MP@ML", _V, "video/mpeg", True),
        TransferSyntax(_P + "4.101", "MPEG2 MP@HL", _V, "video/mpeg", True, True),
        TransferSyntax(_P + "4.101.1", "Fragmentable MPEG2 MP@HL", _V, "video/mpeg", True),
        TransferSyntax(_P + "4.102", "MPEG-4 AVC HiP@4.1", _V, "video/mp4", True, True),
        TransferSyntax(_P + "4.102.1", "Fragmentable MPEG-4 AVC HiP@4.1", _V, "video/mp4", True),
        TransferSyntax(_P + "4.103", "MPEG-4 AVC BD HiP@4.1", _V, "video/mp4", True),
        TransferSyntax(_P + "4.103.1", "Fragmentable MPEG-4 AVC BD HiP@4.1", _V, "video/mp4", True),
        TransferSyntax(_P + "4.104", "MPEG-4 AVC HiP@4.2 2D", _V, "video/mp4", True),
        TransferSyntax(_P + "4.104.1", "Fragmentable MPEG-4 AVC HiP@4.2 2D", _V, "video/mp4", True),
        TransferSyntax(_P + "4.105", "MPEG-4 AVC HiP@4.2 3D", _V, "video/mp4", True),
        TransferSyntax(_P + "4.105.1", "Fragmentable MPEG-4 AVC HiP@4.2 3D", _V, "video/mp4", True),
        TransferSyntax(_P + "4.106", "MPEG-4 AVC Stereo HiP@4.2", _V, "video/mp4", True),
        TransferSyntax(
            _P + "4.106.1", "Fragmentable MPEG-4 AVC Stereo HiP@4.2", _V, "video/mp4", True
        ),
        TransferSyntax(_P + "4.107", "HEVC/H.265 MP@5.1", _V, "video/H265", True, True),
        TransferSyntax(_P + "4.108", "HEVC/H.265 M10P@5.1", _V, "video/H265", True),
        TransferSyntax(_P + "4.110", "JPEG XL Lossless", _E, "image/jxl", default=True),
        TransferSyntax(_P + "4.111", "JPEG XL JPEG Recompression", _E, "image/jxl", True),
        TransferSyntax(_P + "4.112", "JPEG XL", _E, "image/jxl", True),
        TransferSyntax(
            _P + "4.201", "High-Throughput JPEG 2000 Lossless", _E, "image/jphc", default=True
        ),
        TransferSyntax(_P + "4.202", "High-Throughput JPEG 2000 RPCL Lossless", _E, "image/jphc"),
        TransferSyntax(_P + "4.203", "High-Throughput JPEG 2000", _E, "image/jphc", True),
        TransferSyntax(_P + "5", "RLE Lossless", _E, "image/dicom-rle", default=True),
        TransferSyntax(DEFLATED_FRAMES, "Deflated Image Frame", _E, OCTET_STREAM),
    )
}

MEDIA_TYPE_ALIASES = {
    "image/x-dicom-rle": "image/dicom-rle",
    "image/x-jls": "image/jls",
    "image/jll": "image/jpeg",
    "application/json": DICOM_JSON,
}
"""Old and foreign names of media types, in lower case (PS3.18 Table 8.7.3-5 notes)."""


def media_type_of(transfer_syntax: str) -> str:
    """Media type of pixels in a transfer syntax; octet-stream where it is unknown."""
    known = TRANSFER_SYNTAXES.get(transfer_syntax)
    return known.media_type if known else OCTET_STREAM


_DEFAULTS = {
    syntax.media_type: syntax.uid for syntax in TRANSFER_SYNTAXES.values() if syntax.default
}


def default_syntax(media_type: str) -> str:
    """Default transfer syntax of a media type of pixels, empty where there is none."""
    return _DEFAULTS.get(media_type, "")


def is_lossy(transfer_syntax: str) -> bool:
    """Whether encoding in a transfer syntax may lose information."""
    known = TRANSFER_SYNTAXES.get(transfer_syntax)
    return known is not None and known.lossy


def is_video(transfer_syntax: str) -> bool:
    """Whether a transfer syntax is one of video, which is delivered as it is stored."""
    known = TRANSFER_SYNTAXES.get(transfer_syntax)
    return known is not None and known.encoding is Encoding.VIDEO


def named(transfer_syntax: str) -> str:
    """A transfer syntax for people: its UID, and its name where it has one."""
    known = TRANSFER_SYNTAXES.get(transfer_syntax)
    return f"{transfer_syntax} ({known.name})" if known else transfer_syntax
