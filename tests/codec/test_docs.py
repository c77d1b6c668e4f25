"""The tables of docs/pixels.md are those of the code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dicomweb_server.codec import table
from dicomweb_server.codec.table import Form
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.media import EXPLICIT_LITTLE, TRANSFER_SYNTAXES, is_video
from tests.architecture.source import ROOT
from tests.codec.phantoms import header
from tests.codec.test_transcode import RATIOS

KINDS: dict[str, PixelHeader] = {
    "grey, 8 bits": header(8, 8),
    "grey, 12 bits": header(8, 8, 12),
    "grey, 16 bits, signed": header(8, 8, 16, signed=True),
    "grey, 32 bits": header(8, 8, 32, 32),
    "1 bit": header(8, 8, 1),
    "palette, 8 bits": header(8, 8, colour="PALETTE COLOR"),
    "RGB, 8 bits": header(8, 8, colour="RGB"),
    "YBR_FULL, 8 bits": header(8, 8, colour="YBR_FULL"),
    "float": replace(header(8, 8, 32, 32), tag=0x7FE00008),
}
GROUPS = (
    ("Explicit VR Little Endian", (EXPLICIT_LITTLE,)),
    ("RLE", (table.RLE,)),
    ("JPEG .50", (table.JPEG_BASELINE,)),
    ("JPEG .51", (table.JPEG_EXTENDED,)),
    ("JPEG .57, .70", (table.JPEG_LOSSLESS, table.JPEG_LOSSLESS_SV1)),
    ("JPEG-LS .80", (table.JPEG_LS,)),
    ("JPEG-LS .81", (table.JPEG_LS_NEAR,)),
    ("J2K .90, HTJ2K .201, .202", (table.J2K_LOSSLESS, table.HTJ2K_LOSSLESS, table.HTJ2K_RPCL)),
    ("J2K .91, HTJ2K .203", (table.J2K, table.HTJ2K)),
)


def _encoded(form: Form | None) -> str:
    if form is None:
        return "no"
    return "lossy" if form.lossy else "lossless"


def syntaxes() -> Iterator[str]:
    """Rows of the table of transfer syntaxes."""
    for syntax in TRANSFER_SYNTAXES.values():
        if is_video(syntax.uid):
            continue
        plain = table.plain(syntax.uid)
        done = "yes" if plain in table.DECODED else "no"
        form = table.FORMS.get(syntax.uid)
        coded = "for Explicit VR" if syntax.is_native and form is None else _encoded(form)
        yield f"| `{syntax.uid}` | {syntax.name} | {done} | {coded} |"


def outcomes() -> Iterator[str]:
    """Rows of the table of what pixels become."""
    for name, targets in GROUPS:
        cells = []
        for pixel in KINDS.values():
            found = {_outcome(target, pixel) for target in targets}
            assert len(found) == 1
            cells.append(found.pop())
        yield f"| {name} | " + " | ".join(cells) + " |"


def _outcome(target: str, pixel: PixelHeader) -> str:
    source = "1.2.840.10008.1.2.1.98" if target == EXPLICIT_LITTLE else EXPLICIT_LITTLE
    if table.is_float(pixel) and target == EXPLICIT_LITTLE:
        return "as it is"
    if table.obstacle(source, target, pixel):
        return "no"
    done = table.outcome(source, target, pixel)
    told = []
    if done.photometric_interpretation != pixel.photometric_interpretation:
        told.append(done.photometric_interpretation)
    if done.bits_stored != pixel.bits_stored:
        told.append(f"{done.bits_stored} bits")
    return ", ".join(told) or "as it is"


def ratios() -> Iterator[str]:
    """Rows of the table of lossy quality."""
    for syntax, limits in RATIOS.items():
        name = TRANSFER_SYNTAXES[syntax].name
        cells = " | ".join(f"{limits[quality]} dB" for quality in (50, 90, 100))
        yield f"| {name} | {cells} |"


def test_the_tables_of_pixels_are_up_to_date() -> None:
    text = (ROOT / "docs" / "pixels.md").read_text("utf-8")
    head = "| | " + " | ".join(KINDS) + " |"
    for row in (*syntaxes(), head, *outcomes(), *ratios()):
        assert row in text, row
