"""No access control: everybody may do everything. For loopback only."""

from __future__ import annotations

from dicomweb_server.auth.port import Action, Credentials, Principal
from dicomweb_server.model.ids import Scope
from dicomweb_server.model.query import Query

ANYONE = Principal("anyone")


class OpenAuthenticator:
    """Everybody is the same principal."""

    async def identify(self, credentials: Credentials) -> Principal:
        """Say who asks: anyone."""
        return ANYONE


class OpenAuthorizer:
    """Everything is allowed."""

    async def check(self, principal: Principal, action: Action, scope: Scope) -> None:
        """Let every action pass."""

    async def narrow(self, principal: Principal, query: Query) -> Query:
        """Leave the query as it is."""
        return query
