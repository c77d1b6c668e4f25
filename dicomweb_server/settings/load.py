"""Reading the settings: file below environment below command line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from dicomweb_server.errors import ConfigurationError
from dicomweb_server.settings.dimse import DimseSettings
from dicomweb_server.settings.kinds import Folder
from dicomweb_server.settings.sections import (
    CodecSettings,
    HttpSettings,
    IndexSettings,
    LogSettings,
    MetadataSettings,
    QuerySettings,
    RenditionSettings,
    ScrubSettings,
    ServerSettings,
    Settings,
    StoreSettings,
)
from dicomweb_server.settings.table import table

FILE_NAME = "dicomweb.toml"
PREFIX = "DICOMWEB_"
_FILE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings and their provenance.

    Args:
        settings: The settings.
        origins: By dotted name where a value came from, for example "DICOMWEB_SERVER__PORT";
            settings that have their default are absent.
    """

    settings: Settings
    origins: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Given:
    """One value that somebody gave: the setting, the value, and where it stands."""

    name: str
    value: object
    origin: str


class _Sections(BaseSettings):
    """What is validated: the sections, merged over their sources by pydantic-settings."""

    data: Folder = Path("data")
    server: ServerSettings = ServerSettings()
    http: HttpSettings = HttpSettings()
    store: StoreSettings = StoreSettings()
    scrub: ScrubSettings = ScrubSettings()
    index: IndexSettings = IndexSettings()
    query: QuerySettings = QuerySettings()
    metadata: MetadataSettings = MetadataSettings()
    renditions: RenditionSettings = RenditionSettings()
    codec: CodecSettings = CodecSettings()
    dimse: DimseSettings = DimseSettings()
    log: LogSettings = LogSettings()


class _Layer(PydanticBaseSettingsSource):
    """One source: values by dotted name."""

    def __init__(self, settings_cls: type[BaseSettings], given: Iterable[_Given]) -> None:
        super().__init__(settings_cls)
        self._given = tuple(given)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[object, str, bool]:
        return self().get(field_name), field_name, False

    def __call__(self) -> dict[str, object]:
        tree: dict[str, object] = {}
        for each in self._given:
            section, _, key = each.name.rpartition(".")
            if section:
                inner = tree.setdefault(section, {})
                if isinstance(inner, dict):
                    inner[key] = each.value
            else:
                tree[key] = each.value
        return tree


def load(
    config: Path | None, environ: Mapping[str, str], overrides: Mapping[str, object]
) -> Loaded:
    """Read the settings.

    Args:
        config: The TOML file; None is the one that DICOMWEB_CONFIG names, else dicomweb.toml in
            the data folder where there is one.
        environ: The environment.
        overrides: Values of the command line by dotted name; None was not given.

    Raises:
        ConfigurationError: A name is unknown, a value does not fit, or the file cannot be read.
    """
    line = tuple(_from_overrides(overrides))
    environment = tuple(_from_environment(environ))
    file = tuple(_from_file(_config_file(config, environ, (environment, line))))
    layers = (line, environment, file)
    settings = _validated(layers)
    origins = {each.name: each.origin for layer in reversed(layers) for each in layer}
    _check_together(settings)
    return Loaded(settings, origins)


def _validated(layers: tuple[tuple[_Given, ...], ...]) -> Settings:
    class Merged(_Sections):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return tuple(_Layer(settings_cls, layer) for layer in layers)

    try:
        merged = Merged()
    except ValidationError as error:
        raise _explained(error, layers) from None
    return Settings(**{name: getattr(merged, name) for name in _Sections.model_fields})


