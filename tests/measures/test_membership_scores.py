"""Membership inference by all scores: what the margin of the label does not tell."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from securemnist.data import DataSet
from securemnist.measures import membership_references, membership_scores
from securemnist.measures.membership import beyond
from securemnist.measures.membership_scores import by_all_scores, excess
from securemnist.measures.outliers import auroc
from securemnist.models import loading
from securemnist.results.findings import Verdict
from tests.measures.test_membership import ROW, areas, measured
from tests.saboteurs import Memorising, undefended


class Marked(Memorising):
    """An honest network, but for a logit of remembered images that is far from the largest ones."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network(x)
        known = torch.isin(self.hashed(x), self.members)
        lowest = nn.functional.one_hot(logits.argmin(1), logits.shape[1])
        return logits - 5.0 * lowest * known[:, None]


class FewClasses(nn.Module):
    """The first logits of the undefended network."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.network, self.classes = undefended(), classes

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network(x)
        return logits[:, : self.classes]


@pytest.fixture(scope="module")
def some(mnist: DataSet) -> DataSet:
    """MNIST with 2,000 training images."""
    return dataclasses.replace(mnist, train=mnist.train[2000:4000])


def test_a_mark_in_another_score_fails(some: DataSet) -> None:
    """A network whose margins are those of an honest one, and whose smallest score tells, fails."""
    found = measured(Marked(some.train.images()), some, references=0)
    assert abs(areas(found)["margin"] - 0.5) < 0.05
    assert abs(areas(found)["near the usual margin"] - 0.5) < 0.06
    assert found.evidence.attack == "all scores"
    assert found.value > 0.75
    assert ROW.judge(found).verdict is Verdict.FAIL


def test_an_honest_network_keeps_its_pass(
    some: DataSet, mnist: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control, without the mark, and the undefended network on all of MNIST have no such area."""
    monkeypatch.setattr(membership_scores, "_ALLOWED", 0.0)
    for data in (some, mnist):
        found = measured(undefended(), data, references=0, images=2000)
        assert abs(areas(found)["all scores"] - 0.5) < 0.04
        assert ROW.judge(found).verdict is Verdict.PASS


