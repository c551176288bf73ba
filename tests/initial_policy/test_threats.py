"""The first threat model of a project names rows of its own policy only."""

from __future__ import annotations

import datetime

from securemnist import initial_policy
from securemnist._util import resources
from securemnist.initial_policy import PROPOSALS, Row
from securemnist.measures.base import share_measurement
from securemnist.threat_model import ThreatModel, load, parse
from tests.initial_policy.test_thresholds import row_of

TODAY = datetime.date(2026, 11, 21)
MEASURED = share_measurement(400, 500, complete=False, seed=0)


def first(*rows: Row) -> ThreatModel:
    """The first threat model of these rows."""
    return parse(initial_policy.threat_model(rows, TODAY), "threats.toml")


def test_a_first_model_has_all_threats_and_own_rows() -> None:
    """Rows take the place of those that ask the same; threats of a service have none."""
    names = [row.id for row in PROPOSALS if row.measure != "latency_ratio"]
    model = first(*(row_of(name, MEASURED) for name in names))
    bundled = load(resources.THREATS)
    assert [one.id for one in model.threats] == [one.id for one in bundled.threats]
    assert not model.unknown_requirements(names)
    rows = {one.id: one.requirements for one in model.threats}
    assert rows["T-01"] == ("CLEAN-01", "CLEAN-02", "SUPPLY-04")
    assert rows["S-03"] == ("SUPPLY-01",)
    assert rows["I-05"] == tuple(name for name in names if name.startswith("ADV"))
    assert rows["T-02"] == ("STATIC-01",)
    assert rows["R-01"] == rows["S-02"] == ()
    assert model.reviewed == TODAY
    assert {source for one in model.threats for source in one.sources} == set()


def test_a_first_model_without_rows_covers_nothing() -> None:
    """What no row asks is uncovered."""
    model = first()
    assert len(model.uncovered([])) == len(model.threats)


def test_a_search_by_answers_is_no_white_box_attack() -> None:
    """For an endpoint no row stands for an attacker with the weights."""
    row = row_of("ADV-02", MEASURED)
    black_box = {**row.settings, "attack": {"use": "ladder", "budget": "black-box"}}
    model = first(Row(**{**vars(row), "settings": black_box}))
    (public,) = [one for one in model.threats if one.id == "I-05"]
    assert public.requirements == ()
