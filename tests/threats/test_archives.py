"""ZIP archives on their way in: nothing harmful stored, nothing unfolded, nothing left (T35)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dicomweb_server.errors import InvalidRequest
from dicomweb_server.ops.archives import ArchiveLimits, entries
from dicomweb_server.ops.candidates import Candidate
from dicomweb_server.testing.datasets import demo_study
from tests.servers import plain_environment
from tests.threats.archives import ARCHIVES, slips, write_all

MOST_MEMORY = 256 * 1024
"""KiB that an import may take beyond one of a sound folder."""


def read(candidate: Candidate) -> None:
    reader = candidate.open()
    try:
        while reader.read(1 << 20):
            pass
    finally:
        reader.close()


@pytest.mark.parametrize("make", ARCHIVES.values(), ids=ARCHIVES)
def test_nothing_comes_out_of_a_harmful_archive(make: Callable[[], bytes], tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(make())
    try:
        found = list(entries(path, ArchiveLimits()))
    except InvalidRequest:
        found = []
    for each in found:
        if isinstance(each, Candidate):
            with pytest.raises(InvalidRequest, match="damaged"):
                read(each)
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_of_harmful_archives_harms_no_import(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    write_all(folder)
    (folder / "sound.dcm").write_bytes(demo_study()[1])
    (folder / "slips.zip").write_bytes(slips())
    before = set(tmp_path.rglob("*"))
    done, peak = run_import(tmp_path, folder)
    *lines, summary = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 3, done.stderr
    assert summary["summary"]["stored"] == len(demo_study())
    failed = {Path(line["file"].partition(".zip")[0]).name for line in lines if "reason" in line}
    assert failed >= set(ARCHIVES) - {"nested", "symlink", "names of no letters"}
    new = set(tmp_path.rglob("*")) - before
    assert all(path.is_relative_to(tmp_path / "data") for path in new)
    assert not any("etc-passwd" in str(path) for path in new)
    assert "Traceback" not in done.stderr
    assert peak < baseline(tmp_path) + MOST_MEMORY


def baseline(tmp_path: Path) -> int:
    folder = tmp_path / "sound"
    folder.mkdir()
    for number, data in enumerate(demo_study()):
        (folder / f"{number}.dcm").write_bytes(data)
    return run_import(tmp_path, folder)[1]


def run_import(tmp_path: Path, folder: Path) -> tuple[subprocess.CompletedProcess[str], int]:
    """Import a folder; returns what was said, and the most memory in KiB."""
    told = tmp_path / "peak"
    script = (
        "import resource, sys\n"
        "from dicomweb_server.cli.main import main\n"
        "try:\n    main()\nfinally:\n"
        f"    open({str(told)!r}, 'w').write("
        "str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))\n"
    )
    command = [sys.executable, "-c", script, "import", "--json", "--data"]
    done = subprocess.run(
        [*command, str(tmp_path / "data"), str(folder)],
        capture_output=True,
        text=True,
        timeout=110,
        env=plain_environment(),
    )
    assert told.exists(), done.stderr[-2000:]
    peak = int(told.read_text())
    told.unlink()
    return done, peak
