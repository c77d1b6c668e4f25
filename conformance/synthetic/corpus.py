"""All instances of a run, under fresh UIDs and patient IDs that nobody else has."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from conformance.synthetic import pixels
from conformance.synthetic.images import SECONDARY_CAPTURE, images, new_image, pixel_module
from conformance.synthetic.instance import EXPLICIT, Instance, new_uid
from conformance.synthetic.values import values

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
SEARCHED = ("alpha", "beta", "gamma", "delta", "epsilon")
"""Studies that share an accession number."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """The instances of a run.

    Args:
        run: Namespace of the run: patient IDs begin with it, the accession number is it.
        instances: By name.
    """

    run: str
    instances: dict[str, Instance]

    def __getitem__(self, name: str) -> Instance:
        return self.instances[name]

    def __iter__(self) -> Iterator[Instance]:
        return iter(self.instances.values())

    def names_by(self, attribute: str) -> dict[str, str]:
        """Names of instances by `study`, `series` or `uid`; the first of a study names it."""
        found: dict[str, str] = {}
        for instance in self:
            found.setdefault(getattr(instance, attribute), instance.name)
        return found

    @property
    def studies(self) -> list[str]:
        """Study Instance UIDs, each once."""
        return list(dict.fromkeys(instance.study for instance in self))


def make_corpus() -> Corpus:
    """New instances for a run."""
    run = f"CF{secrets.token_hex(4).upper()}"
    found = [*_searched(run), _zeta(run)]
    found += images(_study(run, "P", "Conform^Pixels", "20060801", "100000", "CF-PIX"))
    found += values(_study(run, "V", "Conform^Values", "20060802", "100000", "CF-VAL"))
    return Corpus(run, {instance.name: instance for instance in found})


def _study(run: str, patient: str, name: str, date: str, time: str, identifier: str) -> Dataset:
    base = Dataset()
    base.SpecificCharacterSet = "ISO_IR 192"
    base.PatientName = name
    base.PatientID = f"{run}-{patient}"
    base.PatientBirthDate = "19700102"
    base.PatientSex = "O"
    base.StudyInstanceUID = new_uid()
    base.StudyDate, base.StudyTime = date, time
    base.StudyID = identifier
    base.AccessionNumber = f"{run}-{patient}"
    base.ReferringPhysicianName = "Referrer^Rita"
    return base


def _searched(run: str) -> list[Instance]:
    alpha = _study(run, "A", "Conform^Alpha^Middle^Dr^Jr", "20060705", "093000", "CF-001")
    alpha.StudyDescription = "Conformance Alpha"
    alpha.TimezoneOffsetFromUTC = "+0100"
    alpha.OtherPatientIDsSequence = Sequence([_other(f"{run}-X", "one"), _other("Y", "two")])
    beta = _study(run, "B", "Conform^Beta", "20060705", "103000", "CF-002")
    beta.ReferringPhysicianName = "Other^Olga"
    gamma = _study(run, "C", "Yamada^Tarou=山田^太郎=やまだ^たろう", "20060706", "2230", "XX-003")
    delta = _study(run, "D", "Äpfel^Öse", "20060707", "120000", "CF-004")
    delta.SpecificCharacterSet = "ISO_IR 100"
    epsilon = _study(run, "E", "Conform^Epsilon", "20060707", "190000", "CF+05")
    for study in (alpha, beta, gamma, delta, epsilon):
        study.AccessionNumber = run
    found = _alpha(alpha)
    found.append(_slice("beta", new_image(beta, MR, "MR"), 1))
    found.append(_slice("gamma", new_image(gamma, CT, "CT"), 1))
    found.append(_slice("delta", new_image(delta, CT, "CT"), 1))
    found.append(_slice("epsilon", new_image(epsilon, SECONDARY_CAPTURE, "OT"), 1))
    return found


def _alpha(study: Dataset) -> list[Instance]:
    ct = new_image(study, CT, "CT")
    ct.SeriesNumber = 7
    ct.SeriesDescription = "Conformance CT"
    ct.PerformedProcedureStepStartDate = "20060705"
    ct.PerformedProcedureStepStartTime = "093500"
    ct.RequestAttributesSequence = Sequence([_request("SPS1", "RP1"), _request("SPS2", "RP2")])
    mr = new_image(study, MR, "MR")
    mr.SeriesNumber = 8
    mr.PerformedProcedureStepStartDate = "20060706"
    mr.PerformedProcedureStepStartTime = "100000"
    slices = [_slice("alpha", ct, 1), _slice("ct2", ct, 2), _slice("ct3", ct, 3)]
    return [*slices, _slice("mr", mr, 1)]


def _request(step: str, procedure: str) -> Dataset:
    item = Dataset()
    item.ScheduledProcedureStepID, item.RequestedProcedureID = step, procedure
    return item


def _other(identifier: str, issuer: str) -> Dataset:
    item = Dataset()
    item.PatientID, item.IssuerOfPatientID, item.TypeOfPatientID = identifier, issuer, "TEXT"
    return item


def _slice(name: str, series: Dataset, number: int) -> Instance:
    dataset = deepcopy(series)
    dataset.SOPInstanceUID = new_uid()
    dataset.InstanceNumber = number
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    pixel_module(dataset, 12, pixels.ROWS, pixels.COLUMNS)
    dataset.ImagePositionPatient = ["0", "0", f"{number}.5"]
    dataset.RescaleIntercept, dataset.RescaleSlope = "-1024", "1"
    frame = pixels.ramp16(number + len(name), 64)
    dataset.PixelData = frame
    dataset["PixelData"].VR = "OW"
    return Instance(name, dataset, EXPLICIT, (frame,))


def _zeta(run: str) -> Instance:
    """What is empty or absent."""
    study = _study(run, "Z", "Conform^Zeta", "", "", "")
    study.AccessionNumber = ""
    study.ReferringPhysicianName = ""
    study.PatientBirthDate = ""
    study.PatientSex = ""
    del study.StudyID
    instance = _slice("zeta", new_image(study, CT, "CT"), 1)
    instance.dataset.SeriesNumber = None
    return instance
