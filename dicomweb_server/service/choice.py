"""Which of the forms that a client accepts an instance can be delivered in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dicomweb_server.codec.port import Codecs
from dicomweb_server.errors import NotAcceptable
from dicomweb_server.model import media
from dicomweb_server.model.frame import frame_bits
from dicomweb_server.model.instance import BulkRef, FragmentedFrames, InstanceRecord
from dicomweb_server.service.content import is_native, sendable
from dicomweb_server.service.frames import source_pixel, source_syntax
from dicomweb_server.service.undecodable import Undecodable
from dicomweb_server.wire.accept import Wish

ANY = "*"
ANY_TYPE = "*/*"

PIXEL_PATHS = frozenset({"7FE00010", "7FE00008", "7FE00009"})
"""Names of pixel data of the data set itself; those of icons lie deeper (PS3.18 10.4.3.3.6)."""
ENCAPSULATED_DOCUMENT = "00420011"
DOCUMENT_TYPES = {
    "1.2.840.10008.5.1.4.1.1.104.1": "application/pdf",
    "1.2.840.10008.5.1.4.1.1.104.2": "text/xml",
    "1.2.840.10008.5.1.4.1.1.104.3": "model/stl",
    "1.2.840.10008.5.1.4.1.1.104.4": "model/obj",
    "1.2.840.10008.5.1.4.1.1.104.5": "model/mtl",
}
"""Media type of Encapsulated Document by SOP Class UID (PS3.3 A.45, A.85, A.104)."""
_LONGEST_VALUE = 0xFFFFFFFE
_VIDEO = "video is never transcoded"


def has_pixels(bulk: BulkRef) -> bool:
    """Whether a bulk element holds the pixels of its instance."""
    return bulk.path in PIXEL_PATHS


def own_syntax(record: InstanceRecord) -> str:
    """Transfer syntax of the pixels of an instance as they are delivered untouched."""
    stored = record.transfer_syntax
    return media.EXPLICIT_LITTLE if is_native(stored) else stored


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


class Choice:
    """Chooses forms by tables alone: nothing is decoded for it.

    Args:
        codecs: Tells what can be transcoded; None where nothing can.
        undecodable: What turned out to be damaged.
    """

    def __init__(self, codecs: Codecs | None, undecodable: Undecodable | None = None) -> None:
        self._codecs = codecs
        self._undecodable = undecodable or Undecodable()

    def preferred(self, record: InstanceRecord, wishes: Sequence[Wish]) -> Sequence[Wish]:
        """Wishes in the order in which they are tried: of equally good ones the stored form first.

        PS3.18 8.7.8 leaves ties to the server; what lies there is neither decoded nor encoded.

        Args:
            record: The instance.
            wishes: Acceptable forms, best first.
        """
        if len({wish.rank for wish in wishes}) == len(wishes) or wishes[0].rank < 0:
            return wishes
        syntaxes = (ANY, own_syntax(record), record.transfer_syntax)
        kind = media.media_type_of(syntaxes[1])
        kinds = (media.APPLICATION_DICOM, media.OCTET_STREAM, ANY_TYPE)

        def effort(wish: Wish) -> int:
            """0 for the stored form by its own media type, 1 by another, 2 for what is made."""
            if wish.unasked or wish.transfer_syntax not in syntaxes:
                return 2
            return 0 if wish.media_type == kind else 1 if wish.media_type in kinds else 2

        return sorted(wishes, key=lambda wish: (wish.rank, effort(wish)))

    def instance_syntax(self, record: InstanceRecord, wish: Wish) -> str | None:
        """Transfer syntax in which a Part 10 file meets a wish, None where none does.

        Stored form as it lies for `*` (PS3.18 8.7.3.5.2), except Implicit VR and Big Endian, which
        never travel (PS3.18 8.7.3) and are rewritten.
        """
        if wish.media_type not in (media.APPLICATION_DICOM, ANY_TYPE):
            return None
        stored, wanted = record.transfer_syntax, wish.transfer_syntax
        if wanted in (ANY, stored) and sendable(stored):
            return stored
        if wanted == ANY:
            wanted = media.EXPLICIT_LITTLE
        return None if self.file_obstacle(record, wanted) else wanted

    def pixel_form(self, record: InstanceRecord, wish: Wish) -> tuple[str, str] | None:
        """Media type and transfer syntax in which the pixels of an instance meet a wish.

        Args:
            record: The instance.
            wish: One acceptable form of bulk data.

        Returns:
            None where they do not. Uncompressed pixels are always told as Explicit VR Little
            Endian.
        """
        for syntax in self._syntaxes(record, wish):
            kind = media.media_type_of(syntax)
            if wish.media_type == ANY_TYPE:
                return kind, syntax
            if wish.media_type in (kind, media.OCTET_STREAM):
                return wish.media_type, syntax
        return None

    def frame_obstacle(self, record: InstanceRecord, transfer_syntax: str) -> str:
        """Why the frames of an instance cannot be delivered in a transfer syntax, else empty."""
        if transfer_syntax == own_syntax(record):
            return ""
        if transfer_syntax != media.EXPLICIT_LITTLE and is_native(transfer_syntax):
            return "uncompressed pixels are delivered in Explicit VR Little Endian alone"
        pixel = source_pixel(record)
        if pixel is None:
            return "it has no frames that can be told apart"
        if media.is_video(record.transfer_syntax):
            return _VIDEO
        if self._codecs is None:
            return "there are no codecs"
        return self._codecs.obstacle(source_syntax(record), transfer_syntax, pixel)

    def file_obstacle(self, record: InstanceRecord, transfer_syntax: str) -> str:
        """Why a Part 10 file cannot be delivered in a transfer syntax, else empty.

        Args:
            record: The instance.
            transfer_syntax: Another one than that in which it is stored.
        """
        native = transfer_syntax == media.EXPLICIT_LITTLE
        if native and is_native(record.transfer_syntax):
            return ""
        if not native and is_native(transfer_syntax):
            return "files are not rewritten in this transfer syntax"
        if record.pixel is None:
            return "" if native else "it has no pixels to compress"
        found = self.frame_obstacle(record, transfer_syntax)
        if found:
            return found
        if record.frames is None or record.frames.count != record.pixel.number_of_frames:
            return "it has not as many frames as Number of Frames says"
        if native and not isinstance(record.frames, FragmentedFrames):
            return "its pixels lie uncompressed in a compressed transfer syntax"
        if native and not self._fits(record):
            return "its pixels take more than 4 GiB"
        return self._undecodable.reason(record.blob.digest, transfer_syntax)

    def whole_form(self, record: InstanceRecord, wish: Wish) -> tuple[str, str] | None:
        """As `pixel_form`, of all frames together; damaged pixels only as they are stored."""
        form = self.pixel_form(record, wish)
        if form is None or form[1] == own_syntax(record):
            return form
        return None if self._undecodable.reason(record.blob.digest, form[1]) else form

    def _fits(self, record: InstanceRecord) -> bool:
        """Whether decoded pixels fit the length field of their element (PS3.18 8.7.3.4)."""
        pixel = source_pixel(record)
        if pixel is None or self._codecs is None:
            return False
        outcome = self._codecs.outcome(source_syntax(record), media.EXPLICIT_LITTLE, pixel)
        return frame_bits(outcome) * pixel.number_of_frames <= 8 * _LONGEST_VALUE

    def _syntaxes(self, record: InstanceRecord, wish: Wish) -> Iterator[str]:
        """Transfer syntaxes in which pixels can be delivered for a wish, best first."""
        stored, asked = own_syntax(record), wish.transfer_syntax
        kind = media.media_type_of(stored)
        # Only lossy pixels exist: better as they are than encoded once more (PS3.18 8.7.3.4).
        lossy = wish.unasked and wish.media_type == kind and media.is_lossy(stored)
        if asked in (ANY, stored) or lossy:
            yield stored
        if wish.as_stored:
            return
        target = media.default_syntax(wish.media_type) if asked == ANY else asked
        if target and not self.frame_obstacle(record, target):
            yield target

    def refusal(self, record: InstanceRecord, wishes: Sequence[Wish]) -> NotAcceptable:
        """Why nothing that was asked can be delivered, and what would work.

        Args:
            record: The instance.
            wishes: What was asked.
        """
        asked = [f"{wish.media_type}; transfer-syntax={wish.transfer_syntax}" for wish in wishes]
        stored = media.named(record.transfer_syntax)
        files = any(wish.media_type == media.APPLICATION_DICOM for wish in wishes)
        obstacle = self.file_obstacle if files else self.frame_obstacle
        wanted = dict.fromkeys(self._wanted(record, wishes))
        reasons = dict.fromkeys(filter(None, (obstacle(record, syntax) for syntax in wanted)))
        detail = "; ".join([f"stored as {stored}", f"asked for {', '.join(asked)}", *reasons])
        offered = self._offered(record, files)
        return NotAcceptable(
            detail, self._hint(record, offered), asked=asked, stored=stored, offered=offered
        )

    @staticmethod
    def _wanted(record: InstanceRecord, wishes: Sequence[Wish]) -> Iterator[str]:
        """Transfer syntaxes that were asked for and are none of those that are stored."""
        for wish in wishes:
            syntax = wish.transfer_syntax
            if syntax == ANY:
                syntax = media.default_syntax(wish.media_type)
            if syntax and syntax != record.transfer_syntax:
                yield syntax

    def _offered(self, record: InstanceRecord, files: bool) -> list[str]:
        """Media types and transfer syntaxes that would work, the stored one first."""
        own = own_syntax(record)
        obstacle = self.file_obstacle if files else self.frame_obstacle
        others = (each for each in media.TRANSFER_SYNTAXES if each != own and sendable(each))
        syntaxes = [own, *(each for each in others if not obstacle(record, each))]
        if files:
            return [f"{media.APPLICATION_DICOM}; transfer-syntax={syntax}" for syntax in syntaxes]
        kinds = [(media.media_type_of(syntax), syntax) for syntax in syntaxes]
        kinds.insert(1, (media.OCTET_STREAM, own))
        return [f"{kind}; transfer-syntax={syntax}" for kind, syntax in dict.fromkeys(kinds)]

    @staticmethod
    def _hint(record: InstanceRecord, offered: Sequence[str]) -> str:
        if media.is_video(record.transfer_syntax):
            return f"ask for transfer-syntax=*: {_VIDEO}"
        if len(offered) == 1:
            return "ask for transfer-syntax=*"
        return f"ask for transfer-syntax=* or one of {len(offered)} forms, for example {offered[0]}"
