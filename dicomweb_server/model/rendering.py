"""How stored pixels become a picture: the grey pipeline, geometry, annotation, output (PS3.4 N)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class WindowFunction(Enum):
    """VOI LUT Function (PS3.3 C.11.2.1.3); values as in the `window` parameter."""

    LINEAR = "linear"
    LINEAR_EXACT = "linear-exact"
    SIGMOID = "sigmoid"


@dataclass(frozen=True, slots=True)
class Window:
    """Window in units behind the modality transformation.

    Args:
        center: Window Center.
        width: Window Width; for LINEAR 1 or more, else above 0.
        function: The curve.
    """

    center: float
    width: float
    function: WindowFunction = WindowFunction.LINEAR


@dataclass(frozen=True, slots=True)
class Rescale:
    """Linear modality transformation: output = slope * stored + intercept."""

    slope: float = 1.0
    intercept: float = 0.0


@dataclass(frozen=True, slots=True)
class LookupTable:
    """A lookup table (PS3.3 C.11.1, C.11.2, C.7.9); values below or behind it take its ends.

    Args:
        first: Value that the first entry stands for.
        bits: Bits of an entry, 1 to 16; the output runs from 0 to 2**bits - 1.
        entries: Unsigned 16-bit little endian words, at least one.
    """

    first: int
    bits: int
    entries: bytes


@dataclass(frozen=True, slots=True)
class Palette:
    """Red, green and blue lookup tables, segments already expanded (PS3.3 C.7.9).

    Args:
        red, green, blue: One entry for each value.
        supplemental: Whether values below the first entry are no colours: they go the way of
            grey ones (PS3.3 C.7.6.19).
    """

    red: LookupTable
    green: LookupTable
    blue: LookupTable
    supplemental: bool = False


@dataclass(frozen=True, slots=True)
class Overlay:
    """One overlay plane for one frame (PS3.3 C.9.2).

    Args:
        rows, columns: Its size.
        top, left: Overlay Origin, from 1.
        bits: Packed pixels of this frame's plane from the first bit of the first byte; empty where
            they lie in unused bits of the pixel data.
        embedded: Overlay Bit Position where they lie in the pixel data (retired), else -1.
        value: Grey value 0 to 1 in which it is drawn.
    """

    rows: int
    columns: int
    top: int
    left: int
    bits: bytes
    embedded: int = -1
    value: float = 1.0


class ShutterShape(Enum):
    """Shutter Shape (PS3.3 C.7.6.11)."""

    RECTANGULAR = "RECTANGULAR"
    CIRCULAR = "CIRCULAR"
    POLYGONAL = "POLYGONAL"


@dataclass(frozen=True, slots=True)
class Shutter:
    """What is masked outside of a shape.

    Args:
        shape: Its kind.
        numbers: RECTANGULAR: left edge, right edge, upper edge, lower edge (columns and rows from
            1, the edges themselves are masked). CIRCULAR: row, column of the centre, radius.
            POLYGONAL: row and column of each vertex.
        value: Grey value 0 to 1 of what is masked.
    """

    shape: ShutterShape
    numbers: tuple[float, ...]
    value: float = 0.0


class GraphicType(Enum):
    """Graphic Type (PS3.3 C.10.5)."""

    POINT = "POINT"
    POLYLINE = "POLYLINE"
    INTERPOLATED = "INTERPOLATED"
    CIRCLE = "CIRCLE"
    ELLIPSE = "ELLIPSE"


@dataclass(frozen=True, slots=True)
class Graphic:
    """A graphic object of a presentation state.

    Args:
        kind: Graphic Type.
        points: Column and row pairs: in image pixels (1\\1 is the centre of the top left pixel),
            or parts 0 to 1 of the displayed area where `relative`.
        filled: Graphic Filled.
        relative: Whether units are DISPLAY.
        value: Grey value 0 to 1 in which it is drawn.
    """

    kind: GraphicType
    points: tuple[tuple[float, float], ...]
    filled: bool = False
    relative: bool = False
    value: float = 1.0


@dataclass(frozen=True, slots=True)
class Text:
    """A text object of a presentation state.

    Args:
        lines: What it says.
        place: Column and row of its top left corner; units as in Graphic.
        relative: Whether units are DISPLAY.
        value: Grey value 0 to 1 in which it is drawn.
    """

    lines: tuple[str, ...]
    place: tuple[float, float]
    relative: bool = False
    value: float = 1.0


@dataclass(frozen=True, slots=True)
class Appearance:
    """How the stored values of one frame are meant to look, independent of who asks.

    Args:
        modality: Modality transformation; None for identity.
        voi: What of that is shown; None for all from the least to the greatest value of the frame.
        inverse: Whether the least value is white: MONOCHROME1 or presentation shape INVERSE,
            not both.
        presentation: Presentation LUT of a presentation state; its input is the output of `voi`
            spread over its entries.
        padding: Least and greatest stored value that are no image: shown as the darkest, never
            counted for a window. Whole numbers but for float pixel data.
        palette: Indexed by stored values; there for PALETTE COLOR, for images with supplemental
            colours and for label maps, whatever their Photometric Interpretation says.
        transparent: Stored value under which a background shows (label maps); else None.
        tint: Shows the grey result in colours: indexed by 0 to 255 (RT dose).
        overlays: Planes drawn over it where the request wants them.
        shutters: What is masked.
        graphics, texts: What a presentation state draws.
        aspect: Height of a pixel divided by its width as it is to be displayed; 1 for square.
        area: Displayed area of a presentation state: left, top, right, bottom in pixels from 1
            (both included), or None. Counted in the image before rotation and flip; may reach
            over its edges, by its own size at the most, where nothing but black is.
        rotation: 0, 90, 180 or 270 degrees clockwise, before `flip`.
        flip: Mirrored left to right, behind the rotation.
        colour: RGB 0 to 255 of the pixels that are not 0 (segments); else None.
        opacity: Share 0 to 1 of `colour` where a stored value is at its greatest, and of what
            `tint` and label maps show, on a background; without one it counts as 1.
        greatest: Stored value that stands for full opacity: 1, or Maximum Fractional Value.
        profile: ICC profile of the colours; empty for sRGB.
    """

    modality: Rescale | LookupTable | None = None
    voi: Window | LookupTable | None = None
    inverse: bool = False
    presentation: LookupTable | None = None
    padding: tuple[float, float] | None = None
    palette: Palette | None = None
    transparent: int | None = None
    tint: Palette | None = None
    overlays: tuple[Overlay, ...] = ()
    shutters: tuple[Shutter, ...] = ()
    graphics: tuple[Graphic, ...] = ()
    texts: tuple[Text, ...] = ()
    aspect: float = 1.0
    area: tuple[int, int, int, int] | None = None
    rotation: int = 0
    flip: bool = False
    colour: tuple[int, int, int] | None = None
    opacity: float = 0.5
    greatest: int = 1
    profile: bytes = b""


@dataclass(frozen=True, slots=True)
class Viewport:
    """What part of the image is shown, and how large (PS3.18 8.3.5.1.3).

    Args:
        width, height: Size in pixels into which the picture is fitted, aspect kept.
        x, y: Left and top of the part in image pixels, from 0.
        source_width, source_height: Its size; None to the edge. Negative ones mirror, the
            part being the one that their absolute value tells.
        enlarge: Whether a smaller image grows to fit (rendered); rows and columns of the URI
            service and thumbnails are maxima.
    """

    width: int
    height: int
    x: float = 0.0
    y: float = 0.0
    source_width: float | None = None
    source_height: float | None = None
    enlarge: bool = True


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the image in shares 0 to 1 (PS3.18 9.5.1.2.5): least below greatest."""

    x_least: float
    y_least: float
    x_greatest: float
    y_greatest: float


