"""Who asks, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from dicomweb_server.model.ids import Scope
from dicomweb_server.model.query import Query


class Action(StrEnum):
    """What a service method is about to do."""

    SEARCH = "search"
    RETRIEVE = "retrieve"
    STORE = "store"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who asks.

    Args:
        name: Stable name for logs and audit; never patient data.
    """

    name: str


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request brought along to say who asks.

    Args:
        authorization: Value of the Authorization header, None without one.
        address: Network address of the peer.
    """

    authorization: str | None
    address: str


class Authenticator(Protocol):
    """Turns credentials into a principal."""

    async def identify(self, credentials: Credentials) -> Principal:
        """Say who asks.

        Raises:
            NotAuthenticated: The credentials do not hold.
        """
        ...


class Authorizer(Protocol):
    """Decides; asked at the start of every service method and nowhere else."""

    async def check(self, principal: Principal, action: Action, scope: Scope) -> None:
        """Let an action pass.

        Raises:
            NotPermitted: The principal may not do this.
            NotFound: The principal may not even know that the scope exists.
        """
        ...

    async def narrow(self, principal: Principal, query: Query) -> Query:
        """Restrict a query to what the principal may see."""
        ...
