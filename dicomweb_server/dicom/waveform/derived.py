"""Limb leads that follow from two others (Einthoven, Goldberger).

Recorders that store eight leads leave them to whoever draws the page.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import replace

from dicomweb_server.dicom.waveform.groups import Channel

MARK = " (derived)"
"""What stands behind the names of leads that were not recorded."""

_WEIGHTS = {
    "III": (-2, 2),
    "aVR": (-1, -1),
    "aVL": (2, -1),
    "aVF": (-1, 2),
}
"""Twice of what I and II count for in each lead."""


def limb_leads(leads: Mapping[str, Channel], most: int) -> dict[str, Channel]:
    """Those limb leads that were not recorded, where I and II were, sample by sample alike.

    Args:
        leads: What was recorded.
        most: Samples that are needed of each.
    """
    first, second = leads.get("I"), leads.get("II")
    if first is None or second is None or not _are_alike(first, second):
        return {}
    if any(each.padding in each.samples[:most] for each in (first, second)):
        return {}
    return {lead: _sum(first, second, lead, most) for lead in _WEIGHTS if lead not in leads}


def _are_alike(first: Channel, second: Channel) -> bool:
    return (
        (first.unit, first.scale, first.start) == (second.unit, second.scale, second.start)
        and len(first.samples) == len(second.samples)
        and first.samples.itemsize < 8
    )


def _sum(first: Channel, second: Channel, lead: str, most: int) -> Channel:
    one, two = _WEIGHTS[lead]
    pairs = zip(first.samples[:most], second.samples[:most], strict=True)
    return replace(
        first,
        name=f"{lead}{MARK}",
        lead=lead,
        scale=first.scale / 2,
        offset=(one * first.offset + two * second.offset) / 2,
        samples=array("q", (one * a + two * b for a, b in pairs)),
        padding=None,
    )
