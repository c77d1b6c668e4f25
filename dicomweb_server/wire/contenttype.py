"""The Content-Type header field (RFC 9110 8.3, PS3.18 8.7.1)."""

from __future__ import annotations

from dataclasses import dataclass

from dicomweb_server.errors import InvalidRequest
from dicomweb_server.wire import fields

MAXIMUM_LENGTH = 8 * 1024


@dataclass(frozen=True, slots=True)
class ContentType:
    """A media type with its parameters.

    Args:
        media_type: `type/subtype` in lower case.
        parameters: Names in lower case and values without quotes, in their order.
    """

    media_type: str
    parameters: tuple[tuple[str, str], ...] = ()

    def parameter(self, name: str) -> str | None:
        """Value of the first parameter of a name, without regard to case; None without one."""
        return fields.first_parameter(self.parameters, name.lower())

    def __str__(self) -> str:
        """The header value; what is no token is quoted, as `type="application/dicom"`."""
        return "".join(
            [self.media_type, *(f"; {name}={fields.quote(v)}" for name, v in self.parameters)]
        )


def parse(text: str) -> ContentType:
    """Read a Content-Type.

    Args:
        text: The header value; unquoted values that hold a slash and a semicolon at the end are
            read as real clients mean them.

    Raises:
        InvalidRequest: It is no media type.
    """
    if len(text) > MAXIMUM_LENGTH:
        raise _invalid("is too long")
    media_type, *rest = fields.split(text, ";") or [""]
    if not is_media_type(media_type):
        raise _invalid("does not begin with type/subtype")
    parameters = [fields.parameter(piece) for piece in rest]
    found = tuple(item for item in parameters if item is not None)
    if len(found) < len(parameters):
        raise _invalid("has a parameter that is not name=value")
    return ContentType(media_type.lower(), found)


def is_media_type(text: str) -> bool:
    """Whether a text is `type/subtype`, both of them tokens; wildcards count as tokens."""
    major, slash, minor = text.partition("/")
    return bool(slash and fields.TOKEN.fullmatch(major) and fields.TOKEN.fullmatch(minor))


def _invalid(what: str) -> InvalidRequest:
    return InvalidRequest(
        f"the Content-Type {what}",
        'for example: multipart/related; type="application/dicom"; boundary=frontier',
    )
