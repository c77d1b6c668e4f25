"""Requests of the URI service, known as WADO-URI (PS3.18 9)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from dicomweb_server.errors import InvalidParameter, NotSupported
from dicomweb_server.model.ids import InstanceKey, is_uid
from dicomweb_server.model.media import APPLICATION_DICOM
from dicomweb_server.model.rendering import Annotation, Region, RenderOptions, Viewport, Window
from dicomweb_server.wire import accept
from dicomweb_server.wire.mediarange import canonical, parse_parameter
from dicomweb_server.wire.querystring import Parameter
from dicomweb_server.wire.rendered import MAXIMUM_SIDE, annotations_of, number_of, quality_of

REQUEST_TYPE = "requestType"
"""The parameter whose presence makes a request one of this service."""
ANY_SYNTAX = "*"

RENDERED_TYPES = (
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/jp2",
    "image/jph",
    "image/jxl",
    "image/webp",
    "image/svg+xml",
    "video/mpeg",
    "video/mp4",
    "video/H265",
    "text/html",
    "text/plain",
    "text/xml",
    "text/rtf",
    "application/rtf",
    "application/pdf",
)
"""Rendered media types of PS3.18 8.7.4; the first is the default of the service."""

_MANDATORY = (REQUEST_TYPE, "studyUID", "seriesUID", "objectUID")
_WINDOW = ("windowCenter", "windowWidth")
_STATE = ("presentationSeriesUID", "presentationUID")
_PICTURE = ("frameNumber", "imageQuality", "rows", "columns", "region", *_STATE)
_ANNOTATIONS = ("imageAnnotation", "annotation")
_DICOM_ONLY = ("transferSyntax",)
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class DicomRequest:
    """Retrieve DICOM Instance (PS3.18 9.4).

    Args:
        key: The instance.
        transfer_syntax: A UID, or `*` for the stored form (an extension that viewers use); empty
            for the default: Explicit VR Little Endian wherever that can be (8.7.3.4).
        ignored: Names of parameters that have no meaning here.
    """

    key: InstanceKey
    transfer_syntax: str
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RenderedRequest:
    """Retrieve Rendered Instance (PS3.18 9.5).

    Args:
        key: The instance.
        content_types: Values of `contentType`, to be taken like those of `accept`.
        options: How the picture is to look.
        frame: Frame number from 1; None for the default of the instance.
        presentation: The presentation state to be applied, of the same study.
        unsupported: Keywords of `imageAnnotation` that are unknown.
        ignored: Names of parameters that have no meaning here.
    """

    key: InstanceKey
    content_types: tuple[str, ...] = ()
    options: RenderOptions = field(default_factory=RenderOptions)
    frame: int | None = None
    presentation: InstanceKey | None = None
    unsupported: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


UriRequest = DicomRequest | RenderedRequest


def is_uri_request(parameters: Sequence[Parameter]) -> bool:
    """Whether a request of the root is one of this service."""
    return any(parameter.name in _MANDATORY for parameter in parameters)


def parse(
    parameters: Sequence[Parameter], header: Sequence[str], *, strict: bool = False
) -> UriRequest:
    """Read a request and tell which of the two transactions it is.

    Args:
        parameters: Of the query string; unknown ones do not matter.
        header: All lines of the Accept header.
        strict: Refuse rendered requests without an Accept header (PS3.18 8.7.5).

    Raises:
        InvalidParameter: One of them is missing, given twice, malformed, or goes with another not.
        NotAcceptable: The client accepts nothing that this service gives.
        NotSupported: Anonymization is asked for.
    """
    given = _Given(parameters)
    key = _key(given)
    types = _content_types(given)
    _refuse_anonymization(given)
    syntax = _transfer_syntax(given)
    window = _window(given)
    if _is_dicom(types, header, strict):
        if window is not None:
            raise InvalidParameter(
                _WINDOW[0], "goes with rendered media types only", "leave it out"
            )
        return DicomRequest(key, syntax, given.among(*_PICTURE, *_ANNOTATIONS))
    presentation = _presentation(given, key.study)
    if presentation is not None:
        _require_alone(given)
    annotations, unsupported = _annotations(given)
    options = RenderOptions(
        quality=_quality(given),
        viewport=_viewport(given),
        region=_region(given),
        window=window,
        annotations=annotations,
        profile=None,
    )
    frame = given.whole("frameNumber", 1, 999_999_999)
    ignored = given.among(*_DICOM_ONLY)
    return RenderedRequest(key, types, options, frame, presentation, unsupported, ignored)


class _Given:
    """Parameters by name, each at most once."""

    __slots__ = ("_parameters", "_values")

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self._parameters = parameters
        self._values: dict[str, str] = {}
        for parameter in parameters:
            self._values.setdefault(parameter.name, parameter.value)

    def all(self, name: str) -> list[str]:
        return [parameter.value for parameter in self._parameters if parameter.name == name]

    def among(self, *names: str) -> tuple[str, ...]:
        return tuple(name for name in names if name in self._values)

    def one(self, name: str, hint: str) -> str | None:
        """The value of a parameter; None where it is not there."""
        if len(self.all(name)) > 1:
            raise InvalidParameter(name, "is given more than once", hint)
        return self._values.get(name)

    def uid(self, name: str) -> str | None:
        hint = "a UID has 1 to 64 characters, digits and dots only"
        value = self.one(name, hint)
        if value is not None and not is_uid(value):
            raise InvalidParameter(name, "is not a UID", hint)
        return value

    def whole(self, name: str, least: int, greatest: int) -> int | None:
        hint = f"a whole number from {least} to {greatest}"
        value = self.one(name, hint)
        if value is None:
            return None
        number = int(value) if _WHOLE_NUMBER.fullmatch(value) else least - 1
        if not least <= number <= greatest:
            raise InvalidParameter(name, f"is not {hint}", hint)
        return number

    def decimal(self, name: str) -> float | None:
        value = self.one(name, "a decimal number")
        return None if value is None else _decimal(name, value)


def _decimal(name: str, text: str) -> float:
    number = number_of(text)
    if number is None:
        raise InvalidParameter(name, "is not a decimal number", "for example 40, -600 or 0.5")
    return number


def _key(given: _Given) -> InstanceKey:
    hint = "a request has requestType=WADO, studyUID, seriesUID and objectUID"
    kind = given.one(REQUEST_TYPE, hint)
    if kind != "WADO":
        problem = "is missing" if kind is None else "is not WADO"
        raise InvalidParameter(REQUEST_TYPE, problem, hint)
    uids = []
    for name in _MANDATORY[1:]:
        uid = given.uid(name)
        if uid is None:
            raise InvalidParameter(name, "is missing", hint)
        uids.append(uid)
    return InstanceKey(*uids)


def _content_types(given: _Given) -> tuple[str, ...]:
    """The values of `contentType`: application/dicom, or rendered media types (9.1.2.2.1)."""
    name = "contentType"
    values = tuple(given.all(name))
    try:
        ranges = parse_parameter(values)
    except InvalidParameter as error:
        raise InvalidParameter(
            name, error.detail.partition(": ")[2], "for example image/jpeg or application/dicom"
        ) from None
    if values and not ranges:
        raise InvalidParameter(name, "is empty", "for example image/jpeg or application/dicom")
    for member in ranges:
        for forbidden in ("transfer-syntax", "charset"):
            if member.parameter(forbidden) is not None:
                raise InvalidParameter(
                    name,
                    f"{forbidden} has no place in it",
                    "use the parameters transferSyntax and charset",
                )
    kinds = {member.content == APPLICATION_DICOM for member in ranges}
    if len(kinds) > 1 or (True in kinds and len(ranges) > 1):
        raise InvalidParameter(
            name, "names application/dicom among others", "application/dicom stands alone"
        )
    return values


def _is_dicom(types: Sequence[str], header: Sequence[str], strict: bool) -> bool:
    """Whether the selected media type is application/dicom (9.3); the header is optional for it."""
    named = [member.content for member in parse_parameter(types)]
    lines = [line for line in header if line.strip()]
    if not lines and named == [APPLICATION_DICOM]:
        return True
    offered = (*RENDERED_TYPES, APPLICATION_DICOM)
    return canonical(accept.choose(lines, types, offered, strict)) == APPLICATION_DICOM


def _refuse_anonymization(given: _Given) -> None:
    """Refuse what would be dangerous to ignore (9.4.2.3)."""
    value = given.one("anonymize", "anonymize=yes, or leave it out")
    if value is None:
        return
    if value != "yes":
        raise InvalidParameter("anonymize", "is not yes", "anonymize=yes, or leave it out")
    raise NotSupported(
        "this archive does not de-identify what it delivers",
        "leave anonymize out, or store de-identified instances",
    )


def _transfer_syntax(given: _Given) -> str:
    name = "transferSyntax"
    value = given.one(name, "one transfer syntax UID, or * for the stored one")
    if value is None:
        return ""
    if value != ANY_SYNTAX and not is_uid(value):
        raise InvalidParameter(name, "is not a UID", "a transfer syntax UID, or * for any")
    return value


def _window(given: _Given) -> Window | None:
    center, width = (given.decimal(name) for name in _WINDOW)
    if center is None and width is None:
        return None
    if center is None or width is None:
        raise InvalidParameter(
            _WINDOW[int(center is not None)], "is missing", "windowCenter goes with windowWidth"
        )
    if width < 1:
        raise InvalidParameter(_WINDOW[1], "is below 1", "a linear window is 1 wide or more")
    return Window(center, width)


def _quality(given: _Given) -> int | None:
    value = given.one("imageQuality", "a whole number from 1 to 100")
    return None if value is None else quality_of(value, "imageQuality")


def _viewport(given: _Given) -> Viewport | None:
    """Rows and columns as maxima; either may be left out (9.5.2.5).

    A small image is enlarged like in other viewports: their scaling applies (9.5.1.2.4).
    """
    rows, columns = (given.whole(name, 1, MAXIMUM_SIDE) for name in ("rows", "columns"))
    if rows is None and columns is None:
        return None
    return Viewport(columns or MAXIMUM_SIDE, rows or MAXIMUM_SIDE)


def _region(given: _Given) -> Region | None:
    name, hint = "region", "xmin,ymin,xmax,ymax from 0 to 1, each least below its greatest"
    value = given.one(name, hint)
    if value is None:
        return None
    members = value.split(",")
    if len(members) != 4:
        raise InvalidParameter(name, "does not have four numbers", hint)
    left, top, right, bottom = (_decimal(name, member) for member in members)
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise InvalidParameter(name, "is no part of the image", hint)
    return Region(left, top, right, bottom)


def _presentation(given: _Given, study: str) -> InstanceKey | None:
    series, instance = (given.uid(name) for name in _STATE)
    if series is None and instance is None:
        return None
    if series is None or instance is None:
        raise InvalidParameter(
            _STATE[int(series is not None)],
            "is missing",
            "presentationSeriesUID goes with presentationUID",
        )
    return InstanceKey(study, series, instance)


def _require_alone(given: _Given) -> None:
    for name in given.among("frameNumber", *_WINDOW):
        raise InvalidParameter(
            name, "does not go with a presentation state", "leave one of the two out"
        )


def _annotations(given: _Given) -> tuple[tuple[Annotation, ...], tuple[str, ...]]:
    """Known and unknown keywords; `annotation` is the older name of the parameter."""
    found = [annotations_of(value, name) for name in _ANNOTATIONS for value in given.all(name)]
    known = dict.fromkeys(word for words, _ in found for word in words)
    unknown = dict.fromkeys(word for _, words in found for word in words)
    return tuple(known), tuple(unknown)
