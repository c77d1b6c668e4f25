"""Store every DICOM file of a folder: ``python upload_folder.py FOLDER [--url URL]``.

Files go in groups, each group as one STOW-RS request that is streamed from disk. Needs httpx.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx

BOUNDARY = "upload-folder-example-7d1f0c8e4b2a"
CONTENT_TYPE = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'


def is_dicom(path: Path) -> bool:
    """Whether a file begins as DICOM files do."""
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def body(paths: Sequence[Path]) -> Iterator[bytes]:
    """A request body with one part per file."""
    for path in paths:
        yield f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                yield chunk
        yield b"\r\n"
    yield f"--{BOUNDARY}--\r\n".encode()


def upload(client: httpx.Client, paths: Sequence[Path]) -> tuple[int, int]:
    """Store some files and tell how many were stored and how many were refused."""
    headers = {"Content-Type": CONTENT_TYPE, "Accept": "application/dicom+json"}
    answer = client.post("/studies", content=body(paths), headers=headers)
    if answer.status_code not in (200, 202, 409):
        answer.raise_for_status()
    outcome = answer.json()
    stored = outcome.get("00081199", {}).get("Value", [])
    return len(stored), len(paths) - len(stored)


def main() -> int:
    """Upload a folder; exit code 1 when something was refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:8080/dicom-web")
    parser.add_argument("--group", type=int, default=50, help="files per request")
    arguments = parser.parse_args()

    files = [path for path in sorted(arguments.folder.rglob("*")) if path.is_file()]
    paths = [path for path in files if is_dicom(path)]
    stored = refused = 0
    with httpx.Client(base_url=arguments.url, timeout=300) as client:
        for start in range(0, len(paths), arguments.group):
            good, bad = upload(client, paths[start : start + arguments.group])
            stored, refused = stored + good, refused + bad
            print(f"{start + good + bad} of {len(paths)} files")
    print(f"{stored} stored, {refused} refused, {len(files) - len(paths)} not DICOM")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
