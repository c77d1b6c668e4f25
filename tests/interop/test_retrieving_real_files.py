"""Real files of all kinds, moved: their data sets arrive as they were stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.filereader import read_file_meta_info

from dicomweb_server.auth.open import ANYONE
from dicomweb_server.dicom.implicit import data_set, even
from dicomweb_server.dimse.peers import Peer
from dicomweb_server.dimse.streaming import steps
from dicomweb_server.model import media
from dicomweb_server.model.ids import Scope
from dicomweb_server.model.instance import InstanceRecord
from dicomweb_server.service.context import Context
from tests import data
from tests.dimse.archives import keys
from tests.dimse.live import Live, serving
from tests.interop.retrievals import EVERYTHING, MOVESCU, STORESCP, asked, free_port, receiving
from tests.interop.stored import keep_possible

LARGEST = 60_000
NATIVE = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1")
COLOR_PALETTE = "1.2.840.10008.5.1.4.39.1"
"""Which storescp does not take."""
COMPRESSED = frozenset(s.uid for s in media.TRANSFER_SYNTAXES.values() if not s.is_native)
"""Not every file in these can be decoded."""
pytestmark = [
    pytest.mark.skipif(not (MOVESCU and STORESCP), reason="movescu or storescp is not installed"),
    pytest.mark.skipif(not data.valid_files(), reason="the folder of real files is absent"),
]


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[Live]:
    peers = [
        Peer("TESTER", "127.0.0.1", 0, tls=False, allow=EVERYTHING),
        Peer("RECEIVER", "127.0.0.1", port, tls=False, allow=EVERYTHING),
    ]
    files = [path for path in data.valid_files() if path.stat().st_size <= LARGEST]
    with serving(tmp_path_factory.mktemp("archive"), peers) as running:
        assert keep_possible(running, [path.read_bytes() for path in files]) > 50
        yield running


def stored(live: Live) -> dict[str, tuple[InstanceRecord, bytes]]:
    """Each instance with its encoded data set, by SOP Instance UID."""
    outbound = live.services.retrieve.outbound
    found = {}
    for page in steps(live.bridge, outbound.pages(Context(ANYONE, "test"), Scope(), 1 << 60)):
        for record, _ in page:
            body = outbound.file(record, record.transfer_syntax).body(None)
            raw = b"".join(steps(live.bridge, body))
            found[record.key.instance] = (record, b"".join(data_set([raw])))
    return found


@pytest.mark.parametrize("accepts", ["+xa", "+x="])
def test_all_of_them_are_moved(live: Live, tmp_path: Path, port: int, accepts: str) -> None:
    """As they are stored where the receiver takes that, else uncompressed."""
    known = stored(live)
    studies = sorted({record.key.study for record, _ in known.values()})
    wanted = keys("STUDY", StudyInstanceUID=studies)
    with receiving(tmp_path / "moved", port, accepts, "-pm", "+B", "-uf") as folder:
        asked(live, tmp_path, MOVESCU, wanted, "-S", "-aem", "RECEIVER")
    arrived = {}
    for path in folder.iterdir():
        meta = read_file_meta_info(path)
        uid, syntax = str(meta.MediaStorageSOPInstanceUID), str(meta.TransferSyntaxUID)
        arrived[uid] = (syntax, path.read_bytes())
    for uid, (syntax, raw) in arrived.items():
        record, encoded = known[uid]
        if syntax == record.transfer_syntax:
            assert b"".join(even(data_set([raw]))) == b"".join(even([encoded]))
        else:
            assert syntax in NATIVE
    asked_for = {uid: r for uid, (r, _) in known.items() if r.sop_class != COLOR_PALETTE}
    missing = {asked_for[uid].transfer_syntax for uid in asked_for.keys() - arrived.keys()}
    if accepts == "+xa":
        assert not missing
    assert missing <= COMPRESSED
