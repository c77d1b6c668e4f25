"""The certificate with which the server answers HTTPS."""

from __future__ import annotations

import ssl

from dicomweb_server.errors import ConfigurationError
from dicomweb_server.settings import ServerSettings

_PROTOCOLS = ["h2", "http/1.1"]


def require_tls(server: ServerSettings) -> None:
    """Refuse certificates that cannot work before anything is opened.

    Raises:
        ConfigurationError: One of certificate and key is missing, cannot be read, or they do not
            belong together.
    """
    tls_context(server)


def tls_context(server: ServerSettings) -> ssl.SSLContext | None:
    """TLS 1.2 and later with HTTP/2 by ALPN; None where plain HTTP is served.

    Raises:
        ConfigurationError: As for `require_tls`.
    """
    certificate, key = server.tls_certificate, server.tls_key
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        missing = "tls_certificate" if certificate is None else "tls_key"
        raise ConfigurationError(
            f"server.{missing} is not set", "give --tls-cert and --tls-key together, or neither"
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(_PROTOCOLS)
    try:
        # A key with a password would ask for it on the terminal.
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ssl.SSLError) as error:
        reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigurationError(
            f"server.tls_certificate, server.tls_key: cannot be used: {reason}",
            "PEM files of a certificate and of its key, readable for this user, without a password",
        ) from None
    return context


def _no_password() -> str:
    return ""
