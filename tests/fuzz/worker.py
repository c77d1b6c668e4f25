"""One harness under Atheris: `python -m tests.fuzz.worker NAME FINDINGS [options of libFuzzer]`."""

from __future__ import annotations

import hashlib
import sys
import traceback
from pathlib import Path

import atheris

PACKAGE = "dicomweb_server"


def main() -> None:
    """Feed one harness until the options say that it is enough.

    What breaks a promise is written to the folder of findings, the shortest input for each place,
    and the run goes on.
    """
    name, folder, *options = sys.argv[1:]
    with atheris.instrument_imports(include=[PACKAGE]):
        from tests.fuzz.harness import load, timed  # instrumented only when imported here

        harness = load(name)
    findings = Path(folder)

    def one(data: bytes) -> None:
        try:
            timed(harness, data)
        except Exception as error:  # noqa: BLE001 - whatever comes out is what is looked for
            note(findings, data, error)

    arguments = [sys.argv[0], f"-max_len={harness.longest}", *options]
    if harness.words:
        words = findings.with_suffix(".dict")
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in harness.words), "ascii")
        arguments.append(f"-dict={words}")
    atheris.Setup(arguments, one)
    atheris.Fuzz()


def note(folder: Path, data: bytes, error: BaseException) -> None:
    """Keep an input under its error and place, unless a shorter one is there."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if f"/{PACKAGE}/" in frame.filename] or frames
    place = f"{Path(ours[-1].filename).stem}-{ours[-1].lineno}"
    asserted = f"-{frames[-1].lineno}" if isinstance(error, AssertionError) else ""
    stem = folder / f"{type(error).__name__}-{place}{asserted}"
    kept = stem.with_suffix(".input")
    if kept.exists() and kept.stat().st_size <= len(data):
        return
    folder.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(data)
    told = "".join(traceback.format_exception(error))
    stem.with_suffix(".txt").write_text(f"{hashlib.sha256(data).hexdigest()}\n{data!r}\n{told}")


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    main()
