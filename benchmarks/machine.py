"""What the figures were measured on, and the programs that measuring needs."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

PACKAGES = {"Orthanc": "orthanc orthanc-dicomweb orthanc-gdcm", "wrk": "wrk", "curl": "curl"}
"""Debian package of each program."""

PLUGINS = {
    "orthanc-dicomweb": Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so"),
    "orthanc-gdcm": Path("/usr/share/orthanc/plugins/libOrthancGdcm.so"),
}
"""Orthanc's plugins by the Debian packages that have them."""


class MissingProgram(Exception):
    """A program that measuring needs is not installed."""


def program(name: str) -> str:
    """Path of a program.

    Raises:
        MissingProgram: It is not installed; the text says which package has it.
    """
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise MissingProgram(f"{name} is not installed: apt-get install {PACKAGES[name]}")
    return found


def orthanc_plugins() -> list[Path]:
    """Orthanc's DICOMweb plugin, and the one that decodes compressed pixels.

    Raises:
        MissingProgram: One is not installed.
    """
    for package, plugin in PLUGINS.items():
        if not plugin.is_file():
            raise MissingProgram(f"{plugin.name} is not installed: apt-get install {package}")
    return list(PLUGINS.values())


def version_of(command: list[str]) -> str:
    """First line of what a program says about its version."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).splitlines()[0].strip()


def describe() -> dict[str, str]:
    """Processor, cores, memory, Python."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
