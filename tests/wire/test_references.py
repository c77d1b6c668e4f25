"""How parts are named (RFC 3986 5, RFC 2392)."""

from __future__ import annotations

import pytest

from dicomweb_server.wire.references import of_content_id, resolved

_BASE = "http://here:1/dicom-web/studies"


@pytest.mark.parametrize(
    ("uri", "wanted"),
    [
        ("a", "http://here:1/dicom-web/a"),
        ("./a", "http://here:1/dicom-web/a"),
        ("../a/b", "http://here:1/a/b"),
        ("/a", "http://here:1/a"),
        ("//there/a", "http://there/a"),
        ("?a", "http://here:1/dicom-web/studies?a"),
        (" http://there/a ", "http://there/a"),
        ("urn:oid:1.2", "urn:oid:1.2"),
        ("cid:a%3Cb", "cid:a<b"),
        ("CID:a", "cid:a"),
        ("http://[broken", "http://[broken"),
    ],
)
def test_references_are_resolved_against_the_request(uri: str, wanted: str) -> None:
    assert resolved(_BASE, uri) == wanted


def test_a_content_id_is_a_reference() -> None:
    assert of_content_id(" <a@b> ") == resolved(_BASE, "cid:a@b")
