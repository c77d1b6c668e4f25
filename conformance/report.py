"""Several runs side by side: python -m conformance.report a.json b.json --output REPORT.md."""

from __future__ import annotations

import json
from pathlib import Path

import click

from conformance.output import Report, markdown


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.option("--note", "notes", multiple=True, help="A remark about a server.")
def main(files: tuple[Path, ...], output: Path, notes: tuple[str, ...]) -> None:
    """Write the JSON results of several runs as one page."""
    reports: list[Report] = [json.loads(file.read_text("utf-8")) for file in files]
    output.write_text(markdown(reports, notes), "utf-8")


if __name__ == "__main__":
    main()
