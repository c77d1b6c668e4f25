"""The origin that clients see, and who may say so."""

from __future__ import annotations

import pytest

from dicomweb_server.errors import InvalidRequest
from dicomweb_server.wire.forwarded import ProxyHeaders, origin

FOREIGN = ProxyHeaders(
    forwarded="host=evil.example;proto=https", host="evil.example", proto="https", prefix="/evil"
)


def test_without_a_proxy_the_host_header_counts() -> None:
    assert origin("http", b"pacs.example:8080", False) == "http://pacs.example:8080"


def test_an_untrusted_peer_cannot_change_the_origin() -> None:
    assert origin("http", b"localhost", False, FOREIGN) == "http://localhost"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (ProxyHeaders(forwarded="host=a.example;proto=https"), "https://a.example"),
        (ProxyHeaders(forwarded='for="[::1]:80";Host="a:8443";Proto=HTTPS'), "https://a:8443"),
        (ProxyHeaders(forwarded='host="[2001:db8::1]:8080", host=b'), "http://[2001:db8::1]:8080"),
        (ProxyHeaders(forwarded="for=1.2.3.4"), "http://inner:8080"),
        (ProxyHeaders(proto="https", host="a.example"), "https://a.example"),
        (ProxyHeaders(proto="https", host="a.example", port="443"), "https://a.example"),
        (ProxyHeaders(proto="https", host="a.example", port="8443"), "https://a.example:8443"),
        (ProxyHeaders(proto="http", host="a:81", port="80"), "http://a:81"),
        (ProxyHeaders(proto="https, http", host="a, b"), "https://a"),
        (ProxyHeaders(proto="https"), "https://inner:8080"),
        (ProxyHeaders(host="a", prefix="/pacs/"), "http://a/pacs"),
        (ProxyHeaders(forwarded="host=a", host="b", proto="https"), "http://a"),
        (ProxyHeaders(forwarded="host=a", prefix="/x"), "http://a/x"),
    ],
)
def test_a_trusted_proxy_names_the_origin(headers: ProxyHeaders, expected: str) -> None:
    assert origin("http", b"inner:8080", True, headers) == expected


@pytest.mark.parametrize(
    "host",
    [
        b"",
        b"a b",
        b"a/b",
        b"user@a",
        b"a:0",
        b"a:99999",
        b"a:",
        b"a:1:2",
        b"a\r\nb",
        b"a?b",
        b"[:1:]:80",
        b"[....]",
        b"[1.2.3.4]",
        b"a#b",
        b"\xe4.example",
        b".a",
        b"[::1",
        b"[zz]",
        b'"><script>',
        b"a" * 300,
        b"a\x00",
        b"a\n",
    ],
)
def test_a_host_that_is_none_is_refused(host: bytes) -> None:
    with pytest.raises(InvalidRequest):
        origin("http", host, False)
    with pytest.raises(InvalidRequest):
        origin("http", host, True, ProxyHeaders(proto="https"))


@pytest.mark.parametrize(
    "headers",
    [
        ProxyHeaders(proto="javascript"),
        ProxyHeaders(prefix="//evil.example"),
        ProxyHeaders(prefix="/../x"),
        ProxyHeaders(prefix="/a?b"),
        ProxyHeaders(prefix="x"),
        ProxyHeaders(forwarded="host"),
        ProxyHeaders(forwarded='host="a'),
        ProxyHeaders(forwarded="host=a," * 4096),
        ProxyHeaders(host="a", port="x"),
    ],
)
def test_malformed_proxy_headers_are_refused(headers: ProxyHeaders) -> None:
    with pytest.raises(InvalidRequest):
        origin("http", b"inner", True, headers)


def test_hosts_are_written_in_lower_case() -> None:
    assert origin("http", b"PACS.Example", False) == "http://pacs.example"


@pytest.mark.parametrize("host", ["a/b", "user@a", "a:99999", "a b", "a\r\nX: y", "@evil.example"])
def test_a_forwarded_host_that_is_none_is_refused(host: str) -> None:
    with pytest.raises(InvalidRequest):
        origin("http", b"ok", True, ProxyHeaders(host=host))


def test_an_empty_header_of_the_proxy_is_like_none() -> None:
    assert origin("http", b"ok", True, ProxyHeaders("", "", " ", "", "")) == "http://ok"
