"""Who asks, in which request."""

from __future__ import annotations

from dataclasses import dataclass

from dicomweb_server.auth.port import Principal


@dataclass(frozen=True, slots=True)
class Context:
    """What every service method is told about its caller.

    Args:
        principal: Who asks.
        request_id: Name of the request in logs and problem documents.
    """

    principal: Principal
    request_id: str
