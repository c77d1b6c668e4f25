"""What DCMTK's storescu sends is what WADO-RS returns, byte by byte.

storescu writes each data set anew before it sends it, so the oracle is storescp, which keeps what
storescu sent to it as it came.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from pydicom import FileMetaDataset
from pydicom.config import disable_value_validation
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info

from dicomweb_server.dimse.store import is_storage
from dicomweb_server.model import media
from tests import data, servers
from tests.dimse import raw
from tests.interop.dcmtk import echoscu, receiving, storescu
from tests.programs import require

UNCOMPRESSED = (media.IMPLICIT_LITTLE, media.EXPLICIT_LITTLE, media.EXPLICIT_BIG)
pytestmark = pytest.mark.timeout(900)  # many files by many programs, on whatever machine
_P = "1.2.840.10008.1.2."
COMPRESSED = {
    _P + "1.99": "-xd",
    _P + "4.50": "-xy",
    _P + "4.51": "-xx",
    _P + "4.70": "-xs",
    _P + "4.80": "-xt",
    _P + "4.81": "-xu",
    _P + "4.90": "-xv",
    _P + "4.91": "-xw",
    _P + "4.100": "-xm",
    _P + "4.102": "-xn",
    _P + "4.107": "-x4",
    _P + "5": "-xr",
}
"""Transfer syntaxes that storescu can propose, each with its option."""

SETTINGS = {
    "DICOMWEB_DIMSE__ENABLED": "true",
    "DICOMWEB_DIMSE__PORT": "0",
    "DICOMWEB_LOG__LEVEL": "error",  # nobody reads the lines of so many requests
    "DICOMWEB_STORE__DUPLICATES": "replace",  # each instance comes in several encodings
}
NEVER_SENT = (media.IMPLICIT_LITTLE, media.EXPLICIT_BIG)
OPTIONS = ("-xe", "-xb", "-xi", "-xd")
_LARGEST = 30_000_000


def meta_of(path: Path) -> FileMetaDataset:
    """The File Meta Information, whatever its UIDs look like."""
    with disable_value_validation():
        meta = read_file_meta_info(path)
        for keyword in ("MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID"):
            meta.get(keyword)  # converted when it is first asked for
    return meta


def by_syntax() -> dict[str, list[Path]]:
    """The valid files by transfer syntax, each SOP instance once."""
    found: dict[str, list[Path]] = {}
    seen = set()
    for path in data.valid_files():
        try:
            meta = meta_of(path)
            instance = str(meta.MediaStorageSOPInstanceUID)
        except (InvalidDicomError, AttributeError):
            continue
        if instance not in seen and path.stat().st_size < _LARGEST:
            seen.add(instance)
            found.setdefault(str(meta.TransferSyntaxUID), []).append(path)
    return found


def body_of(part10: bytes) -> bytes:
    """The data set of a Part 10 file."""
    return part10[144 + int.from_bytes(part10[140:144], "little") :]


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of an instance on its way.

    Args:
        syntax: Its transfer syntax.
        digest: Of its data set.
    """

    syntax: str
    digest: str

    @classmethod
    def of(cls, part10: bytes) -> Sent:
        """What a Part 10 file holds."""
        place = part10.index(b"\2\0\x10\0UI", 132) + 6
        length = int.from_bytes(part10[place : place + 2], "little")
        syntax = part10[place + 2 : place + 2 + length].rstrip(b"\0").decode()
        return cls(syntax, hashlib.sha256(body_of(part10)).hexdigest())


class Archive:
    """A running server with both of its doors."""

    def __init__(self, running: servers.Running, blobs: Path) -> None:
        self.port = running.dicom_port()
        self.client = httpx.Client(base_url=running.root, timeout=60)
        self._blobs = blobs

    def kept(self) -> set[Sent]:
        """What lies in the store, also in syntaxes that never go out (PS3.18 8.7.3)."""
        found = (path for path in self._blobs.rglob("*") if path.is_file())
        return {Sent.of(path.read_bytes()) for path in found}

    def instance(self, instance: str) -> Sent | None:
        """What WADO-RS returns; None for an instance that is not found."""
        found = self.client.get("/instances", params={"SOPInstanceUID": instance})
        if found.status_code == 204 or not found.json():
            return None
        (row,) = found.json()
        url = row["00081190"]["Value"][0]
        accept = "application/dicom; transfer-syntax=*"
        return Sent.of(self.client.get(url, headers={"Accept": accept}).raise_for_status().content)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    data_folder = tmp_path_factory.mktemp("archive") / "data"
    with servers.serving(data_folder, variables=SETTINGS) as running:
        archive = Archive(running, data_folder / "blobs")
        with archive.client:
            yield archive


