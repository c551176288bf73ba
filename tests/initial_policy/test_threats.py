"""The first threat model of a project names rows of its own policy, and parts that it has."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence

import pytest

from securemnist import initial_policy
from securemnist._util import resources
from securemnist.initial_policy import PROPOSALS, KnownSystem, Row, known_system
from securemnist.measures.base import share_measurement
from securemnist.threat_model import ThreatModel, load, parse
from tests.initial_policy.test_thresholds import row_of

TODAY = datetime.date(2026, 11, 21)
MEASURED = share_measurement(400, 500, complete=False, seed=0)


def text_of(rows: Sequence[Row] = (), **known: bool) -> str:
    """The first threat model of these rows and of what is known, as a file."""
    return initial_policy.threat_model(rows, TODAY, KnownSystem(**known))


def first(*rows: Row, **known: bool) -> ThreatModel:
    """That threat model, read; an entry that names a missing one is an error."""
    return parse(text_of(rows, **known), "threats.toml")


def ids(model: ThreatModel) -> set[str]:
    """The ids of all threats, components and flows."""
    return {threat.id for threat in model.threats} | set(model.titles)


def test_a_first_model_has_own_rows() -> None:
    """Rows take the place of those that ask the same."""
    names = [row.id for row in PROPOSALS if row.measure != "latency_ratio"]
    model = first(*(row_of(name, MEASURED) for name in names))
    assert not model.unknown_requirements(names)
    rows = {one.id: one.requirements for one in model.threats}
    assert rows["T-01"] == ("CLEAN-01", "CLEAN-02", "SUPPLY-04")
    assert rows["S-03"] == ("SUPPLY-01",)
    assert rows["I-05"] == rows["S-04"] == tuple(n for n in names if n.startswith("ADV"))
    assert rows["T-02"] == ("STATIC-01",)
    assert rows["I-01"] == ()
    assert model.reviewed == TODAY
    assert {source for one in model.threats for source in one.sources} == set()


@pytest.mark.parametrize("own_data", [False, True])
def test_a_first_model_of_a_network(own_data: bool) -> None:
    """Without an address nothing is said about HTTP, a page, tokens or an audit log."""
    text = text_of(own_data=own_data)
    bundled = load(resources.THREATS)
    model = parse(text, "threats.toml")
    assert ids(model) - ids(bundled) == {"application"}
    missing = {"service", "page", "audit-log", "drawings", "page-requests", "records"}
    assert ids(bundled) - ids(model) == missing | {"S-02", "T-05", "R-01", "D-01"}
    body = text[text.index("title = ") :].replace("- denial of service", "")
    assert not re.search(r"HTTP|\bservice\b|\btoken\b|page|[Dd]rawing", body)


def test_a_first_model_of_a_served_model() -> None:
    """With an address the service and its threats are there, and no training code."""
    bundled, text = load(resources.THREATS), text_of(served=True)
    model = parse(text, "threats.toml")
    assert not ids(model) - ids(bundled)
    code = {"training-script", "python-objects", "training-jobs", "samples", "objects", "storing"}
    contingent = {"page", "audit-log", "drawings", "page-requests", "records"}
    assert ids(bundled) - ids(model) == code | contingent | {"candidate", "T-02", "T-05"}
    assert not re.search(r"page|[Dd]rawing", text[text.index("title = ") :])


@pytest.mark.parametrize("served", [False, True])
def test_a_first_model_has_no_loose_parts(served: bool) -> None:
    """Each component, boundary and adversary of a first model is used in it."""
    model = first(served=served)
    zone = {one.id: one.zone for one in model.components}
    crossed = {frozenset((zone[f.source], zone[f.destination])) for f in model.flows}
    assert {frozenset(one.between) for one in model.boundaries} <= crossed
    named = {part for threat in model.threats for part in threat.on}
    ends = {end for flow in model.flows for end in (flow.source, flow.destination)}
    assert set(zone) <= named | ends
    assert {one.id for one in model.adversaries} == {t.adversary for t in model.threats}


def test_the_data_of_a_first_model() -> None:
    """MNIST has a public mirror; where other data come from is not known."""
    assert "public mirror" in text_of()
    assert "public data" in text_of()
    assert not re.search("public (mirror|data)", text_of(own_data=True))


def test_each_replaced_sentence_is_in_the_bundled_model() -> None:
    """A changed bundled threat model cannot leave a sentence about a service in a first one."""
    text = resources.THREATS.read_text(encoding="utf-8")
    for sentence in {**known_system.NO_PAGE, **known_system.OWN_DATA, **known_system.NOT_SERVED}:
        assert text.count(sentence) == 1, sentence
    for title in known_system.TITLES:
        assert text.count(f'title = "{title}"\n') == 1, title


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
