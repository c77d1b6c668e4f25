"""Settings: a TOML file below the environment below the command line."""

from dicomweb_server.settings.dimse import AeSettings, AeVerb, DimseSettings
from dicomweb_server.settings.load import Loaded, load
from dicomweb_server.settings.sections import (
    CodecSettings,
    HttpSettings,
    IndexSettings,
    LogFormat,
    LogSettings,
    MetadataSettings,
    QuerySettings,
    RenditionSettings,
    ScrubSettings,
    ServerKind,
    ServerSettings,
    Settings,
    StoreSettings,
)

__all__ = [
    "AeSettings",
    "AeVerb",
    "CodecSettings",
    "DimseSettings",
    "HttpSettings",
    "IndexSettings",
    "Loaded",
    "LogFormat",
    "LogSettings",
    "MetadataSettings",
    "QuerySettings",
    "RenditionSettings",
    "ScrubSettings",
    "ServerKind",
    "ServerSettings",
    "Settings",
    "StoreSettings",
    "load",
]
