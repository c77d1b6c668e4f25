"""Accept-Encoding (RFC 9110 12.5.3, STANDARD N16)."""

from __future__ import annotations

import pytest

from dicomweb_server.errors import InvalidParameter, NotAcceptable
from dicomweb_server.wire.encoding import choose


@pytest.mark.parametrize(
    "header",
    [
        "gzip",
        "GZIP",
        "x-gzip",
        "gzip, deflate",
        "gzip, deflate, br, zstd",
        "br;q=1.0, gzip;q=0.8, *;q=0.1",
        "*",
        "gzip;q=0.001",
        "gzip;q=0.5, identity;q=0.5",
        "identity;q=0, *",
        "identity;q=0.1, gzip;q=0.2",
    ],
)
def test_n16_gzip_is_sent_where_it_is_wanted(header: str) -> None:
    assert choose([header]) == "gzip"


@pytest.mark.parametrize(
    "header",
    [
        "",
        ";",
        ",;,; ;",
        "identity",
        "br",
        "gzip;q=0",
        "gzip;q=0, *",
        "*;q=0.5, gzip;q=0, identity",
        "identity, gzip;q=0.5",
        "identity;q=0.5, *;q=0.2",
        "gzip;q=nonsense",
        "gzip;q=2",
    ],
)
def test_n16_the_plain_form_is_sent_otherwise(header: str) -> None:
    assert choose([header]) == "identity"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("zstd", "zstd"),
        ("gzip, zstd", "gzip"),
        ("zstd, gzip;q=0.9", "zstd"),
        ("gzip;q=0, zstd", "zstd"),
        ("identity;q=0.5, gzip;q=0.1, zstd;q=0.6", "zstd"),
        ("identity, zstd;q=0.6", "identity"),
        ("zstd;q=0", "identity"),
        ("zstd;q=0.5, *", "gzip"),
    ],
)
def test_n16_zstd_is_sent_where_it_is_wanted_most(header: str, expected: str) -> None:
    assert choose([header]) == expected


def test_n16_no_header_means_the_plain_form() -> None:
    assert choose([]) == "identity"


def test_n16_lines_count_as_one_list() -> None:
    assert choose(["br", "gzip"]) == "gzip"


@pytest.mark.parametrize(
    "header", ["identity;q=0", "*;q=0", "br, identity;q=0", "gzip;q=0, identity;q=0"]
)
def test_n16_what_excludes_both_is_not_acceptable(header: str) -> None:
    with pytest.raises(NotAcceptable) as caught:
        choose([header])
    assert "gzip" in caught.value.hint


def test_n16_the_header_is_bounded() -> None:
    with pytest.raises(InvalidParameter):
        choose(["gzip," * 5000])
