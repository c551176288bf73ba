"""Rows about defences: what one keeps under attack, and how much of it was false robustness."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from torch import nn

from securemnist.comparison.difference import PairedDifference
from securemnist.comparison.paired_difference import paired_difference
from securemnist.comparison.per_image import events_of
from securemnist.data import DataSet
from securemnist.errors import NotApplicable, PolicyError
from securemnist.evaluation.context import Context
from securemnist.measures import bind, defence, take_measurement
from securemnist.measures.defence import WEAK, missed_by_search
from securemnist.models import loading
from securemnist.models.loading import from_model
from securemnist.report.figures import exhibits
from securemnist.results.evidence.defence import DefenceEvidence
from securemnist.results.findings import Doubt, Finding, Measurement, Requirement, Verdict
from securemnist.results.per_image import CERTIFIED, SURVIVED
from tests.measures.test_defended import few, network, rounded  # noqa: F401
from tests.measures.test_hidden_gradients import one_stage  # noqa: F401

ROW = {"threat": {"norm": "linf", "eps": 0.3}, "images": 8}
SHORT = {"attack": {"use": "PGD", "steps": 20}}


def taken(name: str, model: nn.Module, data: DataSet, **more: Any) -> Measurement:
    """The measurement of a row on eight images, or fewer."""
    context = Context(from_model(model, name="tried"), data)
    return take_measurement(context, name, bind(name, ROW | more), 0)


def finding(measured: Measurement) -> Finding:
    """The finding of a row that allows 10 % of false robustness."""
    row = Requirement(id="D", measure="false_robustness", because="", at_most=0.1)
    return row.judge(measured)


def test_hidden_gradient_is_false_robustness(few: DataSet) -> None:  # noqa: F811
    """Rounded logits leave the naive attack without a gradient; all that they keep is false."""
    measured = taken("false_robustness", rounded(), few, images=4)
    evidence = measured.evidence
    assert isinstance(evidence, DefenceEvidence)
    assert measured.value == evidence.naive_accuracy
    assert measured.value >= 0.5
    assert evidence.adaptive_accuracy == 0
    assert finding(measured).verdict is Verdict.FAIL
    shown = exhibits(finding(measured))
    assert [exhibit.kind for exhibit in shown] == ["defence", "stages", "gallery"]


def test_false_robustness_is_compared_by_image(few: DataSet) -> None:  # noqa: F811
    """The row stores which attack broke each image first: a version is worse by its images."""
    honest, hiding = (
        finding(taken("false_robustness", model, few)) for model in (network(), rounded())
    )
    matrix = events_of(hiding)
    assert matrix is not None
    assert matrix.value == pytest.approx(hiding.measurement.value if hiding.measurement else -1)
    found = paired_difference(honest, hiding)
    assert isinstance(found, PairedDifference)
    assert found.paired == "paired, score interval"
    assert found.low > 0
    assert {turned.by for turned in found.broken or ()} == {"adaptive search"}
    assert [stage.name for stage in found.stages] == ["PGD-40", "adaptive search"]
    assert [stage.new for stage in found.stages] == [0, matrix.events.sum()]


def test_proofs_with_a_time_are_not_paired(few: DataSet) -> None:  # noqa: F811
    """What a proof decides in its time is no fact of the image, and is not stored."""
    found = taken("false_robustness", network(), few, proof_seconds=0.1, images=2, **SHORT)
    assert events_of(finding(found)) is None


def test_honest_network_has_none(few: DataSet) -> None:  # noqa: F811
    """A network that shows its gradient falls to the naive attack, or withstands both."""
    for name in ("baseline", "certified"):
        measured = taken("false_robustness", network(name), few, images=4)
        assert measured.value == 0


def test_false_robustness_behind_a_defence(few: DataSet) -> None:  # noqa: F811
    """Behind a threshold the undefended network seems robust, and is not."""
    threshold = {"use": "confidence-mask", "decimals": 0}
    measured = taken("false_robustness", network(), few, defence=threshold, **SHORT)
    assert measured.value >= 0.5


def test_naive_attack_that_breaks_more_is_a_doubt() -> None:
    """A search that leaves what the naive attack breaks has missed it, and its row is in doubt."""
    codes = np.array([SURVIVED] * 30 + [CERTIFIED] * 30 + [0] * 40)
    standing = np.arange(100) >= 20
    (doubt,) = missed_by_search(standing, codes)
    assert doubt.name == WEAK
    assert "20 of 100" in doubt.reason
    assert missed_by_search(standing, np.zeros(100, int)) == ()
    assert missed_by_search(np.arange(100) >= 1, codes) == ()


def test_row_has_the_doubt(monkeypatch: pytest.MonkeyPatch, few: DataSet) -> None:  # noqa: F811
    """The row asks about what the search missed, by the images that withstand the naive attack."""
    doubt = Doubt(name=WEAK, reason="r", advice="a")
    monkeypatch.setattr(
        defence, "missed_by_search", lambda standing, _: (doubt,) if standing.all() else ()
    )
    found = taken("false_robustness", network("certified"), few, images=4, **SHORT)
    assert doubt in found.doubts


def test_random_answers_are_not_compared(few: DataSet) -> None:  # noqa: F811
    """A random defence has no false robustness of single images, and the row says what to measure."""
    with pytest.raises(NotApplicable, match="defended_accuracy"):
        taken("false_robustness", network(), few, defence={"use": "random-noise"})


def test_defended_accuracy_is_robust_accuracy(few: DataSet) -> None:  # noqa: F811
    """Behind a defence both measures count the same images."""
    defence = {"use": "bit-depth", "bits": 8}
    context = Context(loading.resolve("baseline"), few)
    counted = [
        take_measurement(context, name, bind(name, ROW | SHORT | {"defence": defence}), 0).value
        for name in ("defended_accuracy", "robust_accuracy")
    ]
    assert counted[0] == counted[1]


@pytest.mark.parametrize(
    ("name", "settings", "expected"),
    [
        ("defended_accuracy", {}, "expected a defence like"),
        ("false_robustness", {"naive": {"use": "Nothing"}}, "expected an attack of"),
        ("false_robustness", {"seconds": 3.0}, "expected no `seconds`"),
        ("false_robustness", {"until": 0.5}, "expected no `until`"),
        ("false_robustness", {"curve": [0.1]}, "expected no `curve`"),
    ],
)
def test_wrong_settings_are_refused(name: str, settings: dict[str, Any], expected: str) -> None:
    """A row that could not say what it claims is refused in one sentence."""
    with pytest.raises(PolicyError, match=expected):
        bind(name, ROW | settings)