class IccProfile(Enum):
    """Values of `iccprofile` (PS3.18 8.3.5.1.5)."""

    NO = "no"
    YES = "yes"
    SRGB = "srgb"
    ADOBERGB = "adobergb"
    ROMMRGB = "rommrgb"


class Annotation(Enum):
    """Values of `annotation` (PS3.18 8.3.5.1.1); OVERLAY is an extension, as that clause allows."""

    PATIENT = "patient"
    TECHNIQUE = "technique"
    OVERLAY = "overlay"


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """What a request says about the picture that it wants.

    Args:
        quality: 1 to 100 for lossy media types; None for the server's choice.
        viewport: Size and part, None for the image as it is.
        region: Part in shares; not together with a part in `viewport`.
        window: Instead of the window of the image.
        annotations: What is written or drawn onto the picture.
        profile: ICC profile of the picture; None where the request does not say: no profile, and
            colours as those see them who know of none.
        overlays: Whether overlay planes are drawn, without OVERLAY among the annotations too.
    """

    quality: int | None = None
    viewport: Viewport | None = None
    region: Region | None = None
    window: Window | None = None
    annotations: tuple[Annotation, ...] = ()
    profile: IccProfile | None = IccProfile.NO
    overlays: bool = False

    @property
    def has_overlays(self) -> bool:
        """Whether overlay planes are drawn."""
        return self.overlays or Annotation.OVERLAY in self.annotations


@dataclass(frozen=True, slots=True)
class Rendering:
    """All that a codec worker needs beside the frame.

    Args:
        media_type: image/jpeg, image/png, image/gif, image/jp2, image/jph, image/webp or
            RAW_PICTURE.
        appearance: How the frame is meant to look.
        options: What the request says.
        lines: Annotation lines per corner: top left, top right.
    """

    media_type: str
    appearance: Appearance = Appearance()
    options: RenderOptions = RenderOptions()
    lines: tuple[tuple[str, ...], tuple[str, ...]] = field(default=((), ()))


RAW_PICTURE = "application/x-raw-picture"
"""Interleaved RGB bytes behind width and height as two little endian 32-bit numbers; internal."""
