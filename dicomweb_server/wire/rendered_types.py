"""Media types of rendered resources, and which of them a client takes (PS3.18 8.7.4, 8.7.8)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dicomweb_server.model.kind import Kind
from dicomweb_server.model.media import MULTIPART_RELATED
from dicomweb_server.model.rendering import IccProfile
from dicomweb_server.wire import accept

JPEG, PNG, GIF, WEBP = "image/jpeg", "image/png", "image/gif", "image/webp"
SVG, HTML, PLAIN, XML = "image/svg+xml", "text/html", "text/plain", "text/xml"

PICTURES = (JPEG, PNG, GIF, "image/jp2", "image/jph", WEBP)
"""Of single frames; the first is the default."""
ANIMATED = (GIF, WEBP)
"""Of several frames in one picture."""
TEXTS = (HTML, PLAIN, XML)
DRAWINGS = (PNG, JPEG, SVG, GIF, WEBP)
"""Of waveforms."""
_OWN = (
    "video/mp4",
    "video/mpeg",
    "video/H265",
    "application/pdf",
    "text/xml",
    "model/stl",
    "model/obj",
    "model/mtl",
)
"""Of videos and encapsulated documents: as they are stored."""
COLOUR_MANAGED = frozenset({JPEG, PNG, WEBP})
"""Types in which this archive writes an ICC profile (PS3.18 8.3.5.1.5)."""
PROFILES = tuple(profile.value for profile in IccProfile)


@dataclass(frozen=True, slots=True)
class RenderedForm:
    """One form of a rendered resource.

    Args:
        media_type: Of the body, or of its parts.
        multipart: Whether it travels as multipart/related.
    """

    media_type: str
    multipart: bool

    @property
    def text(self) -> str:
        """As a member of an Accept header."""
        if self.multipart:
            return f'{MULTIPART_RELATED}; type="{self.media_type}"'
        return self.media_type


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request says about the form of the answer.

    Args:
        header: All lines of the Accept header.
        parameter: All values of the `accept` query parameter, decoded.
        strict: Refuse requests without an Accept header.
        single: Whether the answer is one picture or text by definition (PS3.18 9.5.3.3), by
            default image/jpeg.
    """

    header: tuple[str, ...]
    parameter: tuple[str, ...] = ()
    strict: bool = False
    single: bool = False

    def of(self, forms: Sequence[RenderedForm]) -> tuple[RenderedForm, ...]:
        """Those of the forms of a resource that the client takes, best first.

        Args:
            forms: What there is; the first is the default.

        Raises:
            NotAcceptable: The client takes none of them.
            InvalidParameter: The `accept` parameter is malformed, or mixes kinds of types.
        """
        if self.single:
            alone = (form for form in forms if not form.multipart)
            forms = sorted(alone, key=lambda form: form.media_type != JPEG)
        by_text = {form.text: form for form in forms}
        found = accept.ranked(self.header, self.parameter, tuple(by_text), self.strict)
        return tuple(by_text[text] for text in found)


def _single(types: Iterable[str]) -> tuple[RenderedForm, ...]:
    return tuple(RenderedForm(kind, multipart=False) for kind in types)


def _several(types: Iterable[str]) -> tuple[RenderedForm, ...]:
    return tuple(RenderedForm(kind, multipart=True) for kind in types)


FRAME_FORMS = (*_single(PICTURES), *_several(PICTURES))
"""Forms of one frame."""
FRAMES_FORMS = (*_several(PICTURES), *_single(ANIMATED))
"""Forms of a list of frames."""
MULTIFRAME_FORMS = (*FRAMES_FORMS, *_single(t for t in PICTURES if t not in ANIMATED))
"""Forms of a whole multi-frame image; the last ones show one frame of it."""
THUMBNAIL_FORMS = _single(PICTURES)
"""Forms of thumbnails: always exactly one picture (PS3.18 10.4.3.3.4)."""
REPORT_FORMS = (*_single(TEXTS), *_several(TEXTS))
WAVEFORM_FORMS = (*_single(DRAWINGS), *_several(DRAWINGS))


def forms_of(kind: Kind, own: str = "") -> tuple[RenderedForm, ...]:
    """The forms in which an instance can be rendered; the first is the default.

    Args:
        kind: What the instance is.
        own: Media type of its video or document, empty for others.
    """
    if kind is Kind.IMAGE:
        return FRAME_FORMS
    if kind in (Kind.MULTIFRAME, Kind.PRESENTATION):
        return MULTIFRAME_FORMS
    if kind in (Kind.REPORT, Kind.NOTHING):
        return REPORT_FORMS
    if kind is Kind.WAVEFORM:
        return WAVEFORM_FORMS
    return (*_single([own]), *_several([own])) if own else ()


def parts_only(forms: Sequence[RenderedForm]) -> tuple[RenderedForm, ...]:
    """Forms that a member of a study or series can take (PS3.18 10.4.4 note 3)."""
    return tuple(form for form in forms if form.multipart)


INSTANCE_FORMS = tuple(
    dict.fromkeys(
        (
            *MULTIFRAME_FORMS,
            *REPORT_FORMS,
            *WAVEFORM_FORMS,
            *(
                form
                for kind in _OWN
                for form in (RenderedForm(kind, False), RenderedForm(kind, True))
            ),
        )
    )
)
"""Every form that some instance has."""
