"""``dicomweb-server import``."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from dicomweb_server.cli.failure import FAILED, PARTIAL
from dicomweb_server.cli.options import data_and_config, settings_of
from dicomweb_server.cli.progress import ImportDisplay
from dicomweb_server.logs import configure
from dicomweb_server.ops.direct import open_folder
from dicomweb_server.ops.discovery import discover, measure
from dicomweb_server.ops.importer import Importer, ImportReport, Pace, Target
from dicomweb_server.ops.journal import Journal, journal_of_folder, journal_of_url
from dicomweb_server.ops.upload import Upload


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for.

    Args:
        paths: What to import.
        url: The server; None imports into the data folder.
        data: The data folder; None is that of the settings.
        config: The settings file.
        jobs: Batches at the same time.
        again: Do not leave out what an earlier import has stored.
    """

    paths: tuple[Path, ...]
    url: str | None
    data: Path | None
    config: Path | None
    jobs: int
    again: bool


@click.command("import", short_help="Store folders, files, ZIP archives or a DICOMDIR.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@data_and_config
@click.option("--url", help="DICOMweb root of the server to send to, instead of a data folder.")
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Batches.")
@click.option("--again", is_flag=True, help="Send what an earlier import has stored, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per file, and a summary.")
@click.pass_context
def import_(
    context: click.Context,
    /,
    paths: tuple[Path, ...],
    as_json: bool,
    **given: object,
) -> None:
    """Store what lies in PATHS: folders (with subfolders), files, ZIP archives, DICOMDIRs.

    Goes into the data folder, or to a server with --url. Files that are not DICOM are passed over
    and counted. Interrupted, the same command goes on where it stopped. Exit codes: 0 all stored,
    1 nothing stored, 3 some failed.
    """
    wanted = Wanted(paths=paths, **given)  # type: ignore[arg-type] # click has checked them
    if wanted.url is not None and wanted.data is not None:
        raise click.UsageError("give --data or --url, not both")
    with ImportDisplay(as_json=as_json) as display:
        threading.Thread(target=lambda: display.expect(measure(paths)), daemon=True).start()
        report = asyncio.run(_import(wanted, display))
    display.finish(report)
    context.exit(_code(report))


async def _import(wanted: Wanted, display: ImportDisplay) -> ImportReport:
    async with _target(wanted) as (target, path):
        with Journal(path, again=wanted.again) as journal:
            importer = Importer(target, journal, display, Pace(jobs=wanted.jobs))
            return await importer.run(discover(wanted.paths))


@asynccontextmanager
async def _target(wanted: Wanted) -> AsyncIterator[tuple[Target, Path]]:
    settings = settings_of(wanted.config, data=wanted.data).settings
    configure(settings.log)
    if wanted.url is not None:
        async with Upload(wanted.url) as upload:
            yield upload, journal_of_url(wanted.url.rstrip("/"), os.environ)
    else:
        async with open_folder(settings) as folder:
            yield folder, journal_of_folder(settings.data)


def _code(report: ImportReport) -> int:
    if report.failed:
        return PARTIAL if report.stored or report.present else FAILED
    return 0 if report.found else FAILED
