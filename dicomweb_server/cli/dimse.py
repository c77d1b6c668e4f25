"""What serving DIMSE needs before its process starts: safe settings, sockets, certificates."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dicomweb_server.cli.listener import is_loopback
from dicomweb_server.errors import ConfigurationError
from dicomweb_server.settings import DimseSettings

_BACKLOG = 64


@dataclass(frozen=True, slots=True)
class DimseSockets:
    """Where associations come in.

    Args:
        plain: For plain connections.
        secured: For DICOM over TLS; None without it.
    """

    plain: socket.socket
    secured: socket.socket | None

    def close(self) -> None:
        """Take nothing more."""
        self.plain.close()
        if self.secured is not None:
            self.secured.close()


def require_dimse(settings: DimseSettings) -> None:
    """Refuse settings under which anyone could store and read, or that cannot work.

    Raises:
        ConfigurationError: No AE is listed and others than this machine could call, or the
            certificate cannot be used.
    """
    if not settings.enabled:
        return
    if not (settings.ae or is_loopback(settings.host)):
        raise ConfigurationError(
            f"dimse.ae: on {settings.host} anyone who reaches this machine could store, find and "
            "read everything, because DICOM knows no passwords",
            'list the AEs that may: [[dimse.ae]] title = "CT1" host = "10.0.0.5" '
            'allow = ["echo", "store"]; or keep dimse.host = "127.0.0.1"',
        )
    secure_context(settings)


@contextmanager
def closing_dimse(settings: DimseSettings) -> Iterator[DimseSockets | None]:
    """The listening sockets, closed at the end; None where DIMSE is not served.

    Raises:
        ConfigurationError: An address is taken or is not ours.
    """
    if not settings.enabled:
        yield None
        return
    sockets = listen_dimse(settings)
    try:
        yield sockets
    finally:
        sockets.close()


def listen_dimse(settings: DimseSettings) -> DimseSockets:
    """Open the listening sockets; port 0 takes a free one.

    Raises:
        ConfigurationError: An address is taken or is not ours.
    """
    plain = _listen(settings.host, settings.port)
    if settings.tls_certificate is None:
        return DimseSockets(plain, None)
    try:
        return DimseSockets(plain, _listen(settings.host, settings.tls_port))
    except ConfigurationError:
        plain.close()
        raise


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {host} port {port} for DICOM: {error.strerror}",
            "choose another dimse.port (0 takes a free one) or dimse.host, or set "
            "dimse.enabled = false",
        ) from None


def secure_context(settings: DimseSettings) -> ssl.SSLContext | None:
    """TLS 1.2 and later as PS3.15 B.12 asks; None without a certificate.

    Raises:
        ConfigurationError: The files cannot be used.
    """
    if settings.tls_certificate is None and settings.tls_client_authority is None:
        return None
    if settings.tls_certificate is None or settings.tls_key is None:
        raise ConfigurationError(
            "dimse.tls_certificate and dimse.tls_key are needed together",
            "give the PEM files of a certificate and of its key, or neither",
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key, password=_no_password)
        if settings.tls_client_authority is not None:
            context.load_verify_locations(settings.tls_client_authority)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigurationError(
            f"dimse.tls_certificate, tls_key, tls_client_authority: cannot be used: {reason}",
            "PEM files, readable for this user; the key without a password",
        ) from None
    return context


def _no_password() -> str:
    return ""


def line_of(settings: DimseSettings, sockets: DimseSockets) -> str:
    """Where associations are accepted, for people."""
    address, port = sockets.plain.getsockname()[:2]
    line = f"  DICOM AE       {settings.ae_title} at {address} port {port}"
    if sockets.secured is not None:
        line += f", with TLS port {sockets.secured.getsockname()[1]}"
    return line
