"""Search for studies: ``python search.py PatientName='doe*' StudyDate=20240101-20241231``.

Prints one line per study. Any attribute that the server indexes works as a filter, by keyword or
tag. Needs dicomweb-client.
"""

from __future__ import annotations

import argparse
import sys

from dicomweb_client.api import DICOMwebClient
from pydicom.dataset import Dataset

COLUMNS = (
    ("StudyDate", 8),
    ("ModalitiesInStudy", 8),
    ("PatientID", 16),
    ("PatientName", 28),
    ("StudyDescription", 32),
    ("NumberOfStudyRelatedInstances", 6),
)


def line(study: Dataset) -> str:
    """One study as a line of text."""
    cells = []
    for keyword, width in COLUMNS:
        value = study.get(keyword)
        text = "" if value is None else str(value)
        cells.append(text[:width].ljust(width))
    return "  ".join([*cells, str(study.StudyInstanceUID)])


def main() -> int:
    """Search and print; exit code 1 when nothing is found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("filters", nargs="*", metavar="ATTRIBUTE=VALUE")
    parser.add_argument("--url", default="http://127.0.0.1:8080/dicom-web")
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--fuzzy", action="store_true", help="find names word by word")
    arguments = parser.parse_args()

    filters = dict(text.split("=", 1) for text in arguments.filters)
    client = DICOMwebClient(url=arguments.url)
    found = client.search_for_studies(
        search_filters=filters,
        fields=["StudyDescription"],
        fuzzymatching=arguments.fuzzy,
        limit=arguments.limit,
    )
    for study in found:
        print(line(Dataset.from_json(study)))
    print(f"{len(found)} studies", file=sys.stderr)
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