def received(folder: Path) -> dict[str, Sent]:
    """What storescp wrote, by SOP Instance UID."""
    digests = {}
    for path in folder.iterdir():
        meta = meta_of(path)
        digests[str(meta.MediaStorageSOPInstanceUID)] = Sent.of(path.read_bytes())
    return digests


def _syntax(sent: Sent | None) -> str:
    return "" if sent is None else sent.syntax


def compare(archive: Archive, tmp_path: Path, sent: Mapping[str, list[Path]]) -> int:
    """Send files by their options to both; the number of instances that are the same."""
    folder = tmp_path / "received"
    preferred = "+xb" if "-xb" in sent else "+xa"
    with receiving(folder, preferred) as port:
        for option, paths in sent.items():
            storescu(port, paths, option)
            told = storescu(archive.port, paths, option)
            assert "(Failure" not in told.stdout + told.stderr
    expected = received(folder)
    returned = {uid: archive.instance(uid) for uid in expected}
    assert None not in returned.values()
    # The two servers may have chosen different transfer syntaxes of those proposed.
    alike = {uid: sent for uid, sent in expected.items() if _syntax(returned[uid]) == sent.syntax}
    assert {uid: returned[uid] for uid in alike} == alike
    hidden = {sent for sent in expected.values() if sent.syntax in NEVER_SENT} & archive.kept()
    return len(alike) + len(hidden)


@pytest.mark.usefixtures("data_folder")
@pytest.mark.parametrize("option", OPTIONS)
def test_uncompressed_files_return_as_they_were_sent(
    archive: Archive, tmp_path: Path, option: str
) -> None:
    found = by_syntax()
    paths = [path for syntax in UNCOMPRESSED for path in found[syntax]]
    quarter = paths[OPTIONS.index(option) :: len(OPTIONS)]
    assert compare(archive, tmp_path, {option: quarter}) > len(quarter) // 2


@pytest.mark.usefixtures("data_folder")
def test_compressed_files_return_as_they_were_sent(archive: Archive, tmp_path: Path) -> None:
    found = by_syntax()
    sent = {COMPRESSED[each]: paths for each, paths in found.items() if each in COMPRESSED}
    assert len(sent) >= 11
    assert compare(archive, tmp_path, sent) > 60


@pytest.mark.usefixtures("data_folder")
def test_every_file_sent_as_it_is_returns_as_it_is(archive: Archive) -> None:
    found = [(path, syntax) for syntax, paths in by_syntax().items() for path in paths]
    sent = [_send_raw(archive, path, syntax) for path, syntax in found]
    assert len(sent) - sent.count(None) > 250
    hidden = {one for one in sent if one and one.syntax in NEVER_SENT}
    assert hidden <= archive.kept()


def _send_raw(archive: Archive, path: Path, syntax: str) -> Sent | None:
    """Send a file's data set, and look whether it is there; None where it is refused."""
    meta = meta_of(path)
    sop_class, instance = str(meta.MediaStorageSOPClassUID), str(meta.MediaStorageSOPInstanceUID)
    if not is_storage(sop_class, any_class=True):
        return None
    whole = path.read_bytes()
    context = raw.Context(3, sop_class, (syntax,))
    with raw.Peer.connect(archive.port) as peer:
        peer.send(raw.associate_rq("DICOMWEB", contexts=(raw.ECHO, context)))
        kind, answer = peer.receive()
        assert raw.results(answer) == {1: 0, 3: 0}, (kind, path)
        peer.send(raw.store_rq(body_of(whole), sop_class, instance, piece=100_000))
        status, comment = peer.status()
        peer.release()
    if status == 0xA900:  # the File Meta Information names another instance than the data set
        return None
    if (
        path.name == "GH1376.dcm"
    ):  # its File Meta Information names two syntaxes, the wrong one last
        assert comment.startswith("the pixel data lie in fragments, but")
        return None
    assert status == 0, (path, hex(status), comment)
    sent = Sent(syntax, Sent.of(whole).digest)
    assert syntax in NEVER_SENT or archive.instance(instance) == sent, path
    return sent


def test_echo_of_another_title_is_rejected(archive: Archive) -> None:
    require("echoscu")
    assert echoscu(archive.port, "-aec", "DICOMWEB") == 0
    assert echoscu(archive.port, "-aec", "OTHER") != 0
    assert isinstance(storescu(archive.port, [], "-v"), subprocess.CompletedProcess)
