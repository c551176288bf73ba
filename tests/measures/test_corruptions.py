"""Rows of corruption_accuracy and worst_corruption_accuracy: their numbers, bounds and settings."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

import securemnist as sm
from securemnist.comparison.corruption_answers import answers_of
from securemnist.corruptions import Corruption
from securemnist.data import DataSet
from securemnist.errors import PolicyError
from securemnist.evaluation.context import Context
from securemnist.input_spec import MNIST, InputSpec
from securemnist.measures import bind, checks, find, take_measurement
from securemnist.measures.corruptions import CorruptionSettings
from securemnist.models import loading
from securemnist.report.figures import exhibits
from securemnist.results.evidence.natural import CorruptionEvidence
from securemnist.results.findings import Measurement, Requirement, Verdict
from securemnist.types import Images, Labels, Logits
from tests.error_form import one_sentence
from tests.stubs import FunctionModel

NAMES = ("corruption_accuracy", "worst_corruption_accuracy")
MIDDLE = {"kinds": ["stripe", "brightness"], "severities": [3]}


def by_corner(x: Images) -> Logits:
    """Logits (n, 2): class 1 where the middle is bright; inverted under a bright first pixel."""
    bright, corner = x[:, 0, 4, 4], x[:, 0, 0, 0]
    one = torch.where(corner > 0.9, 1 - bright, bright)
    return torch.stack([1 - one, one], 1)


def dots(n: int = 120) -> tuple[Images, Labels]:
    """Black images (n, 1, 8, 8); those of class 1 are bright in the middle."""
    labels = torch.arange(n) % 2
    x = torch.zeros((n, 1, 8, 8))
    x[:, 0, 4, 4] = labels.float()
    x[:, 0, 7, 7] = torch.linspace(0, 1, n)  # no two are copies
    return x, labels


def measured(name: str, answer: Any = by_corner, **settings: Any) -> Measurement:
    """A measurement of a function on the dots."""
    found = sm.measure(name, FunctionModel(answer), dots(), progress=False, **settings)
    return found.result


def judged(name: str, measurement: Measurement, at_least: float) -> Verdict:
    """The verdict of a row."""
    return (
        Requirement(id="N", measure=name, because="-", at_least=at_least).judge(measurement).verdict
    )


def test_the_mean_and_the_worst_kind() -> None:
    """A model that stripes alone fool has half of the mean, and nothing under the worst kind."""
    mean, worst = (measured(name, **MIDDLE) for name in NAMES)
    assert (mean.value, worst.value) == (0.5, 0.0)
    assert isinstance(worst.evidence, CorruptionEvidence)
    assert worst.evidence.worst == "stripe"
    assert worst.evidence.clean == 1
    assert [one.accuracy for one in worst.evidence.corruptions or ()] == [[0.0], [1.0]]
    assert judged(NAMES[0], mean, 0.4) is Verdict.PASS
    assert judged(NAMES[1], worst, 0.4) is Verdict.FAIL


def test_values_are_those_of_the_corrupted_images(mnist: DataSet, context: Context) -> None:
    """The number is the share that the model classifies right of the images that `Corruption` gives."""
    settings = {"images": 40, "kinds": ["fog", "shear"], "severities": [2, 4]}
    measurement = take_measurement(context, NAMES[0], bind(NAMES[0], settings), 3)
    sample = context.sample(40, 3)
    right = []
    for kind in ("fog", "shear"):
        for severity in (2, 4):
            corrupt = Corruption(kind=kind, severity=severity)
            logits = context.logits(corrupt(sample.x, sample.places.tolist(), 3))
            right.append((logits.argmax(1) == sample.y).double().mean())
    assert measurement.value == pytest.approx(float(torch.stack(right).mean()), abs=1e-12)
    again = Measurement.from_json(json.loads(json.dumps(measurement.to_json())))
    assert again.to_json() == measurement.to_json()


def test_what_is_stored_of_each_image(context: Context) -> None:
    """Both rows name the images that are wrong under each kind and severity, in either order."""
    for severities in ([2, 4], [4, 2]):
        settings = {"images": 30, "kinds": ["fog", "shear"], "severities": severities}
        sample = context.sample(30, 3)
        for name in NAMES:
            measurement = take_measurement(context, name, bind(name, settings), 3)
            stored = answers_of(Measurement.from_json(measurement.to_json()))
            assert stored is not None
            assert stored.table.places.tolist() == sample.places.tolist()
            assert stored.table.labels.tolist() == sample.samples.labels.tolist()
            right = stored.table.right(2)
            for k, kind in enumerate(["fog", "shear"]):
                for s, severity in enumerate(severities):
                    corrupt = Corruption(kind=kind, severity=severity)
                    logits = context.logits(corrupt(sample.x, sample.places.tolist(), 3))
                    assert right[k, s].tolist() == (logits.argmax(1) == sample.y).tolist()


def test_a_sample_is_decided_by_its_bound() -> None:
    """On a part of the test set a perfect share does not pass a threshold above its bound."""
    settings = {"kinds": ["brightness"], "severities": [1], "images": 100}
    for name in NAMES:
        part, whole = measured(name, **settings), measured(name, **settings | {"images": 120})
        assert part.value == whole.value == 1
        assert (part.complete, whole.complete) == (False, True)
        assert judged(name, part, 0.99) is Verdict.INCONCLUSIVE
        assert judged(name, whole, 0.99) is Verdict.PASS


def test_a_randomised_model_is_decided_by_its_bound() -> None:
    """Answers that are random on purpose give no exact count; undeclared they do not pass."""

    def noisy(x: Images) -> Logits:
        return by_corner(x) + 0.2 * torch.rand(len(x), 2)

    settings = {"kinds": ["brightness"], "severities": [1]}
    declared = measured(NAMES[0], noisy, randomised=True, **settings)
    assert not declared.complete
    undeclared = measured(NAMES[0], noisy, **settings)
    assert judged(NAMES[0], undeclared, 0.9) is Verdict.INCONCLUSIVE


def test_ties_count_as_wrong() -> None:
    """A model of equal logits is right nowhere."""
    measurement = measured(NAMES[0], lambda x: torch.zeros(len(x), 2) + 0 * x.sum(), **MIDDLE)
    assert measurement.value == 0
    assert isinstance(measurement.evidence, CorruptionEvidence)
    assert measurement.evidence.ties == 240


def test_both_rows_share_their_answers(mnist: DataSet) -> None:
    """The second row of the same settings asks the model nothing new."""
    subject = loading.from_model(FunctionModel(lambda x: x.flatten(1)[:, :10]), name="counted")
    context = Context(subject, mnist)
    settings = {"images": 30, "kinds": ["fog"], "severities": [1]}
    keys = []
    for name in NAMES:
        take_measurement(context, name, bind(name, settings), 0)
        keys.append(set(context.cache))
    assert keys[0] == keys[1]


@pytest.mark.parametrize(
    "settings",
    [
        {"kinds": []},
        {"kinds": ["fog", "fog"]},
        {"kinds": ["mist"]},
        {"kinds": ["gaussian_noise"], "benchmark": "mnist-c"},
        {"severities": []},
        {"severities": [0]},
        {"severities": [1, 1]},
        {"severities": [6]},
        {"severities": [1.5]},
        {"benchmark": "mnist"},
        {"severity": 3},
    ],
    ids=str,
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    """Unknown, empty and repeated kinds and severities are refused in one sentence."""
    for name in NAMES:
        with pytest.raises(PolicyError) as caught:
            bind(name, settings)
        one_sentence(caught.value)


def test_a_kind_that_does_not_apply_is_refused_or_left_out() -> None:
    """Named in a row it is an error of the policy; unnamed it is left out, and the evidence says so."""
    four = InputSpec(4, 28, 28, 10)
    row = Requirement(id="N", measure=NAMES[0], because="-", at_least=0.5)
    measure = find(NAMES[0])
    assert measure is not None
    named = bind(NAMES[0], {"kinds": ["jpeg"]})
    with pytest.raises(PolicyError, match="1 or 3 channels"):
        checks.check_form(row, measure, named, four, "p: row N")
    unnamed = CorruptionSettings()
    checks.check_form(row, measure, unnamed, four, "p: row N")
    assert unnamed.chosen(four)[2] == {"jpeg": "applies to images of 1 or 3 channels, not 4"}
    assert unnamed.chosen(MNIST)[2] == {}


def test_the_report_draws_the_matrix() -> None:
    """Every kind has a line with its pictures and numbers; of the worst kind alone pictures are kept."""
    for name, pictures in zip(NAMES, (2, 1), strict=True):
        row = Requirement(id="N", measure=name, because="-", at_least=0.5)
        (exhibit,) = exhibits(row.judge(measured(name, **MIDDLE)))
        assert exhibit.table is not None
        assert exhibit.table.rows == (
            ("stripe", "0.0000", "0.0000"),
            ("brightness", "1.0000", "1.0000"),
        )
        assert exhibit.panels[0].picture.count("<image ") == pictures
        assert "100.0 % of the same images" in exhibit.caption