def test_a_mark_in_another_score_fails_beside_references(
    some: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the same rule finds for a reference network takes little from the area of the mark."""
    monkeypatch.setattr(membership_references, "TAKEN", 4_000)
    found = measured(Marked(some.train.images()), some, references=1)
    assert found.evidence.attack == "all scores"
    assert found.value > 0.85
    assert ROW.judge(found).verdict is Verdict.FAIL


def test_a_network_that_knew_neither_side_passes(
    mnist: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Test images of MNIST have other writers, which a rule learns; this counts as no leak.

    Without the allowance this network has 0.532 (0.514 to 0.550), and its row is undecided.
    """
    monkeypatch.setattr(membership_references, "TAKEN", 4_000)
    network = loading.resolve("network_d").model  # trained without the tuning images
    data = dataclasses.replace(mnist, train=mnist.tuning[1000:])
    row = dataclasses.replace(ROW, at_most=0.54)
    for references in (0, 1):
        found = measured(network, data, references=references)
        assert areas(found)["all scores"] < 0.52
        assert row.judge(found).verdict is Verdict.PASS
    monkeypatch.setattr(membership_scores, "_ALLOWED", 0.0)
    found = measured(network, data, references=0)
    assert (found.value, found.high) == pytest.approx((0.532, 0.550), abs=0.005)
    assert row.judge(found).verdict is Verdict.INCONCLUSIVE


def test_what_follows_from_the_difficulty_alone_is_taken_away() -> None:
    """Scores that are a rising function of the difficulty leave nothing; members stand out from it."""
    rng = np.random.default_rng(0)
    easy = rng.normal(size=400)
    assert np.allclose(beyond(np.exp(easy), easy), 0, atol=1e-9)
    member = np.arange(400) < 200
    rest = beyond(easy + 0.5 * member, easy)
    assert rest[member].min() > rest[~member].max() - 0.5
    assert rest[member].mean() > rest[~member].mean() + 0.3
    assert np.allclose(beyond(np.ones(5), np.ones(5)), 0)


def test_what_a_rule_finds_for_networks_that_know_nothing_is_taken_away() -> None:
    """Scores that references have as well count as chance; those that they lack count but for noise."""
    scores = np.concatenate([np.arange(200) + 100.0, np.arange(200)])
    noise = np.random.default_rng(0).permutation(400).astype(float)
    assert excess(scores, scores, 200) == 0.5
    assert excess(-scores, noise, 200) == 0.5
    assert 0.8 < excess(scores, noise, 200) < auroc(scores[:200], scores[200:])
    assert excess(scores, None, 200) == pytest.approx(auroc(scores[:200], scores[200:]) - 0.08)


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_few_classes_have_all_features(
    mnist: DataSet, classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With two to four classes the attack takes the scores that there are, and finds chance."""
    # Both sides are images that the network knows: test images of MNIST are another draw of writers.
    kept = mnist.train[mnist.train.labels < classes]
    data = dataclasses.replace(
        mnist,
        train=kept[:600],
        test=kept[600:1200],
        spec=dataclasses.replace(mnist.spec, classes=classes),
    )
    monkeypatch.setattr(membership_scores, "_ALLOWED", 0.0)
    found = measured(FewClasses(classes), data, references=0)
    assert abs(areas(found)["all scores"] - 0.5) < 0.08


@pytest.mark.parametrize("scale", [1e-6, 1024.0, 1e6])
def test_no_scale_hides_the_scores(scale: float) -> None:
    """The scores of multiplied logits are the same."""
    rng = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(450, 5, generator=rng), torch.arange(450) % 5

    def found(factor: float) -> np.ndarray:
        pairs = [(factor * logits[p], labels[p]) for p in (slice(200), slice(200, None))]
        return by_all_scores(pairs[0], pairs[1], 100)

    assert np.allclose(found(scale), found(1.0), atol=1e-3)


def test_no_image_is_judged_by_a_rule_learned_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule is fitted on other training images and on test images of the other half."""
    fitted: list[tuple[np.ndarray, np.ndarray]] = []
    own = membership_scores._fitted

    def recorded(inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
        fitted.append((inside, outside))
        return own(inside, outside)

    monkeypatch.setattr(membership_scores, "_fitted", recorded)
    logits = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.zeros(50, dtype=torch.long)
    by_all_scores((logits[:40], labels[:40]), (logits[40:], labels[40:]), 20)
    terms = membership_scores._terms(logits.double().numpy(), labels.numpy())
    (_, odd), (_, even) = fitted
    assert all(np.array_equal(inside, terms[40:]) for inside, _ in fitted)
    assert np.array_equal(odd, terms[21:40:2])
    assert np.array_equal(even, terms[20:40:2])


def test_noise_is_chance() -> None:
    """Over 40 draws of equal scores on both sides, the mean area is chance, and few are far from it."""
    found = []
    for seed in range(40):
        logits = torch.randn(500, 6, generator=torch.Generator().manual_seed(seed))
        labels = torch.arange(500) % 6
        scores = by_all_scores((logits[:200], labels[:200]), (logits[200:], labels[200:]), 100)
        found.append(auroc(scores[:100], scores[100:]))
    assert abs(np.mean(found) - 0.5) < 0.02
    assert np.std(found) < 0.06


def test_one_measured_image_has_no_rule() -> None:
    """With a single test image nothing is left to learn from, and its score is that of all."""
    logits, labels = torch.randn(3, 3), torch.zeros(3, dtype=torch.long)
    assert (by_all_scores((logits[:2], labels[:2]), (logits[2:], labels[2:]), 1) == 0).all()
