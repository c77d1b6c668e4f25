"""One request as the handlers see it: identifiers checked, caller known, base URL told."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from starlette.requests import Request

from dicomweb_server.auth.port import Authenticator, Credentials
from dicomweb_server.model.ids import InstanceKey, Scope, require_uid
from dicomweb_server.service.compose import Compose
from dicomweb_server.service.context import Context
from dicomweb_server.service.health import Health
from dicomweb_server.service.ingest import Ingest
from dicomweb_server.service.remove import Remove
from dicomweb_server.service.retrieve import Retrieve
from dicomweb_server.service.search import Search
from dicomweb_server.web.settings import WebSettings
from dicomweb_server.wire import characters, encoding, forwarded, querystring
from dicomweb_server.wire.forwarded import ProxyHeaders
from dicomweb_server.wire.querystring import Parameter

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Services:
    """Everything behind the HTTP door."""

    settings: WebSettings
    authenticator: Authenticator
    compose: Compose
    ingest: Ingest
    search: Search
    retrieve: Retrieve
    remove: Remove
    health: Health


class Exchange:
    """A request with what handlers need of it.

    Args:
        request: The request.
        context: Who asks.
    """

    __slots__ = ("context", "parameters", "request", "services", "settings")

    def __init__(self, request: Request, context: Context) -> None:
        self.request = request
        self.context = context
        self.services: Services = request.app.state.services
        self.settings = self.services.settings
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
        settings = self.settings
        if settings.public_base_url is not None:
            return f"{settings.public_base_url.rstrip('/')}{settings.root}"
        headers = self.request.headers
        proxy = ProxyHeaders(
            forwarded=headers.get("forwarded"),
            proto=headers.get("x-forwarded-proto"),
            host=headers.get("x-forwarded-host"),
            port=headers.get("x-forwarded-port"),
            prefix=headers.get("x-forwarded-prefix"),
        )
        trusted = self._behind_trusted_proxy()
        host = headers.get("host", "").encode("latin-1") if trusted else self._own_host()
        scheme: str = self.request.scope["scheme"]
        return f"{forwarded.origin(scheme, host, trusted, proxy)}{settings.root}"

    def _own_host(self) -> bytes:
        """The Host header where it names this machine itself: any other could be made up (T18).

        Clients that leave out the port (dicomweb-client does) mean the one they are connected to.
        """
        address, port = self.request.scope.get("server") or ("127.0.0.1", None)
        name, told = _host_and_port(self.request.headers.get("host", ""))
        if name not in _LOOPBACK and name != address:
            name, told = address, ""
        port = told or port
        host = f"[{name}]" if ":" in name else name
        return (f"{host}:{port}" if port else host).encode("latin-1")

    def _behind_trusted_proxy(self) -> bool:
        client = self.request.client
        if client is None or not self.settings.trusted_proxies:
            return False
        try:
            address = ip_address(client.host)
        except ValueError:
            return False
        return any(address in network for network in self.settings.trusted_proxies)


def _host_and_port(header: str) -> tuple[str, str]:
    """Name and port of a Host header; an IPv6 address without its brackets."""
    bracketed, bracket, behind = header.lower().rpartition("]")
    if bracket:
        return bracketed.removeprefix("["), behind.removeprefix(":")
    name, _, port = header.lower().partition(":")
    return name, port
