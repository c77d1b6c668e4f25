"""Archives in memory that queries of DIMSE are put to, and the same queries as QIDO-RS has them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from urllib.parse import quote

from pydicom import Dataset
from pydicom.config import disable_value_validation
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from dicomweb_server.auth.open import ANYONE, OpenAuthorizer
from dicomweb_server.dicom.scan import scan
from dicomweb_server.dimse import identifier
from dicomweb_server.dimse.answers import Answers
from dicomweb_server.dimse.asked import PLAIN, Asked, Options, understand
from dicomweb_server.dimse.bridge import Bridge
from dicomweb_server.dimse.find import Matches
from dicomweb_server.dimse.models import MODELS, Model
from dicomweb_server.index.memory import MemoryIndex
from dicomweb_server.index.port import Index
from dicomweb_server.model.ids import Level, Scope
from dicomweb_server.model.instance import Blob, NewInstance
from dicomweb_server.model.levels import IndexPlan
from dicomweb_server.model.limits import QueryLimits, ScanLimits
from dicomweb_server.model.outcome import DuplicatePolicy
from dicomweb_server.model.query import Match, Query, SearchResult, StudyRow
from dicomweb_server.model.source import MemorySource
from dicomweb_server.service.context import Context
from dicomweb_server.service.search import Search
from dicomweb_server.wire import qido, querystring
from tests.datasets import part10

PLAN = IndexPlan.of()
PATIENT_ROOT, STUDY_ROOT, PATIENT_STUDY = MODELS
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
CONTEXT = Context(ANYONE, "test")
TITLE = "ARCHIVE"


def encoded(keys: Dataset, transfer_syntax: str = IMPLICIT) -> bytes:
    """A data set as another library encodes it."""
    target = DicomBytesIO()
    target.is_little_endian, target.is_implicit_VR = True, transfer_syntax == IMPLICIT
    with disable_value_validation():
        write_dataset(target, keys)
    return target.getvalue()


def decoded(data: bytes, transfer_syntax: str = IMPLICIT) -> Dataset:
    """A data set as another library decodes it."""
    found = read_dataset(BytesIO(data), transfer_syntax == IMPLICIT, True)
    found.decode()
    return found


def keys(level: str, **attributes: object) -> Dataset:
    """An identifier."""
    made = Dataset()
    with disable_value_validation():  # wildcards and ranges are no values of their VRs
        made.QueryRetrieveLevel = level
        for keyword, value in attributes.items():
            setattr(made, keyword, value)
    return made


def understood(
    asked: Dataset, model: Model = STUDY_ROOT, options: Options = PLAIN, syntax: str = IMPLICIT
) -> Asked:
    """An identifier as the bridge understands it."""
    return understand(identifier.read(encoded(asked, syntax), syntax), model, PLAN, options)


class Archive:
    """What queries are put to.

    Args:
        search: Who answers.
        bridge: To its loop.
    """

    def __init__(self, search: Search, bridge: Bridge) -> None:
        self.matches = Matches(search, bridge, CONTEXT)

    def find(
        self,
        asked: Dataset,
        model: Model = STUDY_ROOT,
        options: Options = PLAIN,
        syntax: str = IMPLICIT,
    ) -> list[Dataset]:
        """The answers to an identifier, decoded by another library."""
        read = identifier.read(encoded(asked, syntax), syntax)
        wanted = understand(read, model, PLAN, options)
        answers = Answers(wanted, TITLE, read.terms, syntax)
        return [decoded(data, syntax) for data in self.matches.answers(wanted, answers)]

    def qido(
        self, level: Level, scope: Scope, parameters: Mapping[str, str]
    ) -> list[dict[str, dict[str, object]]]:
        """What QIDO-RS answers, all of it."""
        text = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())
        limits = QueryLimits()
        found = querystring.parse(text.encode("ascii"), limits)
        parsed = qido.parse(level, scope, found, PLAN, limits)
        return [json.loads(row) for row in self.rows(parsed.query)]

    def rows(self, query: Query) -> Iterator[bytes]:
        """The rows of a query."""
        return self.matches.rows(query)


@contextmanager
def opened(index: Index) -> Iterator[Archive]:
    """A search over an index, on a loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield Archive(Search(index, OpenAuthorizer(), 5.0), Bridge(loop))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def filled(datasets: Iterable[Dataset]) -> MemoryIndex:
    """An index that knows some instances."""
    index = MemoryIndex()
    asyncio.run(index.put([_new(found) for found in datasets], DuplicatePolicy.KEEP))
    return index


def _new(found: Dataset) -> NewInstance:
    data = part10(found)
    digest = hashlib.sha256(data).hexdigest()
    scanned = scan(MemorySource(data), PLAN, ScanLimits())
    return NewInstance(scanned, Blob(digest, len(data)), 1)


class Counting(MemoryIndex):
    """An index of many studies that counts what it is asked.

    Args:
        studies: How many.
    """

    def __init__(self, studies: int) -> None:
        super().__init__()
        self.studies = studies
        self.pages: list[int] = []

    async def search(self, query: Query, seconds: float) -> SearchResult:
        """The next page."""
        start = int(query.page.cursor or 0)
        end = min(self.studies, start + query.page.limit)
        self.pages.append(end - start)
        rows = tuple(Match(_study(number)) for number in range(start, end))
        left = self.studies - end
        return SearchResult(rows, None, left, str(end) if left else None)


def _study(number: int) -> StudyRow:
    text = b'{"00100020":{"vr":"LO","Value":["P%07d"]}}' % (number // 2)
    return StudyRow(f"1.2.{number}", text, ("CT",), 1, 1)