def _explained(
    error: ValidationError, layers: tuple[tuple[_Given, ...], ...]
) -> ConfigurationError:
    first = error.errors(include_url=False, include_context=False)[0]
    place = [str(part) for part in first["loc"]]
    name = place[0] if place[0] == "data" else ".".join(place[:2])
    giver = next((g for layer in layers for g in layer if g.name == name), None)
    origin = f" (from {giver.origin})" if giver else ""
    message = first["msg"].removeprefix("Value error, ")
    allowed = message.replace("Input should", "should") if "Input" in message else message
    row = next((row for row in table() if row.name == name), None)
    return ConfigurationError(
        f"{name}{origin}: {allowed}",
        f"{row.meaning} The default is {row.default}." if row else "",
    )


def _check_together(settings: Settings) -> None:
    query = settings.query
    pairs = zip(query.default_limits, query.maximum_limits, strict=True)
    if any(default > maximum for default, maximum in pairs):
        raise ConfigurationError(
            "query.default_limits: a default is greater than the maximum of its level",
            "raise query.maximum_limits or lower query.default_limits",
        )


def _from_overrides(overrides: Mapping[str, object]) -> Iterable[_Given]:
    for name, value in overrides.items():
        if value is not None:
            _require_known(name, "on the command line")
            yield _Given(name, value, "command line")


def _from_environment(environ: Mapping[str, str]) -> Iterable[_Given]:
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable == PREFIX + "CONFIG":
            continue
        rest = variable.removeprefix(PREFIX)
        if _of_others(rest, environ[variable]):
            continue
        name = rest.lower().replace("__", ".")
        _require_known(name, "in the environment", as_variable=True)
        yield _Given(name, environ[variable], variable)


def _of_others(rest: str, value: str) -> bool:
    """Whether a variable is not ours: of the tests, or of a Kubernetes service "dicomweb"."""
    service = rest.startswith(("SERVICE_HOST", "SERVICE_PORT", "PORT_"))
    return rest.startswith("TEST_") or service or value.startswith(("tcp://", "udp://"))


def _config_file(
    config: Path | None, environ: Mapping[str, str], layers: tuple[tuple[_Given, ...], ...]
) -> Path | None:
    named = config or (Path(environ[PREFIX + "CONFIG"]) if environ.get(PREFIX + "CONFIG") else None)
    if named is not None:
        if not named.is_file():
            raise ConfigurationError(
                f"the settings file {named} does not exist", "name a TOML file that does"
            )
        return named
    data = Settings().data
    for layer in layers:
        for each in layer:
            if each.name == "data":
                data = Path(str(each.value)).expanduser()
    found = data / FILE_NAME
    return found if found.is_file() else None


def _from_file(path: Path | None) -> Iterable[_Given]:
    if path is None:
        return
    for name, value in _flat(_toml(path)):
        _require_known(name, f"in the file {path}")
        if name == "data" and path.name == FILE_NAME:
            raise ConfigurationError(
                f"data: cannot be set in {path}, which is looked for in the data folder itself",
                "give --data or DICOMWEB_DATA, or put the file elsewhere and name it by --config",
            )
        yield _Given(name, value, str(path))


def _toml(path: Path) -> dict[str, object]:
    try:
        if path.stat().st_size > _FILE_BYTES:
            raise ConfigurationError(f"the settings file {path} is larger than 1 MiB")
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"the settings file {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the settings file {path} is not TOML: {error}") from None


def _flat(tree: Mapping[str, object]) -> Iterable[tuple[str, object]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from ((f"{key}.{inner}", given) for inner, given in value.items())
        else:
            yield key, value


def _require_known(name: str, where: str, *, as_variable: bool = False) -> None:
    rows = {row.name: row for row in table()}
    if name in rows:
        return
    near = get_close_matches(name, rows, n=1, cutoff=0.6)
    near = near or [known for known in rows if known.rpartition(".")[2] == name.rpartition(".")[2]]
    shown = name
    if as_variable:
        shown = PREFIX + name.replace(".", "__").upper()
        near = [rows[known].variable for known in near]
    hint = f"did you mean {near[0]}?" if near else "`dicomweb-server config show` lists all"
    raise ConfigurationError(f"{shown} ({where}) is not a setting", hint)
