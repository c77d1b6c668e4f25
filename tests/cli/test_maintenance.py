"""The form that all maintenance verbs share: exit codes, JSON, what is told of errors."""

from __future__ import annotations

import json
from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner

from dicomweb_server.cli.maintenance import Outcome, Result, perform
from dicomweb_server.errors import ConfigurationError, StoreReadOnly
from dicomweb_server.model.ids import InstanceKey
from dicomweb_server.ops.findings import Findings


def _ends(work: Callable[[], Result], *arguments: str) -> tuple[int, str, str]:
    @click.command()
    @click.option("--json", "as_json", is_flag=True)
    def verb(as_json: bool) -> None:
        perform("mend", work, as_json=as_json)

    done = CliRunner().invoke(verb, arguments)
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("damage", "partial", "code", "outcome"),
    [
        (False, False, 0, "ok"),
        (True, False, 1, "damage"),
        (True, True, 1, "damage"),
        (False, True, 3, "partial"),
    ],
)
def test_outcome_is_told_by_code_and_by_name(
    damage: bool, partial: bool, code: int, outcome: str
) -> None:
    result = Result({"blobs": 7}, damage, partial)
    assert _ends(lambda: result) == (code, "blobs: 7\n", "")
    ended, out, _ = _ends(lambda: result, "--json")
    assert (ended, json.loads(out)) == (code, {"verb": "mend", "outcome": outcome, "blobs": 7})


def test_codes_are_the_documented_ones() -> None:
    assert {one.name: int(one) for one in Outcome} == {
        "OK": 0,
        "DAMAGE": 1,
        "USAGE": 2,
        "PARTIAL": 3,
    }


def test_work_that_cannot_be_finished_is_partial_and_tells_why() -> None:
    def work() -> Result:
        raise StoreReadOnly("writing is suspended", "look at the disk")

    assert _ends(work) == (3, "", "Error: writing is suspended\nHint: look at the disk\n")
    code, out, _ = _ends(work, "--json")
    assert code == 3
    assert json.loads(out) == {
        "verb": "mend",
        "outcome": "partial",
        "error": "writing is suspended",
        "hint": "look at the disk",
    }


def test_interrupted_work_is_partial() -> None:
    def work() -> Result:
        raise KeyboardInterrupt

    code, out, err = _ends(work, "--json")
    assert (code, json.loads(out)["error"], err) == (3, "interrupted", "Interrupted.\n")


def test_wrong_settings_are_left_to_the_program() -> None:
    def work() -> Result:
        raise ConfigurationError("in use")

    with pytest.raises(ConfigurationError):
        perform("mend", work, as_json=False)


def test_findings_name_digests_and_instances() -> None:
    findings = Findings()
    findings.add("ab", InstanceKey("1.2", "1.3", "1.4"))
    findings.add("cd")
    result = Result({"missing": findings}, damage=True)
    assert _ends(lambda: result)[1] == (
        "missing: 2\n  ab  /studies/1.2/series/1.3/instances/1.4\n  cd\n"
    )
    assert json.loads(_ends(lambda: result, "--json")[1])["missing"] == {
        "count": 2,
        "digests": ["ab", "cd"],
        "instances": {"ab": "/studies/1.2/series/1.3/instances/1.4"},
    }
