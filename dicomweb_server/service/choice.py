"""Which of the forms that a client accepts an instance can be delivered in."""

from __future__ import annotations

from collections.abc import Sequence

from dicomweb_server.errors import NotAcceptable
from dicomweb_server.model import media
from dicomweb_server.model.instance import InstanceRecord
from dicomweb_server.model.kind import DOCUMENT_TYPES
from dicomweb_server.service.content import is_native, sendable
from dicomweb_server.wire.accept import Wish

ANY = "*"
ANY_TYPE = "*/*"

ENCAPSULATED_DOCUMENT = "00420011"


def instance_syntax(record: InstanceRecord, wish: Wish) -> str | None:
    """Transfer syntax in which a Part 10 file meets a wish, None where none does.

    Stored form as it lies for `*` (PS3.18 8.7.3.5.2), except Implicit VR and Big Endian, which
    never travel (PS3.18 8.7.3) and are rewritten.
    """
    if wish.media_type not in (media.APPLICATION_DICOM, ANY_TYPE):
        return None
    stored = record.transfer_syntax
    if wish.transfer_syntax in (ANY, stored) and sendable(stored):
        return stored
    wanted = wish.transfer_syntax in (ANY, media.EXPLICIT_LITTLE)
    return media.EXPLICIT_LITTLE if wanted and is_native(stored) else None


def pixel_form(record: InstanceRecord, wish: Wish) -> tuple[str, str] | None:
    """Media type and transfer syntax in which the pixels of an instance meet a wish.

    Args:
        record: The instance.
        wish: One acceptable form of bulk data.

    Returns:
        None where they do not. Uncompressed pixels are always told as Explicit VR Little Endian.
    """
    stored = record.transfer_syntax
    syntax = media.EXPLICIT_LITTLE if is_native(stored) else stored
    kind = media.media_type_of(syntax)
    if wish.transfer_syntax not in (ANY, syntax):
        return None
    if wish.media_type == ANY_TYPE:
        return kind, syntax
    return (wish.media_type, syntax) if wish.media_type in (kind, media.OCTET_STREAM) else None


def bulk_form(record: InstanceRecord, path: str, wish: Wish) -> tuple[str, str] | None:
    """Media type and transfer syntax in which bulk data other than pixels meet a wish.

    Args:
        record: The instance.
        path: Name of the bulk element, as in BulkRef.
        wish: One acceptable form of bulk data.
    """
    if wish.transfer_syntax not in (ANY, media.EXPLICIT_LITTLE):
        return None
    kind = DOCUMENT_TYPES.get(record.sop_class) if path == ENCAPSULATED_DOCUMENT else None
    if kind is not None and wish.media_type in (kind, ANY_TYPE):
        return kind, media.EXPLICIT_LITTLE
    if wish.media_type not in (media.OCTET_STREAM, ANY_TYPE):
        return None
    return media.OCTET_STREAM, media.EXPLICIT_LITTLE


def refusal(record: InstanceRecord, wishes: Sequence[Wish]) -> NotAcceptable:
    """Why nothing that was asked can be delivered, and what would work.

    Args:
        record: The instance.
        wishes: What was asked.
    """
    asked = [f"{wish.media_type}; transfer-syntax={wish.transfer_syntax}" for wish in wishes]
    known = media.TRANSFER_SYNTAXES.get(record.transfer_syntax)
    name = f" ({known.name})" if known else ""
    detail = f"stored as {record.transfer_syntax}{name}; asked for {', '.join(asked)}"
    native = is_native(record.transfer_syntax)
    hint = (
        f"ask for transfer-syntax=* or {media.EXPLICIT_LITTLE}"
        if native
        else "ask for transfer-syntax=*: compressed pixels are delivered as they are stored"
    )
    syntax = media.EXPLICIT_LITTLE if native else record.transfer_syntax
    kinds = dict.fromkeys(wish.media_type for wish in wishes)
    offered = [
        f"{kind}; transfer-syntax={syntax}"
        for kind in (kinds if media.APPLICATION_DICOM in kinds else _pixel_types(syntax))
    ]
    stored = f"{record.transfer_syntax}{name}"
    return NotAcceptable(detail, hint, asked=asked, stored=stored, offered=offered)


def _pixel_types(transfer_syntax: str) -> dict[str, None]:
    return dict.fromkeys([media.media_type_of(transfer_syntax), media.OCTET_STREAM])
