"""The metadata of a scope, as they are put together of what the index holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dicomweb_server.index.port import Documents
from dicomweb_server.model.document import json_array, json_length
from dicomweb_server.model.gzipped import gzip_array


@dataclass(frozen=True, slots=True)
class Metadata:
    """DICOM JSON of a scope.

    Args:
        documents: In order.
        revision: Changes whenever the scope changes.
    """

    documents: Documents
    revision: str

    def chunks(self, base: str) -> Iterator[bytes]:
        """The JSON array, a chunk for each instance; `base` as in `model.document`."""
        return json_array(self.documents.documents, base.encode())

    def length(self, base: str) -> int:
        """Bytes of all chunks."""
        return json_length(self.documents.documents, base.encode())

    def gzipped(self, base: str) -> Iterator[bytes]:
        """The JSON array as one gzip member, a chunk for each instance."""
        return gzip_array(self.documents.documents, base.encode())
