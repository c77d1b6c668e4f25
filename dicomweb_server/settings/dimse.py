"""Settings of the DICOM network door."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, ConfigDict, Field

from dicomweb_server.model.limits import KIB
from dicomweb_server.settings.kinds import (
    AeTitle,
    Few,
    File,
    PduBytes,
    Port,
    Seconds,
    listed,
)


class AeVerb(StrEnum):
    """What a listed AE may do."""

    ECHO = "echo"
    STORE = "store"
    FIND = "find"
    MOVE = "move"
    GET = "get"
    COMMIT = "commit"


@dataclass(frozen=True, slots=True)
class AeSettings:
    """One AE that is known.

    Args:
        title: Its AE title.
        host: Its address or name, where it is called and from where it calls; a network for one
            that only calls; empty for one that calls from anywhere.
        port: Where it listens; 0 for one that only calls.
        tls: Whether it is called over TLS, and must call so.
        allow: What it may do here; all of it where nothing is said.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    title: AeTitle
    host: Annotated[str, Field(max_length=255)] = ""
    port: Port = 0
    tls: bool = False
    allow: frozenset[AeVerb] = frozenset(AeVerb)


@dataclass(frozen=True, slots=True)
class DimseSettings:
    """The DICOM network: C-ECHO, C-STORE and C-FIND, in a process of its own."""

    enabled: Annotated[bool, Field(description="Whether the server speaks DIMSE.")] = False
    ae_title: Annotated[AeTitle, Field(description="AE title of the server.")] = "DICOMWEB"
    host: Annotated[str, Field(min_length=1, description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[Port, Field(description="TCP port; 0 takes a free one.")] = 11112
    tls_port: Annotated[
        Port, Field(description="TCP port for DICOM over TLS, where there is a certificate.")
    ] = 2762
    tls_certificate: Annotated[
        File | None,
        Field(description="PEM file of the certificate and those that it follows from, for TLS."),
    ] = None
    tls_key: Annotated[
        File | None, Field(description="PEM file of the certificate's key, without a password.")
    ] = None
    tls_client_authority: Annotated[
        File | None,
        Field(
            description="PEM file of the authorities one of which must have signed the certificate "
            "of each client; unset, clients need none."
        ),
    ] = None
    strict: Annotated[
        bool,
        Field(
            description="The called AE title must be that of the server and, once AEs are listed, "
            "the calling AE, its address and the verb must be; false lets everyone do all."
        ),
    ] = True
    any_sop_class: Annotated[
        bool,
        Field(description="Store instances of private SOP classes, too; retired ones always are."),
    ] = True
    max_pdu: Annotated[
        PduBytes, Field(description="Size of the PDUs that peers are asked to send.")
    ] = 128 * KIB
    max_associations: Annotated[Few, Field(description="Associations at the same time.")] = 25
    max_associations_per_address: Annotated[
        Few, Field(description="Associations of one network address at the same time.")
    ] = 5
    artim_seconds: Annotated[
        Seconds, Field(description="Time in which a connection must become an association.")
    ] = 10.0
    idle_seconds: Annotated[
        Seconds,
        Field(description="Time after which an association in which nothing happens is ended."),
    ] = 60.0
    ae: Annotated[
        tuple[AeSettings, ...],
        BeforeValidator(listed),
        Field(
            description="The AEs that are known, as tables `[[dimse.ae]]` with `title`, `host`, "
            "`port`, `tls` and `allow`; in the environment a list in JSON."
        ),
    ] = ()
