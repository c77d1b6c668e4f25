"""Errors to statuses of DIMSE responses (PS3.7 Annex C, PS3.4 B.2.3, C.4.1.1.4, C.4.2.1.5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dicomweb_server import errors
from dicomweb_server.errors import ArchiveError, InstanceRejected
from dicomweb_server.model.outcome import FailureReason

SUCCESS = 0x0000
SOP_CLASS_NOT_SUPPORTED = 0x0122
NOT_AUTHORISED = 0x0124
OUT_OF_RESOURCES = 0xA700
DOES_NOT_MATCH = 0xA900
CANNOT_UNDERSTAND = 0xC000
PROCESSING_FAILURE = 0xC110
"""Within the range "unable to process"; the code 0110H belongs to the services of DIMSE-N."""
DUPLICATE_INSTANCE = 0xC111
"""Within the range "cannot understand", for the same reason."""

_COMMENT = 64
"""Characters of an Error Comment (0000,0902), which is an LO."""

STATUS: Mapping[type[ArchiveError], int] = MappingProxyType(
    {
        errors.ArchiveError: CANNOT_UNDERSTAND,
        errors.InvalidRequest: CANNOT_UNDERSTAND,
        errors.InvalidParameter: DOES_NOT_MATCH,
        errors.InvalidIdentifier: DOES_NOT_MATCH,
        errors.InvalidMultipart: CANNOT_UNDERSTAND,
        errors.BodyStalled: CANNOT_UNDERSTAND,
        errors.PayloadTooLarge: OUT_OF_RESOURCES,
        errors.UnsupportedContent: CANNOT_UNDERSTAND,
        errors.NotAcceptable: CANNOT_UNDERSTAND,
        errors.FrameUndecodable: CANNOT_UNDERSTAND,
        errors.CodecFailed: PROCESSING_FAILURE,
        errors.NotSupported: SOP_CLASS_NOT_SUPPORTED,
        errors.NotAuthenticated: NOT_AUTHORISED,
        errors.NotPermitted: NOT_AUTHORISED,
        errors.NotFound: CANNOT_UNDERSTAND,
        errors.FrameOutOfRange: CANNOT_UNDERSTAND,
        errors.RangeNotSatisfiable: CANNOT_UNDERSTAND,
        errors.PreconditionFailed: CANNOT_UNDERSTAND,
        errors.StudyConflict: CANNOT_UNDERSTAND,
        errors.InstanceRejected: CANNOT_UNDERSTAND,  # or as its reason says
        errors.Unavailable: OUT_OF_RESOURCES,
        errors.QueryDeadlineExceeded: OUT_OF_RESOURCES,
        errors.TooBusy: OUT_OF_RESOURCES,
        errors.StoreReadOnly: OUT_OF_RESOURCES,
        errors.StoreFull: OUT_OF_RESOURCES,
        errors.BlobDamaged: PROCESSING_FAILURE,
        errors.ConfigurationError: PROCESSING_FAILURE,
    }
)

REASONS: Mapping[FailureReason, int] = MappingProxyType(
    {
        FailureReason.PROCESSING_FAILURE: PROCESSING_FAILURE,
        FailureReason.DUPLICATE_INSTANCE: DUPLICATE_INSTANCE,
        FailureReason.SOP_CLASS_NOT_SUPPORTED: SOP_CLASS_NOT_SUPPORTED,
        FailureReason.NOT_AUTHORISED: NOT_AUTHORISED,
        FailureReason.OUT_OF_RESOURCES: OUT_OF_RESOURCES,
        FailureReason.DOES_NOT_MATCH_SOP_CLASS: DOES_NOT_MATCH,
        FailureReason.CANNOT_UNDERSTAND: CANNOT_UNDERSTAND,
        FailureReason.TRANSFER_SYNTAX_NOT_SUPPORTED: 0xC122,
    }
)


@dataclass(frozen=True, slots=True)
class Status:
    """What a response says.

    Args:
        code: Status (0000,0900).
        comment: Error Comment (0000,0902), at most 64 characters of ASCII; may be empty.
    """

    code: int
    comment: str = ""


def comment(text: str) -> str:
    """A text as Error Comment: plain ASCII without a backslash, cut at 64 characters."""
    plain = "".join(c if " " <= c <= "~" and c != "\\" else "?" for c in text)
    return plain if len(plain) <= _COMMENT else plain[: _COMMENT - 3].rstrip() + "..."


def status_of(error: Exception) -> Status:
    """The status of an error; one that is not ours says only that processing failed."""
    if isinstance(error, InstanceRejected):
        return Status(REASONS[error.reason], comment(error.detail))
    if isinstance(error, ArchiveError):
        kind = next(each for each in type(error).__mro__ if each in STATUS)
        return Status(STATUS[kind], comment(error.detail))
    return Status(PROCESSING_FAILURE, "an error inside the server")
