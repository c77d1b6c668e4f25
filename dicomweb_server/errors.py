"""Every error that the archive raises on purpose, in one tree that knows no protocol.

::

    ArchiveError
    ├── InvalidRequest                  the request itself is wrong
    │   ├── InvalidParameter            a query parameter or header value
    │   ├── InvalidIdentifier           not a UID
    │   ├── InvalidMultipart            the multipart framing
    │   └── BodyStalled                 the body stopped coming
    ├── PayloadTooLarge                 a limit was met
    ├── UnsupportedContent              the body's media type is not understood
    ├── NotAcceptable                   no acceptable representation can be made
    │   └── FrameUndecodable            the pixels cannot be decoded or become what was asked
    ├── CodecFailed                     a codec crashed, hung or met its limits on a frame
    ├── NotSupported                    a valid request for what the archive does not do
    ├── NotAuthenticated                who are you?
    ├── NotPermitted                    you may not
    ├── NotFound                        no such study, series, instance
    │   └── FrameOutOfRange             fewer frames than asked for
    ├── RangeNotSatisfiable             byte range outside the representation
    ├── PreconditionFailed              a conditional request does not hold
    ├── StudyConflict                   none of the instances could be stored
    ├── InstanceRejected                one instance cannot be stored, with a FailureReason
    ├── Unavailable                     try again later
    │   ├── QueryDeadlineExceeded       a search ran out of time
    │   ├── TooBusy                     queues are full
    │   └── StoreReadOnly               writing is suspended
    ├── StoreFull                       no space left
    ├── BlobDamaged                     stored bytes are missing or not what was stored
    └── ConfigurationError              settings that cannot work

HTTP statuses are mapped in ``web/errors.py`` and nowhere else, those of DIMSE in
``dimse/status.py``; failure reasons of single
instances travel as ``model.outcome.FailureReason``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicomweb_server.model.outcome import FailureReason


class ArchiveError(Exception):
    """Base of all errors raised on purpose.

    Args:
        detail: What was wrong, without patient data.
        hint: What would have worked; may be empty.
    """

    def __init__(self, detail: str, hint: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint

    def forget_places(self) -> None:
        """Let go of where it was raised, which holds all that was in hand there: pixels, mostly.

        For errors that are kept, to be told later.
        """
        self.__traceback__ = self.__cause__ = self.__context__ = None


class InvalidRequest(ArchiveError):
    """The request is not well formed."""


class InvalidParameter(InvalidRequest):
    """A query parameter or header has a value that its rule does not allow.

    Args:
        name: Name of the parameter.
        detail: What was wrong with its value.
        hint: What would be valid.
    """

    def __init__(self, name: str, detail: str, hint: str = "") -> None:
        super().__init__(f"{name}: {detail}", hint)
        self.name = name


class InvalidIdentifier(InvalidRequest):
    """A UID in the request is not a UID (PS3.5 9.1)."""


class InvalidMultipart(InvalidRequest):
    """The multipart body cannot be read (RFC 2046, PS3.18 8.6.1.2)."""


class BodyStalled(InvalidRequest):
    """The client sent nothing for too long while its body was awaited (T23)."""


class PayloadTooLarge(ArchiveError):
    """A request or one of its members is larger than the limit set."""


class UnsupportedContent(ArchiveError):
    """The Content-Type of the request is not one that the resource takes."""


class NotAcceptable(ArchiveError):
    """Nothing that the client accepts can be delivered (PS3.18 8.7.8).

    Args:
        detail: What was wrong.
        hint: What would have worked, as a sentence.
        asked: What the client accepts, as far as it was understood.
        stored: The form in which the resource is stored.
        offered: What would have worked, as members of the header in question.
    """

    def __init__(
        self,
        detail: str,
        hint: str = "",
        *,
        asked: Sequence[str] = (),
        stored: str = "",
        offered: Sequence[str] = (),
    ) -> None:
        super().__init__(detail, hint)
        self.asked = tuple(asked)
        self.stored = stored
        self.offered = tuple(offered)


class FrameUndecodable(NotAcceptable):
    """The pixels of a frame are damaged, lie about their size, or cannot become what was asked."""


class CodecFailed(ArchiveError):
    """A codec crashed, hung or met its limits on a frame; other frames are not affected."""


class NotSupported(ArchiveError):
    """The request is valid and asks for something that the archive does not do."""


class NotAuthenticated(ArchiveError):
    """The request needs credentials."""


class NotPermitted(ArchiveError):
    """The principal is known and may not do this."""


class NotFound(ArchiveError):
    """The resource does not exist, or the principal may not know of it."""


class FrameOutOfRange(NotFound):
    """A frame number above the number of frames, or frames of an instance without any."""


class RangeNotSatisfiable(ArchiveError):
    """The byte range lies outside the representation (RFC 9110 15.5.17).

    Args:
        size: Length of the whole representation, in bytes.
    """

    def __init__(self, size: int) -> None:
        super().__init__(f"the representation has {size} bytes")
        self.size = size


class PreconditionFailed(ArchiveError):
    """If-Match or If-None-Match does not hold on a request that changes state."""


class StudyConflict(ArchiveError):
    """No instance of the request could be stored."""


class InstanceRejected(ArchiveError):
    """One instance cannot be stored; others of the request are not affected.

    Args:
        reason: The code for the response module (PS3.18 Annex I).
        detail: What was wrong, without patient data.
        hint: What would have worked.
        sop_class: SOP Class UID where the scan came so far, else empty.
        instance: SOP Instance UID where the scan came so far, else empty.
    """

    def __init__(
        self,
        reason: FailureReason,
        detail: str,
        hint: str = "",
        *,
        sop_class: str = "",
        instance: str = "",
    ) -> None:
        super().__init__(detail, hint)
        self.reason = reason
        self.sop_class = sop_class
        self.instance = instance


class Unavailable(ArchiveError):
    """The archive cannot answer now and may later."""

    retry_after: int = 5


class QueryDeadlineExceeded(Unavailable):
    """A search took longer than its deadline and was stopped."""


class TooBusy(Unavailable):
    """A bounded queue is full."""

    retry_after = 1


class StoreReadOnly(Unavailable):
    """Writing is suspended because the disk refused a write."""

    retry_after = 30


class StoreFull(ArchiveError):
    """No space is left for what should be stored."""


class BlobDamaged(ArchiveError):
    """Stored bytes are missing, too short, or differ from their hash.

    Args:
        detail: What is wrong with them.
        hint: What helps.
        final: Whether nothing of what was asked is left, so that leaving out helps no more.
    """

    def __init__(self, detail: str, hint: str = "", *, final: bool = False) -> None:
        super().__init__(detail, hint)
        self.final = final


class ConfigurationError(ArchiveError):
    """The settings cannot work; the text says which one and what would."""
