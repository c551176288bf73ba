"""Rows of outlier_auroc and outlier_false_positives: scores, intervals and the images that are made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import securemnist as sm
from securemnist.data import DataSet
from securemnist.errors import PolicyError, SecureMnistError
from securemnist.evaluation.context import Context
from securemnist.measures import bind
from securemnist.measures.outlier_images import MADE, made
from securemnist.measures.outliers import auroc
from securemnist.report.figures import exhibits
from securemnist.results.findings import Measurement, Requirement, Verdict
from securemnist.results.intervals import area_interval
from securemnist.types import Images, Labels, Logits
from securemnist.view.requirement_text import claim
from tests.error_form import one_sentence
from tests.stubs import FunctionModel

NAMES = ("outlier_auroc", "outlier_false_positives")


def by_darkness(x: Images) -> Logits:
    """Logits (n, 2) of the first pixel, which are the larger the darker the image is."""
    sure = 10 * (1 - x.mean((1, 2, 3)))
    one = (x[:, 0, 0, 0] > 0.5).float()
    return torch.stack([(1 - one) * sure, one * sure], 1)


def by_light(x: Images) -> Logits:
    """The same, but the larger the brighter the image is: noise looks like the task."""
    return by_darkness(1 - x).flip(1)


def images(n: int = 150) -> tuple[Images, Labels]:
    """Dark images (n, 1, 8, 12), class 1 with a bright first pixel."""
    labels = torch.arange(n) % 2
    x = torch.zeros((n, 1, 8, 12))
    x[:, 0, 0, 0] = labels.float()
    x[:, 0, 4, 4] = torch.linspace(0, 1, n)
    return x, labels


def measured(name: str, answer: Any = by_darkness, **settings: Any) -> Measurement:
    """A measurement of a function."""
    return sm.measure(name, FunctionModel(answer), images(), progress=False, **settings).result


def verdict(name: str, measurement: Measurement, **bound: float) -> Verdict:
    """The verdict of a row."""
    return Requirement(id="O", measure=name, because="-", **bound).judge(measurement).verdict  # type: ignore[arg-type]


def test_noise_that_scores_lower_is_told_apart_and_noise_that_scores_higher_is_not() -> None:
    """The control passes both rows, the saboteur fails both; perfect separation has a width."""
    area, passed = (measured(name) for name in NAMES)
    assert (area.value, passed.value) == (1, 0)
    assert 0.9 < area.low < 1
    assert 0 < passed.high < 0.1
    assert verdict(NAMES[0], area, at_least=0.9) is Verdict.PASS
    assert verdict(NAMES[1], passed, at_most=0.1) is Verdict.PASS
    assert not area.complete
    worse, all_pass = (measured(name, by_light) for name in NAMES)
    assert (worse.value, all_pass.value) == (0, 1)
    assert verdict(NAMES[0], worse, at_least=0.9) is Verdict.FAIL
    assert verdict(NAMES[1], all_pass, at_most=0.1) is Verdict.FAIL
    again = json.loads(json.dumps(area.to_json()))
    assert Measurement.from_json(again) == area


def test_equal_scores_tell_nothing_apart() -> None:
    """A model of one score has an area of a half, and lets everything pass."""
    constant = [measured(n, lambda x: torch.tensor([[1.0, 0.0]]).repeat(len(x), 1)) for n in NAMES]
    assert [measurement.value for measurement in constant] == [0.5, 1.0]


def test_the_area_is_that_of_all_pairs() -> None:
    """The area is the share of pairs in the right order, ties counted half."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 9, 40).astype(float), rng.integers(-3, 6, 30).astype(float)
    pairs = (a[:, None] > b).mean() + (a[:, None] == b).mean() / 2
    assert auroc(a, b) == pytest.approx(pairs)


