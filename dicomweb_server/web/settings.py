"""What the HTTP door has to know."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from dicomweb_server.model.levels import IndexPlan
from dicomweb_server.model.limits import MultipartLimits, QueryLimits, StoreLimits

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Settings of the HTTP door.

    Args:
        root: Path of the DICOMweb root, without a trailing slash.
        public_base_url: URL of the server as clients see it, without `root`; None to build it
            from each request.
        trusted_proxies: Networks whose forwarding headers are believed.
        cors_origins: Web origins that may call; `*` for any.
        strict_accept: Whether a missing Accept header is refused (PS3.18 8.7.5).
        plan: Which attributes searches can match.
        query: Bounds of searches.
        multipart: Bounds of multipart bodies.
        store: Bounds of storing.
    """

    root: str
    public_base_url: str | None
    trusted_proxies: tuple[Network, ...]
    cors_origins: tuple[str, ...]
    strict_accept: bool
    plan: IndexPlan
    query: QueryLimits
    multipart: MultipartLimits
    store: StoreLimits
