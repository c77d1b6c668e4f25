"""The walk over the elements of a data set, in one pass and without recursion.

Each data set and sequence that is open is a `Scope`; what is found comes out as events.
Decisions on irregular bytes are in docs/input.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from struct import Struct, unpack_from

from dicomweb_server.dicom import fragments, irregular, refusal, vrs
from dicomweb_server.dicom.frames import PIXEL_DATA
from dicomweb_server.dicom.scope import WATCHED, Scope
from dicomweb_server.dicom.vrs import LONG_VRS, SHORT_VRS
from dicomweb_server.dicom.window import SPAN, Window
from dicomweb_server.errors import InstanceRejected
from dicomweb_server.model.limits import ScanLimits
from dicomweb_server.model.outcome import FailureReason

ELEMENT, SEQUENCE, SEQUENCE_END, ITEM, ITEM_END, FRAGMENTS = range(6)
Event = tuple[int, int, str, int, int]
"""Kind, tag, VR, offset and length of the value.

Of an ITEM its number from 1 on stands in place of the length, of a SEQUENCE the length in the
header. Of FRAGMENTS offset and length cover all
items with their delimiter; `Walker.fragments` has them.
"""

_LITTLE_HEADER = Struct("<HH2sH").unpack_from
_BIG_HEADER = Struct(">HH2sH").unpack_from
UNDEFINED = 0xFFFFFFFF
_ITEM_TAG = 0xFFFEE000
_ITEM_DELIMITER = 0xFFFEE00D
_SEQUENCE_DELIMITER = 0xFFFEE0DD
_LONGEST_KNOWN_UN = 0xFFFF
"""Bytes from which an element of VR UN keeps it although the dictionary knows better."""


class Walker:
    """One walk over a data set.

    Args:
        window: The file.
        limits: Bounds.
        warn: Told about each deviation that is tolerated.

    Attributes:
        scope: The innermost scope that is open.
        fragments: Items of the last FRAGMENTS event.
        place: Offset behind what was walked over.
        left: Elements that may still come.
    """

    def __init__(self, window: Window, limits: ScanLimits, warn: Callable[[str], None]) -> None:
        self.window = window
        self.limits = limits
        self.warn = warn
        self.fragments: fragments.Fragments | None = None
        self.place = 0
        self.scope = Scope(None, 0, False, False, True)
        self.left = limits.elements
        self._depth = 0
        self._behind_pixels = False
        self._ahead = False
        self._public = vrs.public_vrs()

    def walk(self, start: int, scope: Scope) -> Iterator[Event]:
        """Yield what a data set holds.

        Args:
            start: Offset of its first element.
            scope: The data set; it has no parent.

        Raises:
            InstanceRejected: It is cut off, broken, or meets a limit.
        """
        self.scope = scope
        self.place = scope.start = start
        while True:
            scope = self.scope
            if self.place >= scope.limit:
                if self.place > scope.limit or not scope.definite:
                    raise refusal.cut_off("a sequence or item")
                if scope.parent is None:
                    return
                yield self._close()
                continue
            self.left -= 1
            if self.left < 0:
                raise refusal.too_large(f"more than {self.limits.elements} elements")
            place = self.place
            try:
                event = self._item(scope) if scope.items else self._explicit(scope)
            except InstanceRejected as refused:
                if scope.parent is not None or scope.items or not scope.definite:
                    raise
                self._leave(scope, place, refused)
                continue
            if event is not None:
                yield event

    def _leave(self, scope: Scope, place: int, refused: InstanceRejected) -> None:
        """End the data set where padding or what cannot be elements lies behind it."""
        if self._only_zeros(place, scope.limit):
            self.warn(f"{scope.limit - place} zero bytes behind the data set")
        elif self._behind_pixels and refused.reason is FailureReason.CANNOT_UNDERSTAND:
            self.warn(f"{scope.limit - place} bytes behind the data set are not elements")
        else:
            raise refused
        self.place = scope.limit

    def _only_zeros(self, place: int, end: int) -> bool:
        for start, length in self.window.chunks(place, end - place, SPAN):
            if any(self.window.read(start, length)):
                return False
        return True

    def _explicit(self, scope: Scope) -> Event | None:
        """The element at `place`, with an explicit VR."""
        if scope.implicit:
            return self._implicit(scope)
        place = self.place
        window = self.window
        index = place - window.base
        if index < 0 or index + 12 > len(window.buffer):
            index = window.index(place, 12)
        if place + 8 > scope.limit:
            raise refusal.cut_off("the header of an element")
        unpack = _BIG_HEADER if scope.big else _LITTLE_HEADER
        group, element, code, length = unpack(window.buffer, index)
        tag: int = group << 16 | element
        vr = SHORT_VRS.get(code)
        offset = place + 8
        if vr is None:
            vr = LONG_VRS.get(code)
            if vr is None:
                return self._irregular(scope, tag, code)
            if place + 12 > scope.limit:
                raise refusal.cut_off("the header of an element")
            (length,) = unpack_from(">I" if scope.big else "<I", window.buffer, index + 8)
            offset = place + 12
            if vr == "SQ":
                return self._open(scope, tag, offset, length)
            if vr == "UN" and (length < _LONGEST_KNOWN_UN or length == UNDEFINED):
                return self._unknown(scope, tag, offset, length)
        return self._element(scope, tag, vr, offset, length)

    def _implicit(self, scope: Scope) -> Event | None:
        """The element at `place`, whose VR the dictionary knows (PS3.5 7.1.3)."""
        place = self.place
        window = self.window
        index = window.index(place, 8)
        if place + 8 > scope.limit:
            raise refusal.cut_off("the header of an element")
        group, element, length = unpack_from("<HHI", window.buffer, index)
        tag: int = group << 16 | element
        if group == 0xFFFE:
            return self._delimiter(scope, tag)
        if not tag:
            raise refusal.not_understood("zero bytes where an element has to be")
        if place == scope.start and self._looks_explicit(scope, index, length):
            self.warn("a data set or item is in explicit VR although its surroundings are not")
            scope.implicit = False
            return None
        vr = self._definite_vr(scope, tag)
        if length == UNDEFINED:
            vr = "OB" if tag == PIXEL_DATA else "SQ"
        if vr == "SQ":
            if not tag & 0x10000 or length in (0, UNDEFINED) or self._begins_item(place + 8):
                return self._open(scope, tag, place + 8, length)
            vr = "UN"  # the private dictionary does not fit this device
        return self._element(scope, tag, vr, place + 8, length)

    def _begins_item(self, place: int) -> bool:
        index = self.window.index(place, 4)
        return self.window.buffer[index : index + 4] == b"\xfe\xff\x00\xe0"

    def _looks_explicit(self, scope: Scope, index: int, length: int) -> bool:
        """Whether the first element of a scope in implicit VR has an explicit one.

        An item is believed to be implicit as long as the length makes sense that way.
        """
        if not vrs.is_known(self.window.buffer[index + 4 : index + 6]):
            return False
        return scope.parent is None or self.place + 8 + length > scope.limit

    def _element(self, scope: Scope, tag: int, vr: str, offset: int, length: int) -> Event:
        """An element that is no sequence."""
        if offset + length > scope.limit:
            if length == UNDEFINED:
                return self._fragments(scope, tag, vr, offset)
            if tag >> 16 == 0x7FE0 and scope.limit == self.window.size:
                raise refusal.cut_off("the pixel data")
            raise refusal.cut_off(f"{refusal.tag_text(tag)}, or its length is wrong")
        if length == UNDEFINED:
            return self._fragments(scope, tag, vr, offset)
        if tag & 0x10000:
            if 0x10 <= tag & 0xFFFF <= 0xFF:
                scope.own(tag, self.window.read(offset, min(length, 64)))
        elif tag in WATCHED and length >= 2:
            scope.watch(tag, self.window.read(offset, 2))
        elif tag >= 0x7FE00008 and scope.parent is None:
            self._behind_pixels = True
        self.place = offset + length
        return ELEMENT, tag, vr, offset, length

    def _fragments(self, scope: Scope, tag: int, vr: str, offset: int) -> Event:
        """An element of undefined length that is no sequence: encapsulated (PS3.5 A.4)."""
        if vr == "UN":
            raise refusal.not_understood(f"{refusal.tag_text(tag)} has no length")
        if vr not in ("OB", "OW") or scope.big:
            raise refusal.not_understood(f"{refusal.tag_text(tag)} has no length")
        found = fragments.walk(self.window, offset, scope.limit, self.limits.frames)
        if not found.closed:
            if scope.parent is not None or found.end != self.window.size:
                raise refusal.cut_off("the encapsulated pixel data")
            self.warn("the delimiter behind the last fragment of the pixel data is missing")
        if tag >= PIXEL_DATA and scope.parent is None:
            self._behind_pixels = True
        self.fragments = found
        self.place = found.end
        return FRAGMENTS, tag, vr, offset, found.end - offset

    def _definite_vr(self, scope: Scope, tag: int) -> str:
        """The one VR of an element that does not tell it."""
        vr = self._public.get(tag) or scope.dictionary_vr(tag)
        if len(vr) == 2:
            return vr
        if vr == "US or SS":
            return "SS" if not self._ahead and self._sign(scope) else "US"
        if vr == "US or OW" and scope.single:
            return "US"
        return "OW"

    def _sign(self, scope: Scope) -> int:
        """Pixel Representation of the data set, or of the nearest one around it that has it."""
        around: Scope | None = scope
        while around is not None:
            if not around.items:
                if around.sign is None and not around.searched:
                    around.searched = True
                    around.sign = self._look_ahead(around)
                if around.sign is not None:
                    return around.sign
            around = around.parent
        return 0

    def _look_ahead(self, scope: Scope) -> int | None:
        """Pixel Representation of a data set that is not read to its end yet."""
        copy = Scope(None, scope.limit, scope.implicit, scope.big, scope.definite)
        ahead = self._second()
        try:
            for _ in ahead.walk(scope.start, copy):
                if copy.sign is not None:
                    break
        except InstanceRejected:
            return copy.sign
        finally:
            self.left = ahead.left
        return copy.sign

    def _is_sequence(self, offset: int, length: int) -> bool:
        """Whether bytes are items in implicit VR from begin to end."""
        scope = Scope(None, offset + length, implicit=True, big=False, definite=True)
        scope.items = True
        trial = self._second()
        try:
            for _ in trial.walk(offset, scope):
                pass
        except InstanceRejected:
            return False
        finally:
            self.left = trial.left
        return True

    def _second(self) -> Walker:
        """A walker that shares the bounds, resolves nothing and warns nobody."""
        second = Walker(self.window, self.limits, lambda _: None)
        second.left = self.left
        second._depth = self._depth
        second._ahead = True
        return second

    def _unknown(self, scope: Scope, tag: int, offset: int, length: int) -> Event:
        """An element whose explicit VR is UN (PS3.5 6.2.2): the dictionary may know better."""
        if length == UNDEFINED:
            return self._open(scope, tag, offset, length, implicit=True)
        vr = self._definite_vr(scope, tag)
        if vr == "SQ":
            if length and self._is_sequence(offset, length):
                return self._open(scope, tag, offset, length, implicit=True)
            vr = "UN"
        return self._element(scope, tag, vr, offset, length)

    def _irregular(self, scope: Scope, tag: int, code: bytes) -> Event | None:
        """What has no VR that is known where one must be."""
        if tag >> 16 == 0xFFFE:
            return self._delimiter(scope, tag)
        if not tag:
            raise refusal.not_understood("zero bytes where an element has to be")
        named = code.isalpha() and code.isupper()
        if (
            not named
            and self.place == scope.start
            and irregular.fits_implicit(self.window, scope, self.place)
        ):
            self.warn("a data set or item is in implicit VR although its surroundings are not")
            scope.implicit = True
            scope.big = False
            return None
        offset, length = irregular.value_of(self.window, scope, self.place, tag)
        self.warn(f"{refusal.tag_text(tag)} has a value representation that does not exist")
        vr = self._definite_vr(scope, tag)
        return self._element(scope, tag, "UN" if vr == "SQ" else vr, offset, length)

    def _delimiter(self, scope: Scope, tag: int) -> Event | None:
        """An item tag or delimiter among the elements of a data set."""
        if tag == _ITEM_DELIMITER and not scope.definite:
            self.place += 8
            return self._close()
        if tag == _SEQUENCE_DELIMITER and not scope.definite:
            self.warn("an item has no delimiter")
            return self._close()
        if tag in (_ITEM_DELIMITER, _SEQUENCE_DELIMITER):
            self.warn("a delimiter without anything to end is passed over")
            self.place += 8
            return None
        raise refusal.not_understood("an item lies outside of a sequence")

    def _open(
        self, scope: Scope, tag: int, offset: int, length: int, implicit: bool = False
    ) -> Event:
        """Begin a sequence."""
        definite = length != UNDEFINED
        limit = offset + length if definite else scope.limit
        if limit > scope.limit:
            raise refusal.cut_off(f"the sequence {refusal.tag_text(tag)}, or its length is wrong")
        opened = Scope(
            scope, limit, scope.implicit or implicit, scope.big and not implicit, definite
        )
        opened.items = True
        opened.tag = tag
        opened.start = self.place = offset
        self._depth += 1
        if self._depth > self.limits.depth:
            raise refusal.not_understood(f"sequences nest deeper than {self.limits.depth}")
        self.scope = opened
        return SEQUENCE, tag, "SQ", offset, length

    def _item(self, scope: Scope) -> Event | None:
        """The item or delimiter at `place`."""
        place = self.place
        index = self.window.index(place, 8)
        if place + 8 > scope.limit:
            raise refusal.cut_off("a sequence")
        group, element, length = unpack_from(
            ">HHI" if scope.big else "<HHI", self.window.buffer, index
        )
        tag = group << 16 | element
        place = self.place = place + 8
        if tag == _SEQUENCE_DELIMITER:
            if scope.definite:
                self.warn("a delimiter without anything to end is passed over")
                return None
            return self._close()
        if tag != _ITEM_TAG:
            raise refusal.not_understood(
                f"the sequence {refusal.tag_text(scope.tag)} holds something else than items"
            )
        definite = length != UNDEFINED
        limit = place + length if definite else scope.limit
        if limit > scope.limit:
            raise refusal.cut_off(
                f"an item of {refusal.tag_text(scope.tag)}, or its length is wrong"
            )
        opened = Scope(scope, limit, scope.implicit, scope.big, definite)
        opened.tag = scope.tag
        opened.start = place
        scope.number = opened.number = scope.number + 1
        self.scope = opened
        return ITEM, scope.tag, "", place, opened.number

    def _close(self) -> Event:
        """End the innermost scope."""
        scope = self.scope
        kind = SEQUENCE_END if scope.items else ITEM_END
        if scope.items:
            self._depth -= 1
        if scope.parent is None:
            scope.limit = self.place
            scope.definite = True
        else:
            self.scope = scope.parent
        return kind, scope.tag, "", self.place, 0