@pytest.mark.parametrize("area", [0.0, 0.5, 0.9, 1.0])
def test_the_interval_holds_its_area(area: float) -> None:
    """It contains the value, has a width at both ends, and shrinks with more scores."""
    few, many = area_interval(area, 20, 20), area_interval(area, 2000, 2000)
    for low, high in (few, many):
        assert 0 <= low <= area <= high <= 1
        assert high > low
    assert few[0] <= many[0]
    assert many[1] <= few[1]
    assert area_interval(0.5, 100, 100)[0] == pytest.approx(1 - area_interval(0.5, 100, 100)[1])


def test_made_images(context: Context, mnist: DataSet) -> None:
    """Images that are none of the task have the form and range of the sample and depend on the seed."""
    sample = context.sample(20, 0)
    for kind in MADE:
        x = made(kind, sample, 0)
        assert x.shape == sample.x.shape
        assert 0 <= float(x.min()) <= float(x.max()) <= 1
        assert torch.equal(x, made(kind, sample, 0))
        assert not torch.equal(x, sample.x.cpu())
        assert kind in ("turned", "mirrored") or not torch.equal(x, made(kind, sample, 1))
    shuffled = made("shuffled", sample, 0).flatten(1).sort(1).values
    assert torch.equal(shuffled, sample.x.flatten(1).sort(1).values)


@pytest.mark.parametrize("against", [kind for kind in MADE if kind != "uniform"])
def test_images_that_are_not_square(against: str) -> None:
    """All kinds of other images are measured on images of any form."""
    for name in NAMES:
        measurement = measured(name, against=against, score="logit")
        assert measurement.low <= measurement.value <= measurement.high


def test_the_report_draws_both_scores() -> None:
    """Both lines stand in one picture with their table and examples."""
    measurement = measured(NAMES[0])
    (exhibit,) = exhibits(
        Requirement(id="O", measure=NAMES[0], because="-", at_least=0.6).judge(measurement)
    )
    assert exhibit.table is not None
    assert len(exhibit.table.rows) == 21
    assert exhibit.panels[0].picture.count("<image ") == 6


def stored(path: Path, x: Images) -> None:
    """A data set of these images in a file."""
    np.savez(path, x_test=x.numpy(), y_test=np.arange(len(x)) % 2)


def test_another_data_set_is_told_apart(tmp_path: Path) -> None:
    """Bright images of a file score lower; the claim and the evidence name the file, fewer are enough."""
    stored(tmp_path / "letters.npz", 0.5 + images(60)[0] / 2)
    for name, value in zip(NAMES, (1.0, 0.0), strict=True):
        settings = {"against": "./letters.npz", "project": tmp_path}
        measurement = measured(name, **settings)
        assert measurement.value == value
        assert measurement.evidence.against == "letters.npz"
        assert measured(name, by_light, **settings).value == 1 - value
    row = Requirement(id="O", measure=NAMES[0], because="-", at_least=0.6, settings=settings)
    assert "the images of ./letters.npz" in claim(row.unmeasured(Verdict.NOT_RUN, "", claim=""))


def test_other_data_that_do_not_fit_are_one_error(tmp_path: Path) -> None:
    """No file, images of another form, and the measured data themselves are refused in one sentence."""
    x, y = images()
    stored(tmp_path / "large.npz", torch.zeros(20, 1, 9, 9) + torch.rand(20, 1, 1, 1))
    np.savez(tmp_path / "same.npz", x_test=x.numpy(), y_test=y.numpy())
    for file, words in (
        ("none.npz", "expected"),
        ("large.npz", "expected images of 1x8x12"),
        ("same.npz", "expected another data set"),
    ):
        with pytest.raises(SecureMnistError) as caught:
            measured(NAMES[0], against=file, project=tmp_path)
        assert words in one_sentence(caught.value)


@pytest.mark.parametrize("settings", [{"against": "letters"}, {"score": "energy"}], ids=str)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    """Unknown images and scores are refused."""
    for name in NAMES:
        with pytest.raises(PolicyError):
            bind(name, settings)
