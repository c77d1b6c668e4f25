"""The table of levels."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from dicomweb_server.model import levels
from dicomweb_server.model.ids import Level, Scope
from dicomweb_server.model.levels import IndexPlan, default_order, level_of, levels_of, total_order
from dicomweb_server.model.query import Order
from dicomweb_server.model.tags import keyword_of, lookup, tag_of


@pytest.mark.parametrize("module", ["levels.py", "attributes.py"])
def test_every_tag_carries_its_keyword(module: str) -> None:
    text = files("dicomweb_server.model").joinpath(module).read_text("utf-8")
    for line in re.findall(r"^.*0x[0-9A-F]{8}.*#.*$", text, re.MULTILINE):
        code, _, comment = line.partition("#")
        keywords = [keyword_of(int(tag, 16)) for tag in re.findall(r"0x([0-9A-F]{8})", code)]
        assert comment.strip() == ", ".join(keywords)


@pytest.mark.parametrize(
    ("keyword", "level"),
    [
        ("PatientName", Level.STUDY),
        ("StudyDescription", Level.STUDY),
        ("ModalitiesInStudy", Level.STUDY),
        ("TimezoneOffsetFromUTC", Level.STUDY),
        ("ClinicalTrialSubjectID", Level.STUDY),
        ("PatientAge", Level.STUDY),
        ("Modality", Level.SERIES),
        ("BodyPartExamined", Level.SERIES),
        ("SeriesDescription", Level.SERIES),
        ("InstitutionName", Level.SERIES),
        ("StationName", Level.SERIES),
        ("Manufacturer", Level.SERIES),
        ("ProtocolName", Level.SERIES),
        ("Laterality", Level.SERIES),
        ("FrameOfReferenceUID", Level.SERIES),
        ("RequestAttributesSequence", Level.SERIES),
        ("SOPClassUID", Level.INSTANCE),
        ("Rows", Level.INSTANCE),
        ("ContentDate", Level.INSTANCE),
    ],
)
def test_a19_level_of_an_attribute(keyword: str, level: Level) -> None:
    tag = tag_of(keyword)
    assert tag is not None
    assert level_of(tag) is level


def test_no_attribute_belongs_to_two_levels() -> None:
    sets = (levels.STUDY_TAGS, levels.SERIES_TAGS, levels.INSTANCE_ATTRIBUTES)
    assert len(frozenset().union(*sets)) == sum(map(len, sets))


def test_timezone_is_kept_at_every_level_and_computed_ones_at_none() -> None:
    assert levels_of(0x00080201) == tuple(Level)
    assert levels_of(0x00080061) == ()
    assert levels_of(0x7FE00010) == ()
    assert levels_of(0x00280010) == (Level.INSTANCE,)


@pytest.mark.parametrize("level", list(Level))
def test_return_rules_are_sorted_and_have_the_vr_of_the_dictionary(level: Level) -> None:
    rules = levels.RETURNED[level]
    assert [rule.tag for rule in rules] == sorted(rule.tag for rule in rules)
    for rule in rules:
        entry = lookup(rule.tag)
        assert entry is not None
        assert rule.vr == entry.vr
        assert rule.computed == (rule.tag in levels.COMPUTED)


@pytest.mark.parametrize("level", list(Level))
def test_required_keys_belong_to_their_level(level: Level) -> None:
    assert all(level_of(path[0]) is level for path in levels.REQUIRED_MATCH[level])


def test_plan_holds_required_keys_and_extra_ones() -> None:
    plan = IndexPlan.of([(0x00189004,)])
    assert plan.matches((0x00189004,))
    assert plan.matches((0x00400275, 0x00400009))
    assert plan.matches((0x00080061,))
    assert not plan.matches((0x00081030,))
    assert not plan.matches((0x00080201,))
    assert (0x00080201,) in plan.paths
    assert (0x00080061,) not in plan.paths
    assert plan.prefixes == {(0x00400275,)}


def test_default_plan_covers_what_viewers_ask_for() -> None:
    plan = IndexPlan.of()
    for keyword in ("StudyDescription", "BodyPartExamined", "InstitutionName", "PatientSex"):
        tag = tag_of(keyword)
        assert tag is not None
        assert plan.matches((tag,))


def test_a21_every_order_ends_with_uids() -> None:
    assert default_order(Level.STUDY, Scope()) == (
        Order(0x00080020, descending=True),
        Order(0x00080030, descending=True),
        Order(0x0020000D),
    )
    assert [order.tag for order in default_order(Level.SERIES, Scope("1"))] == [
        0x00200011,
        0x0020000E,
        0x0020000D,
    ]
    assert [order.tag for order in default_order(Level.INSTANCE, Scope())] == [
        0x00080018,
        0x0020000E,
        0x0020000D,
    ]
    wanted = (Order(0x0020000D, descending=True), Order(0x0020000D))
    assert total_order(Level.STUDY, wanted) == (Order(0x0020000D, descending=True),)


@pytest.mark.parametrize("level", list(Level))
def test_sort_keys_belong_to_their_level_or_are_uids(level: Level) -> None:
    for tag in levels.SORTABLE[level]:
        assert level_of(tag) is level or tag in (0x0020000D, 0x0020000E)
