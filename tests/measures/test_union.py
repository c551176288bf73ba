"""Rows of several threats: an image counts where it withstands all of them.

The images of a linear model have known distances to its boundary, so the outcome is known for each.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import securemnist as sm
from securemnist.api.inputs import as_settings
from securemnist.errors import Inconclusive, PolicyError, UsageError
from securemnist.evaluation.context import Context
from securemnist.evaluation.ladder import evaluate_all
from securemnist.evaluation.replay import Replay
from securemnist.evaluation.stages import Search
from securemnist.measures import bind, check_policy
from securemnist.measures.cross_replay import rejudge_with_replay
from securemnist.models import loading
from securemnist.report.details import facts
from securemnist.report.figures import exhibits
from securemnist.results import policy
from securemnist.results.findings import Finding, Requirement, Verdict
from securemnist.results.per_image import CERTIFIED, SURVIVED
from securemnist.results.settings_text import describe
from securemnist.threats import L0, L1, L2, Linf, Patch, Union
from securemnist.view.requirement_text import claim
from tests.error_form import one_sentence
from tests.evaluation.test_over_budget import Foreign
from tests.policies import ROBUST, table

# Distances to the boundary in L1, of 40 images each; in L-infinity 64 times smaller, in L2 8 times.
MARGINS = (0.3, 0.7, 0.85, 1.5)
# The first threat breaks the first group, the second one two groups, and the third one three.
THREE = Union(Linf(0.5 / 64), L2(0.8 / 8), L1(0.9))
ATTACK = {"use": "FGSM"}
WEIGHT = torch.where(torch.arange(64) % 2 == 0, 1.0, -1.0)


def network() -> nn.Module:
    """Two classes: the sign of the sum of pixels with alternating signs."""
    linear = nn.Linear(64, 2)
    with torch.no_grad():
        linear.weight.copy_(torch.stack([-WEIGHT, WEIGHT]))
        linear.bias.copy_(torch.stack([WEIGHT.sum(), -WEIGHT.sum()]) / 2)
    return nn.Sequential(nn.Flatten(), linear)


def samples() -> tuple[torch.Tensor, torch.Tensor]:
    """Images (160, 1, 8, 8) on both sides of the boundary, no two of them copies."""
    labels = torch.arange(160) % 2
    margins = torch.tensor(MARGINS).repeat_interleave(40) + torch.arange(160) * 1e-5
    side = (2.0 * labels - 1) * margins / 64
    return (0.5 + side[:, None] * WEIGHT).view(-1, 1, 8, 8), labels


def measured(threat: Any, name: str = "attack_accuracy", **settings: Any) -> Any:
    """A measurement of the linear model."""
    asked = {"attack": ATTACK, "progress": False, **settings}
    return sm.measure(name, network(), samples(), threat=threat, **asked)


def context() -> Context:
    """The linear model on its images."""
    return Context(
        loading.from_model(network(), name="linear"), sm.DataSet.from_tensors(*samples())
    )


@pytest.mark.parametrize(
    ("threats", "groups"),
    [((0,), 3), ((1,), 2), ((2,), 1), ((0, 1), 2), ((2, 0), 1), ((0, 1, 2), 1)],
    ids=str,
)
def test_an_image_counts_where_it_withstands_every_threat(
    threats: tuple[int, ...], groups: int
) -> None:
    """The accuracy under a union is the share of images beyond each of its radii, in any order."""
    members = [THREE.members[index] for index in threats]
    threat = Union(*members) if members[1:] else members[0]
    assert measured(threat).value == groups / 4


def test_evidence_says_which_threat_broke_each_image() -> None:
    """Every threat broke its own group, by stages of its own; the row's facts and figure say so."""
    found = measured(THREE)
    assert [one.images for one in found.evidence.norms] == [40, 40, 40]
    assert [one.threat for one in found.evidence.norms] == list(map(str, THREE.members))
    table = found.evidence.outcomes
    assert table.stages == [f"{threat}: FGSM" for threat in THREE.members]
    assert table.codes.tolist() == [0] * 40 + [1] * 40 + [2] * 40 + [SURVIVED] * 40
    row = requirement(THREE.to_json(), at_least=0.9)
    finding = row.judge(found.result)
    assert finding.verdict is Verdict.FAIL
    assert "l1 0.9: 40 (25.0 %)" in dict(facts(finding))["broken within"]
    stages = next(figure for figure in exhibits(finding) if figure.kind == "stages")
    assert "l2 0.1: FGSM" in [line[0] for line in stages.table.rows]


def test_certified_is_what_all_threats_certify() -> None:
    """An image is certified if it is in every ball, and none beside a threat without certificates."""
    two = Union(Linf(0.2 / 64), Linf(0.5 / 64))
    ladder = {"use": "ladder", "budget": "smoke"}
    found = measured(two, "attack_accuracy", attack=ladder)
    codes = found.evidence.outcomes.codes.tolist()
    assert codes[40:] == [CERTIFIED] * 120
    assert found.certified == 0.75
    assert found.value == 0.75
    with_l2 = measured(Union(Linf(0.2 / 64), L2(0.6 / 8)), attack=ladder)
    assert with_l2.certified == with_l2.value == 0.75
    with_l1 = measured(Union(Linf(0.2 / 64), L1(0.01)), attack=ladder)
    assert with_l1.certified is None
    assert with_l1.value == 1


def test_certified_accuracy_within_l2_is_that_of_its_ball() -> None:
    """In L2 an image of a linear model is certified where its distance in L2 is above the radius."""
    found = measured(L2(0.6 / 8), "certified_accuracy", attack=None)
    assert found.value == found.certified == 0.75
    assert found.evidence.outcomes.codes.tolist().count(CERTIFIED) == 120


