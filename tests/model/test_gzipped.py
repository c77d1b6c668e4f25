"""Documents joined into one gzip member are what any inflater makes of the plain ones."""

from __future__ import annotations

import gzip
import os
import zlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.model.document import Document, json_array, json_length
from dicomweb_server.model.gzipped import combine, gzip_array

BASE = b"https://archive.example/dicom-web"
texts = st.lists(st.binary(max_size=300), min_size=1, max_size=4)


@given(st.lists(texts, max_size=6), st.binary(max_size=100))
def test_the_joined_member_inflates_to_the_array(documents: list[list[bytes]], base: bytes) -> None:
    made = [Document.of(each) for each in documents]
    plain = b"".join(json_array(made, base))
    assert gzip.decompress(b"".join(gzip_array(made, base))) == plain
    assert json_length(made, base) == len(plain)


@pytest.mark.parametrize("size", [0, 1, 12 * 1024, 12 * 1024 + 1, 100_000, 1_000_003])
def test_checksums_of_two_texts_give_that_of_both(size: int) -> None:
    first, second = os.urandom(500), os.urandom(size)
    combined = combine(zlib.crc32(first), zlib.crc32(second), size)
    assert combined == zlib.crc32(first + second)


def test_it_is_one_member_with_nothing_behind_it() -> None:
    documents = [Document.of((b'{"a":"', b'"}')) for _ in range(50)]
    joined = b"".join(gzip_array(documents, BASE))
    engine = zlib.decompressobj(zlib.MAX_WBITS | 16)
    plain = engine.decompress(joined)
    assert engine.eof
    assert engine.unused_data == b""
    assert plain == b"".join(json_array(documents, BASE))


def test_it_is_read_byte_by_byte() -> None:
    documents = [Document.of((b"x" * 5000, b"y" * 20_000)) for _ in range(3)]
    engine = zlib.decompressobj(zlib.MAX_WBITS | 16)
    joined = b"".join(gzip_array(documents, BASE))
    plain = b"".join(engine.decompress(joined[place : place + 1]) for place in range(len(joined)))
    assert plain == b"".join(json_array(documents, BASE))
    assert engine.eof


def test_a_base_longer_than_a_stored_block_is_cut() -> None:
    base = os.urandom(150_000)
    documents = [Document.of((b"a", b"b"))]
    joined = b"".join(gzip_array(documents, base))
    assert gzip.GzipFile(fileobj=BytesIO(joined)).read() == b"[a" + base + b"b]"


def test_no_documents_are_an_empty_array() -> None:
    assert gzip.decompress(b"".join(gzip_array([], BASE))) == b"[]"
    assert json_length([], BASE) == 2
