"""Settings: precedence, provenance, and errors that say what would work."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from dicomweb_server.errors import ConfigurationError
from dicomweb_server.model.outcome import DuplicatePolicy
from dicomweb_server.settings import LogFormat, ServerKind, Settings, load
from dicomweb_server.settings.table import markdown, table, values


def test_defaults_are_the_settings_without_arguments() -> None:
    loaded = load(None, {}, {})
    assert loaded.settings == Settings()
    assert loaded.origins == {}
    assert loaded.settings.server.host == "127.0.0.1"


def test_command_line_wins_over_environment_over_file(tmp_path: Path) -> None:
    (tmp_path / "dicomweb.toml").write_text(
        '[server]\nport = 1\nworkers = 3\nhost = "::1"\n[store]\nduplicates = "replace"\n'
    )
    environ = {"DICOMWEB_SERVER__PORT": "2", "DICOMWEB_SERVER__WORKERS": "4"}
    loaded = load(None, environ, {"data": tmp_path, "server.port": 3, "server.host": None})
    server = loaded.settings.server
    assert (server.port, server.workers, server.host) == (3, 4, "::1")
    assert loaded.settings.store.duplicates is DuplicatePolicy.REPLACE
    assert loaded.origins == {
        "data": "command line",
        "server.port": "command line",
        "server.workers": "DICOMWEB_SERVER__WORKERS",
        "server.host": str(tmp_path / "dicomweb.toml"),
        "store.duplicates": str(tmp_path / "dicomweb.toml"),
    }


def test_file_is_looked_for_in_the_data_folder_of_the_environment(tmp_path: Path) -> None:
    (tmp_path / "dicomweb.toml").write_text("[server]\nport = 7\n")
    assert load(None, {"DICOMWEB_DATA": str(tmp_path)}, {}).settings.server.port == 7


def test_named_file_wins_over_the_one_in_the_data_folder(tmp_path: Path) -> None:
    (tmp_path / "dicomweb.toml").write_text("[server]\nport = 7\n")
    named = tmp_path / "other.toml"
    named.write_text(f'data = "{tmp_path}"\n[server]\nport = 8\n')
    assert load(named, {}, {}).settings == load(None, {"DICOMWEB_CONFIG": str(named)}, {}).settings
    settings = load(named, {}, {}).settings
    assert (settings.server.port, settings.data) == (8, tmp_path)


def test_sizes_take_units_and_lists_take_commas() -> None:
    settings = load(
        None,
        {
            "DICOMWEB_STORE__MAX_INSTANCE_BYTES": "3 GiB",
            "DICOMWEB_STORE__RESERVE_BYTES": "1024",
            "DICOMWEB_HTTP__CORS_ORIGINS": "https://A.example.org, http://localhost:3000",
            "DICOMWEB_HTTP__TRUSTED_PROXIES": '["10.0.0.0/8", "::1"]',
            "DICOMWEB_INDEX__EXTRA": "BodyPartExamined,00400275.00400007",
            "DICOMWEB_QUERY__DEFAULT_LIMITS": "1,2,3",
        },
        {},
    ).settings
    assert settings.store.max_instance_bytes == 3 * 1024**3
    assert settings.store_limits().reserve == 1024
    assert settings.http.cors_origins == ("https://a.example.org", "http://localhost:3000")
    assert [str(network) for network in settings.http.trusted_proxies] == ["10.0.0.0/8", "::1/128"]
    assert settings.index.extra_paths == ((0x00180015,), (0x00400275, 0x00400007))
    assert settings.query_limits().default_limit == (1, 2, 3)


def test_paths_and_urls_lose_the_slash_at_their_end() -> None:
    http = load(
        None,
        {},
        {"http.root": "/a/b/", "http.public_base_url": "https://pacs.example.org/x/"},
    ).settings.http
    assert (http.root, http.public_base_url) == ("/a/b", "https://pacs.example.org/x")


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("DICOMWEB_SERVER__PROT", "DICOMWEB_SERVER__PORT"),
        ("DICOMWEB_PORT", "DICOMWEB_SERVER__PORT"),
        ("DICOMWEB_HTTP__CORS_ORIGIN", "DICOMWEB_HTTP__CORS_ORIGINS"),
        ("DICOMWEB_DATA_DIR", "DICOMWEB_DATA"),
        ("DICOMWEB_QQ__ZZ", "config show"),
    ],
)
def test_unknown_variable_is_an_error_with_a_suggestion(variable: str, hint: str) -> None:
    with pytest.raises(ConfigurationError, match=variable) as caught:
        load(None, {variable: "1"}, {})
    assert hint in caught.value.hint


def test_unknown_key_of_the_file_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "dicomweb.toml"
    file.write_text("[store]\nduplicate = 'keep'\n")
    with pytest.raises(ConfigurationError, match=r"store\.duplicate .*dicomweb\.toml") as caught:
        load(file, {}, {})
    assert caught.value.hint == "did you mean store.duplicates?"


def test_variables_of_tests_and_of_kubernetes_services_are_not_settings() -> None:
    environ = {
        "DICOMWEB_TEST_DATA": "/somewhere",
        "DICOMWEB_PORT": "tcp://10.0.0.1:8080",
        "DICOMWEB_SERVICE_HOST": "10.0.0.1",
        "DICOMWEB_PORT_8080_TCP_ADDR": "10.0.0.1",
    }
    assert load(None, environ, {}).settings == Settings()


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("server.port", "x", "should be a valid integer"),
        ("server.port", "70000", "less than or equal to 65535"),
        ("server.kind", "uvicorn", "'hypercorn' or 'granian'"),
        ("server.insecure_open", "perhaps", "should be a valid boolean"),
        ("store.max_instance_bytes", "12 parsec", "512 MiB"),
        ("store.idle_seconds", "nan", "finite"),
        ("index.extra", "NoSuchKeyword", "keywords of PS3.6"),
        ("http.root", "/", "/dicom-web"),
        ("http.root", "/a/../b", "/dicom-web"),
        ("http.root", "/livez", "another use"),
        ("http.public_base_url", "pacs.example.org", "absolute URL"),
        ("http.public_base_url", "https://pacs.example.org:x", "absolute URL"),
        ("http.cors_origins", "https://a.example.org/path", "origin"),
        ("http.trusted_proxies", "10.0.0.1/8", "IP address or network"),
        ("query.default_limits", "1,2", "three numbers"),
        ("query.default_limits", "1,2,60000", "maximum"),
    ],
)
def test_wrong_value_is_an_error_that_says_what_is_allowed(
    name: str, value: str, says: str
) -> None:
    variable = "DICOMWEB_" + name.replace(".", "__").upper()
    with pytest.raises(ConfigurationError, match=name.replace(".", r"\.")) as caught:
        load(None, {variable: value}, {})
    assert says in caught.value.detail


def test_file_in_the_data_folder_cannot_move_the_data_folder(tmp_path: Path) -> None:
    (tmp_path / "dicomweb.toml").write_text('data = "elsewhere"\n')
    with pytest.raises(ConfigurationError, match="data: cannot be set"):
        load(None, {}, {"data": tmp_path})


def test_broken_or_missing_file_is_an_error(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("[server\n")
    with pytest.raises(ConfigurationError, match="is not TOML"):
        load(broken, {}, {})
    with pytest.raises(ConfigurationError, match="does not exist"):
        load(tmp_path / "missing.toml", {}, {})


def test_settings_travel_to_worker_processes() -> None:
    settings = load(None, {"DICOMWEB_HTTP__TRUSTED_PROXIES": "10.0.0.0/8"}, {}).settings
    assert pickle.loads(pickle.dumps(settings)) == settings  # noqa: S301 - our own bytes


def test_every_setting_has_a_meaning_and_a_value() -> None:
    shown = values(Settings())
    for row in table():
        assert row.meaning.endswith("."), row.name
        assert shown[row.name] == row.default
    assert {row.name for row in table()} == set(shown)
    assert {"server.port", "data", "log.format"} <= set(shown)


def test_table_names_the_choices_of_closed_sets() -> None:
    rows = {row.name: row for row in table()}
    assert rows["server.kind"].choices == tuple(kind.value for kind in ServerKind)
    assert rows["log.format"].choices == tuple(each.value for each in LogFormat)
    assert rows["server.kind"].variable == "DICOMWEB_SERVER__KIND"


def test_reference_page_has_a_line_for_each_setting() -> None:
    page = markdown()
    for row in table():
        assert f"| `{row.name}` | `{row.default}` |" in page


def test_reference_page_is_up_to_date() -> None:
    page = Path(__file__).parents[1] / "docs" / "settings.md"
    assert page.read_text("utf-8") == markdown(), "run make docs"
