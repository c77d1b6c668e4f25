"""The value of one match parameter, turned into clauses (PS3.4 C.2.2.2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from dicomweb_server.errors import InvalidParameter
from dicomweb_server.model.canonical import canonical, fold_name, name_words
from dicomweb_server.model.ids import is_uid
from dicomweb_server.model.limits import QueryLimits
from dicomweb_server.model.query import Empty, Every, Exact, Like, Name, OneOf
from dicomweb_server.wire.attribute import Attribute

Plain = Exact | OneOf | Like | Name | Empty | Every

TEMPORAL: Final = frozenset({"DA", "TM", "DT"})
_TEXT: Final = frozenset({"AE", "CS", "LO", "LT", "SH", "ST", "UC", "UR", "UT"})
_INTEGER: Final = frozenset({"IS", "US", "SS", "UL", "SL", "UV", "SV"})
_DECIMAL: Final = frozenset({"DS", "FL", "FD"})
_CAN_BE_EMPTY: Final = _TEXT | TEMPORAL | {"PN"}
_CAN_BE_MULTIPLE: Final = frozenset({"AE", "AS", "AT", "CS", "LO", "PN", "SH", "UC"})
_HAS_CONTROLS: Final = frozenset({"LT", "ST", "UT"})
MATCHABLE: Final = _TEXT | _INTEGER | _DECIMAL | TEMPORAL | {"PN", "UI", "AS", "AT"}
"""VRs whose values can be searched."""

_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_STARS = re.compile(r"\*{2,}")
_EMPTY_VALUE = '""'
_LIST_SEPARATOR = re.compile(r"[,\\]")
_WHOLE_NUMBER = re.compile(r"-?\d{1,20}", re.ASCII)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:E-?\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Matching:
    """How values of one request are to be read.

    Args:
        limits: Bounds on values.
        fuzzy: Names match word by word (PS3.18 8.3.4.2).
        empty: A value of two quotes matches what is empty or absent (8.3.4.5).
        multiple: Values joined by a backslash must all be there (8.3.4.6).
        combined: A range of dates and one of its times make one interval (8.3.4.1.1), which
            PS3.4 C.2.2.2.5.4 leaves to a negotiation.
    """

    limits: QueryLimits
    fuzzy: bool = False
    empty: bool = False
    multiple: bool = False
    combined: bool = True


def is_universal(value: str) -> bool:
    """Whether a value matches everything: nothing, or wildcards `*` only (C.2.2.2.3, C.2.2.2.4)."""
    return value.strip(" *") == ""


def check(attribute: Attribute, value: str, limits: QueryLimits) -> None:
    """Hold a value to the bounds that no representation exceeds.

    Raises:
        InvalidParameter: Too long, or it holds control characters.
    """
    if len(value) > limits.pattern and attribute.vr != "UI":
        raise InvalidParameter(
            attribute.name,
            f"has more than {limits.pattern} characters",
            "search for a part of the value with wildcards",
        )
    if _CONTROLS.search(value) and attribute.vr not in _HAS_CONTROLS:
        raise InvalidParameter(attribute.name, "holds control characters", "leave them out")


def wants_empty(attribute: Attribute, value: str, matching: Matching) -> bool:
    """Whether a value asks for empty value matching (C.2.2.2.7).

    Raises:
        InvalidParameter: It does, and the attribute's VR does not take part in it.
    """
    if not matching.empty or value != _EMPTY_VALUE:
        return False
    if attribute.vr not in _CAN_BE_EMPTY:
        allowed = " ".join(sorted(_CAN_BE_EMPTY))
        raise InvalidParameter(
            attribute.name,
            f"empty value matching does not apply to VR {attribute.vr}",
            f"it applies to {allowed}",
        )
    return True


def clauses(attribute: Attribute, value: str, matching: Matching) -> tuple[Plain, ...]:
    """The clauses of one match parameter; none for universal matching.

    Args:
        attribute: Of a VR in `MATCHABLE` that is not in `TEMPORAL`.
        value: As decoded from the URL.
        matching: The switches of the request.

    Raises:
        InvalidParameter: The value does not fit the representation.
    """
    if "\\" in value and _is_multiple(attribute, matching):
        return (_every(attribute, value),)
    return _READERS.get(attribute.vr, _text)(attribute, value, matching)


def _is_multiple(attribute: Attribute, matching: Matching) -> bool:
    return matching.multiple and attribute.vr in _CAN_BE_MULTIPLE and attribute.vm != "1"


def _every(attribute: Attribute, value: str) -> Every:
    if "*" in value or "?" in value:
        raise InvalidParameter(
            attribute.name,
            "multiple value matching takes no wildcards",
            "write the values in full, joined by %5C",
        )
    fold = fold_name if attribute.vr == "PN" else lambda text: canonical(attribute.vr, text)
    values = dict.fromkeys(filter(None, map(fold, value.split("\\"))))
    if not values:
        raise InvalidParameter(attribute.name, "lists no values", "join values by %5C")
    return Every(attribute.path, tuple(values))


def _uids(attribute: Attribute, value: str, matching: Matching) -> tuple[Plain, ...]:
    members = [member.strip(" ") for member in _LIST_SEPARATOR.split(value)]
    if len(members) > matching.limits.uids:
        raise InvalidParameter(
            attribute.name,
            f"lists {len(members)} UIDs",
            f"at most {matching.limits.uids} are taken",
        )
    if not all(map(is_uid, members)):
        raise InvalidParameter(
            attribute.name,
            "is not a UID or a list of UIDs",
            "a UID has 1 to 64 digits and dots and takes no wildcards; lists are joined by commas",
        )
    return (_any_of(attribute, members),)


def _any_of(attribute: Attribute, members: list[str]) -> Exact | OneOf:
    values = tuple(dict.fromkeys(members))
    if len(values) == 1:
        return Exact(attribute.path, values[0])
    return OneOf(attribute.path, values)


def _number(attribute: Attribute, value: str, matching: Matching) -> tuple[Plain, ...]:
    whole = attribute.vr in _INTEGER
    text = canonical(attribute.vr, value)
    if not (_WHOLE_NUMBER if whole else _NUMBER).fullmatch(text):
        kind = "a whole number" if whole else "a number"
        raise InvalidParameter(attribute.name, f"is not {kind}", f"{kind}, without wildcards")
    return (Exact(attribute.path, text),)


def _formed(form: re.Pattern[str], hint: str) -> Callable[..., tuple[Plain, ...]]:
    def read(attribute: Attribute, value: str, matching: Matching) -> tuple[Plain, ...]:
        text = canonical(attribute.vr, value)
        if not form.fullmatch(text):
            raise InvalidParameter(attribute.name, "is malformed", hint)
        return (Exact(attribute.path, text),)

    return read


def _code(attribute: Attribute, value: str, matching: Matching) -> tuple[Plain, ...]:
    """CS: no code string holds a comma, so lists mean any of the codes (an extension)."""
    members = [canonical("CS", member) for member in _LIST_SEPARATOR.split(value)]
    if len(members) == 1:
        return _text(attribute, value, matching)
    if "*" in value or "?" in value or "" in members or len(members) > matching.limits.uids:
        raise InvalidParameter(
            attribute.name,
            "is not a list of codes",
            f"up to {matching.limits.uids} codes without wildcards, joined by commas",
        )
    return (_any_of(attribute, members),)


def _text(attribute: Attribute, value: str, matching: Matching) -> tuple[Plain, ...]:
    if "\\" in value and attribute.vr not in _HAS_CONTROLS:
        raise InvalidParameter(
            attribute.name,
            "holds a backslash, which separates values",
            "search for one value, or add multiplevaluematching=true where the attribute has many",
        )
    text = canonical(attribute.vr, value)
    if "*" not in text and "?" not in text:
        return (Exact(attribute.path, text),)
    return (Like(attribute.path, _pattern(attribute, text, matching)),)


def _pattern(attribute: Attribute, text: str, matching: Matching) -> str:
    pattern = _STARS.sub("*", text)
    if pattern.count("*") + pattern.count("?") > matching.limits.wildcards:
        raise InvalidParameter(
            attribute.name,
            f"has more than {matching.limits.wildcards} wildcards",
            "use fewer * and ?",
        )
    return pattern


def _names(attribute: Attribute, value: str, matching: Matching) -> tuple[Plain, ...]:
    if "\\" in value:
        raise InvalidParameter(attribute.name, "holds a backslash", "search for one name")
    found: list[Plain] = []
    groups = [group for group in value.split("=") if group.strip(" ^")]
    for group in groups:
        pattern = _pattern(attribute, fold_name(group), matching)
        words = name_words(group) if matching.fuzzy else ()
        if pattern.strip("*"):
            found.append(Name(attribute.path, pattern, words))
    # A value of delimiters only, as devices write it, is a name without any part
    return tuple(found) if groups else (Empty(attribute.path),)


_AGE = _formed(re.compile(r"\d{3}[DWMY]", re.ASCII), "an age is nnnD, nnnW, nnnM or nnnY")
_TAG = _formed(re.compile(r"[0-9A-F]{8}", re.ASCII), "a tag is 8 hex digits")
_READERS: Final[Mapping[str, Callable[..., tuple[Plain, ...]]]] = MappingProxyType(
    {"UI": _uids, "PN": _names, "CS": _code, "AS": _AGE, "AT": _TAG}
    | dict.fromkeys(_INTEGER | _DECIMAL, _number)
)
