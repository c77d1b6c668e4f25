"""One request as the handlers see it: identifiers checked, caller known, base URL told."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from dicomweb_server.auth.port import Authenticator, Credentials
from dicomweb_server.model.ids import InstanceKey, Scope, require_uid
from dicomweb_server.service.compose import Compose
from dicomweb_server.service.context import Context
from dicomweb_server.service.health import Health
from dicomweb_server.service.ingest import Ingest
from dicomweb_server.service.remove import Remove
from dicomweb_server.service.render import Render
from dicomweb_server.service.retrieve import Retrieve
from dicomweb_server.service.search import Search
from dicomweb_server.service.thumbnail import Thumbnails
from dicomweb_server.service.uri import UriRender
from dicomweb_server.web.settings import WebSettings
from dicomweb_server.web.urls import base_url
from dicomweb_server.wire import characters, encoding, querystring
from dicomweb_server.wire.querystring import Parameter


@dataclass(frozen=True, slots=True)
class Services:
    """Everything behind the HTTP door."""

    settings: WebSettings
    authenticator: Authenticator
    compose: Compose
    ingest: Ingest
    search: Search
    retrieve: Retrieve
    render: Render
    thumbnails: Thumbnails
    uri: UriRender
    remove: Remove
    health: Health


class Exchange:
    """A request with what handlers need of it.

    Args:
        request: The request.
        context: Who asks.
    """

    __slots__ = ("_base", "context", "parameters", "request", "services", "settings")

    def __init__(self, request: Request, context: Context) -> None:
        self.request = request
        self.context = context
        self.services: Services = request.app.state.services
        self.settings = self.services.settings
        self._base: str | None = None
        raw: bytes = request.scope["query_string"]
        self.parameters: tuple[Parameter, ...] = querystring.parse(raw, self.settings.query)

    @classmethod
    async def begin(cls, request: Request) -> Exchange:
        """Find out who asks.

        Raises:
            NotAuthenticated: The credentials do not hold.
            InvalidParameter: The query string cannot be read.
        """
        services: Services = request.app.state.services
        address = request.client.host if request.client else ""
        credentials = Credentials(request.headers.get("authorization"), address)
        principal = await services.authenticator.identify(credentials)
        return cls(request, Context(principal, request.scope["request_id"]))

    @property
    def scope(self) -> Scope:
        """The study, series or instance that the path names.

        Raises:
            InvalidIdentifier: One of them is no UID.
        """
        path = self.request.path_params
        study, series, instance = path.get("study"), path.get("series"), path.get("instance")
        return Scope(
            None if study is None else require_uid(study, "StudyInstanceUID"),
            None if series is None else require_uid(series, "SeriesInstanceUID"),
            None if instance is None else require_uid(instance, "SOPInstanceUID"),
        )

    @property
    def key(self) -> InstanceKey:
        """The instance that the path names.

        Raises:
            InvalidIdentifier: One of its UIDs is none.
        """
        scope = self.scope
        return InstanceKey(scope.study or "", scope.series or "", scope.instance or "")

    @property
    def accept(self) -> list[str]:
        """The Accept header lines."""
        return self.request.headers.getlist("accept")

    @property
    def encoding(self) -> str:
        """Content coding of an answer of JSON or XML.

        Raises:
            NotAcceptable: The client takes none that there is.
        """
        return encoding.choose(self.request.headers.getlist("accept-encoding"))

    def labelled(self, media_type: str) -> str:
        """A Content-Type of text, with its character set where the client named one.

        Raises:
            InvalidParameter: The `charset` parameter is malformed.
            NotAcceptable: The client takes other character sets alone, and that is refused.
        """
        named = characters.named(
            self.accept,
            self.values("charset"),
            self.request.headers.getlist("accept-charset"),
            strict=self.settings.strict_accept,
        )
        return media_type + characters.LABEL if named else media_type

    @property
    def none_match(self) -> str | None:
        """The If-None-Match header lines as one, None without any."""
        return ", ".join(self.request.headers.getlist("if-none-match")) or None

    def values(self, name: str) -> list[str]:
        """All values of a query parameter."""
        return [parameter.value for parameter in self.parameters if parameter.name == name]

    @property
    def base(self) -> str:
        """Absolute URL of the DICOMweb root as the client reaches it, without a trailing slash.

        Raises:
            InvalidRequest: The Host header is no host.
        """
        if self._base is None:
            self._base = base_url(self.request.scope, self.settings)
        return self._base
