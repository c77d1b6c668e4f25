"""Types of setting values: what a text may look like, and what it becomes."""

from __future__ import annotations

import json
import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from dicomweb_server.model.tags import parse_tag

Network = IPv4Network | IPv6Network

_UNITS = {"": 1, "B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(r"(\d{1,15}) ?([KMGT]?)(?:i?B)?", re.ASCII)
_SEGMENT = re.compile(r"[A-Za-z0-9._~-]+", re.ASCII)
_RESERVED = frozenset({"livez", "readyz", "api", "ui", "static"})


def _size(value: object) -> object:
    """Bytes; a text may carry a binary unit, as in "512 MiB"."""
    if not isinstance(value, str):
        return value
    found = _SIZE.fullmatch(value.strip())
    if found is None:
        raise ValueError('should be a number of bytes, or a text such as "512 MiB" or "64 GiB"')
    return int(found[1]) * _UNITS[found[2]]


def _listed(value: object) -> object:
    """A list; a text is a list in JSON, or its members parted by commas."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            members: object = json.loads(value)
        except ValueError:
            raise ValueError("should be a list in JSON, or members parted by commas") from None
        return members
    return [member.strip() for member in value.split(",") if member.strip()]


def _three(value: object) -> object:
    """Three members: for studies, series and instances."""
    members = _listed(value)
    if not isinstance(members, list | tuple) or len(members) != 3:
        raise ValueError("should be three numbers: for studies, series and instances")
    return members


def _root(value: str) -> str:
    """The path of the DICOMweb root: begins with a slash and does not end with one."""
    segments = value.rstrip("/").split("/")
    good = len(segments) > 1 and segments[0] == ""
    good = good and all(_SEGMENT.fullmatch(s) and s.strip(".") for s in segments[1:])
    if not good:
        raise ValueError('should be a path such as "/dicom-web"')
    if segments[1] in _RESERVED:
        raise ValueError(
            f"should be a path that does not begin with /{segments[1]}, which has another use"
        )
    return "/".join(segments)


def _base_url(value: str) -> str:
    """An absolute URL without query and fragment; the slash at its end goes."""
    allowed = 'should be an absolute URL such as "https://pacs.example.org", without ? and #'
    try:
        parts = urlsplit(value)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError(allowed) from None
    plain = not (parts.query or parts.fragment or parts.username) and value.isascii()
    if not (port_is_fine and plain and parts.scheme in {"http", "https"} and parts.hostname):
        raise ValueError(allowed)
    return value.rstrip("/")


def _origin(value: str) -> str:
    """A web origin, or * for all of them."""
    if value == "*":
        return value
    url = _base_url(value)
    if urlsplit(url).path:
        raise ValueError(
            'should be an origin such as "https://viewer.example.org" (no path), or "*"'
        )
    return url.lower()


def _network(value: object) -> object:
    """One IP address or network."""
    try:
        return ip_network(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError(
            'should be an IP address or network, such as "10.0.0.0/8" or "::1"'
        ) from None


def attribute_path(text: str) -> tuple[int, ...]:
    """Tags that a dotted path of keywords or 8-digit tags names.

    Raises:
        ValueError: A part of it is neither.
    """
    tags = tuple(parse_tag(part) for part in text.split("."))
    if not all(tags):
        raise ValueError("should be keywords of PS3.6 or tags of 8 hex digits, joined by dots")
    return tuple(tag for tag in tags if tag is not None)


def _attribute(value: str) -> str:
    """An attribute, possibly within sequences; kept as it is spelled."""
    attribute_path(value)
    return value


def _ae_title(value: str) -> str:
    """An AE title: blanks around it mean nothing (PS3.5 6.2)."""
    title = value.strip(" ")
    if not (0 < len(title) <= 16 and title.isascii() and title.isprintable() and "\\" not in title):
        raise ValueError("should be an AE title: 1 to 16 characters of ASCII, without a backslash")
    return title


def listed(value: object) -> object:
    """A list of tables; a text is one in JSON."""
    if not isinstance(value, str):
        return value
    try:
        members: object = json.loads(value)
    except ValueError:
        raise ValueError("should be a list of tables, or one in JSON") from None
    return members


def _expanded(value: Path) -> Path:
    """A folder or file; ~ is the home folder."""
    return value.expanduser()


Bytes = Annotated[int, BeforeValidator(_size), Field(ge=0)]
CodecMemory = Annotated[int, BeforeValidator(_size), Field(ge=512 * 2**20)]
Seconds = Annotated[float, Field(gt=0, le=366 * 86_400, allow_inf_nan=False)]
Days = Annotated[float, Field(gt=0, le=3_660, allow_inf_nan=False)]
Rate = Annotated[int, BeforeValidator(_size), Field(ge=1024)]
Few = Annotated[int, Field(ge=1, le=256)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
PerLevel = Annotated[tuple[Count, Count, Count], BeforeValidator(_three)]
AeTitle = Annotated[str, AfterValidator(_ae_title)]
PduBytes = Annotated[int, BeforeValidator(_size), Field(ge=4096, le=2**20)]
Port = Annotated[int, Field(ge=0, le=65_535)]
Root = Annotated[str, AfterValidator(_root)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
Origins = Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], BeforeValidator(_listed)]
Networks = Annotated[
    tuple[Annotated[Network, BeforeValidator(_network)], ...], BeforeValidator(_listed)
]
Attributes = Annotated[
    tuple[Annotated[str, AfterValidator(_attribute)], ...], BeforeValidator(_listed)
]
Folder = Annotated[Path, AfterValidator(_expanded)]
File = Annotated[Path, AfterValidator(_expanded)]
