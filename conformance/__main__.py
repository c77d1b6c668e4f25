"""The command line: python -m conformance --url http://host/dicom-web."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.console import Console

from conformance.client import Client
from conformance.model import Level, Result, Verdict
from conformance.output import Report, markdown, print_table, report_of
from conformance.registry import CHECKS, chosen, parse_only
from conformance.run import Unreachable, run_checks

_UNREACHABLE = 3
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(context_settings={"max_content_width": 100})
@click.option("--url", help="DICOMweb root of the server: http://host/dicom-web.")
@click.option("--name", default="", help="What the server is called in reports, with its version.")
@click.option("--only", default="", help="Parts, rows or ids, as a comma list: A,N3,R1.study.")
@click.option(
    "--level",
    default="may",
    type=click.Choice([level.value.lower() for level in Level]),
    help="The weakest level that is judged.",
)
@click.option("--json", "json_file", type=_FILE, help="Write the results to this file.")
@click.option("--markdown", "markdown_file", type=_FILE, help="Write a page to this file.")
@click.option("--header", "headers", multiple=True, help="Sent with each request: 'Name: value'.")
@click.option("--timeout", default=20.0, show_default=True, help="Seconds for one request.")
@click.option("--insecure", is_flag=True, help="Do not verify TLS certificates.")
@click.option("--keep", is_flag=True, help="Leave the data of the run in the server.")
@click.option("--list", "listed", is_flag=True, help="List the checks and end.")
def main(
    url: str | None,
    name: str,
    only: str,
    level: str,
    json_file: Path | None,
    markdown_file: Path | None,
    headers: tuple[str, ...],
    timeout: float,
    insecure: bool,
    keep: bool,
    listed: bool,
) -> None:
    """Judge a DICOMweb server from outside, requirement by requirement of PS3.18.

    Data of its own are stored under fresh UIDs and deleted at the end. The exit code is 0 when
    every SHALL holds, 1 when one does not, 2 for wrong usage, 3 when the server does not answer.
    """
    console = Console()
    if listed:
        _list(console)
        return
    if not url:
        raise click.UsageError("name the server: --url http://host/dicom-web")
    try:
        checks = chosen(parse_only(only), Level(level.upper()))
        sent = dict(_header(line) for line in headers)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    progress = Console(stderr=True)
    try:
        with Client(url, timeout, sent, verify=not insecure) as client:
            run = run_checks(client, checks, lambda result: _tell(progress, result), keep=keep)
    except Unreachable as error:
        progress.print(f"{url} does not answer: {error}", markup=False)
        sys.exit(_UNREACHABLE)
    report = report_of(run, name)
    print_table(console, report)
    _write(report, json_file, markdown_file)
    sys.exit(0 if run.conforms else 1)


def _write(report: Report, json_file: Path | None, markdown_file: Path | None) -> None:
    if json_file:
        json_file.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")
    if markdown_file:
        markdown_file.write_text(markdown([report]), "utf-8")


def _list(console: Console) -> None:
    for check in CHECKS:
        line = f"{check.id}\t{check.level}\t{check.clause}\t{check.title}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _header(line: str) -> tuple[str, str]:
    name, separator, value = line.partition(":")
    if not separator:
        raise ValueError(f"a header needs a colon: {line!r}")
    return name.strip(), value.strip()


def _tell(console: Console, result: Result) -> None:
    if result.verdict is Verdict.FAIL and console.is_terminal:
        console.print(f"{result.check.id} {result.reason}", markup=False, style="red")


if __name__ == "__main__":
    main()