def test_candidates_are_refereed_in_the_threat_of_their_stage() -> None:
    """A candidate inside the first threat does not count in the second one, which it leaves."""
    grey = Foreign(share=1.0)
    searches = [Search(Linf(0.1), [grey]), Search(L2(0.01), [grey])]
    subject = context()
    run = evaluate_all(subject, subject.sample(None, 0), searches[:1], 0)
    assert run.outcomes.waterfall[0].over_budget == 0
    with pytest.raises(Inconclusive, match=r"l2 0.01: Foreign gave no valid proposal"):
        evaluate_all(subject, subject.sample(None, 0), searches[::-1], 0)


def requirement(threats: Any, **bound: Any) -> Requirement:
    """A row of several threats."""
    settings = {"threats": threats, "attack": {"use": "PGD", "steps": 3}}
    return Requirement(
        id="U", measure="robust_accuracy", because="of it", settings=settings, **bound
    )


def test_stored_examples_are_replayed_in_every_threat() -> None:
    """A finding of a union is judged again by examples of any of its threats, and refereed in each."""
    weak = measured(Union(Linf(0.001), L1(0.01)))
    strong = measured(L1(0.9)).result
    row = requirement(Union(Linf(0.001), L1(0.9)).to_json(), at_least=0.9)
    finding = row.judge(weak.result)
    assert isinstance(finding, Finding)
    after = rejudge_with_replay(context(), finding, Replay((strong.examples,)))
    assert finding.measurement is not None
    assert after.measurement is not None
    assert finding.measurement.value == 1
    assert after.measurement.value == 0.25


ROW = table(ROBUST, id='"U-01"', images="100", attack=None, threat=None)


def loaded(line: str) -> Requirement:
    """The row with one more line, read from a policy and checked."""
    read = policy.parse(f"{ROW}{line}\n", "p.toml")
    check_policy(read)
    return read.requirements[0]


def test_texts_and_tables_are_the_same_row() -> None:
    """A row keeps one spelling of its threats, and says them in words."""
    row = loaded('threats = ["linf:8/255", "l2:1", { norm = "l0", eps = 5 }]')
    assert row.settings["threats"] == [
        {"norm": "linf", "eps": 8 / 255},
        {"norm": "l2", "eps": 1.0},
        {"norm": "l0", "eps": 5},
    ]
    words = claim(row.unmeasured(Verdict.NOT_RUN, "", claim=""))
    assert (
        "with no pixel changed by more than 8/255, or with a change of L2 norm 1 at most" in words
    )
    assert "or with at most 5 pixels changed" in words
    assert describe(row.settings).startswith("linf 8/255 or l2 1 or l0 5")
    assert bind(row.measure, row.settings).within == (Linf(8 / 255), L2(1), L0(5))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "expected 'threat', got nothing"),
        ('threats = ["linf:0.1"]', "expected two to 8 different threats"),
        ('threats = ["linf:0.1", "linf:0.1"]', "expected two to 8 different threats"),
        ('threats = ["linf:0.1", "l7:1"]', "expected a norm of linf, l2, l1, l0, patch"),
        ('threats = ["linf:0.1", "l0:0.5"]', "expected a whole number of pixels for l0"),
        ('threats = ["linf:0.1", "l0:0"]', "expected eps of at least 0.0001"),
        ('threats = ["linf:0.1", 5]', "expected threats.1"),
        ('threats = "linf:0.1"', "expected threats to be a list"),
        (
            'threat = { norm = "linf", eps = 0.1 }\nthreats = ["linf:0.1", "l2:1"]',
            "expected either `threat` or `threats`, got both",
        ),
        ('threats = ["linf:0.1", "l2:1"]\ncurve = [0.1]', "expected one threat for a curve"),
        (
            'threats = ["linf:0.1", "l0:5"]\nattack = { use = "SparseRS" }',
            "expected an attack that works in linf, got SparseRS-1000",
        ),
        (
            'threat = { norm = "patch", eps = 5 }\nattack = { use = "FAB" }',
            "expected an attack that works in patch, got FAB-T-100",
        ),
        (
            'threat = { norm = "l0", eps = 5 }\nattack = { use = "ladder", budget = "reference" }',
            "expected a budget of smoke, standard, full, black-box",
        ),
    ],
)
def test_wrong_threats_are_one_sentence(line: str, words: str) -> None:
    """A row without a usable set of threats, or with an attack that fits none, says what is wrong."""
    with pytest.raises(PolicyError) as caught:
        loaded(line)
    assert words in one_sentence(caught.value)


def test_python_and_the_command_line_say_the_same() -> None:
    """A Union, its texts and a row's table have the same settings; other values are one error."""
    threat = Union(Linf(0.1), Patch(side=5))
    asked = as_settings(threat, None, {})
    assert asked == as_settings("linf:0.1,patch:5", None, {})
    assert asked == {"threats": [{"norm": "linf", "eps": 0.1}, {"norm": "patch", "eps": 5.0}]}
    assert str(threat) == "linf 0.1 or patch 5"
    for wrong in ((), (Linf(0.1),), (Linf(0.1), Linf(0.1)), (Linf(0.1), "l2:1")):
        with pytest.raises(UsageError) as caught:
            Union(*wrong)  # type: ignore[arg-type]
        one_sentence(caught.value)


def test_every_form_has_its_own_ladder() -> None:
    """The ladder of a union is that of each threat: its attacks work in its form."""
    settings = bind("robust_accuracy", {"threats": ["linf:0.1", "l0:5", "patch:4"]})
    for search in settings.searches:
        assert all(search.threat.form in attack.forms for attack in search.attacks)
    assert [search.before_crown for search in settings.searches] == [2, None, None]
