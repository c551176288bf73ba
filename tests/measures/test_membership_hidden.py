"""Membership inference where scores hide what the model has memorised: no pass."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
import torch
from torch import nn

from securemnist.data import DataSet
from securemnist.measures.membership_hidden import hidden_reason
from securemnist.results.findings import Verdict
from tests.measures.test_membership import ROW, measured, reference_training
from tests.saboteurs import Memorising, undefended


def one_hot(logits: torch.Tensor) -> torch.Tensor:
    """The predicted class alone."""
    return nn.functional.one_hot(logits.argmax(1), logits.shape[1]).float()


def two_digits(logits: torch.Tensor) -> torch.Tensor:
    """Logarithms of probabilities of two digits."""
    return ((logits.softmax(1) * 100).round() / 100 + 1e-9).log()


def as_byte(logits: torch.Tensor) -> torch.Tensor:
    """Logits of a quantised network."""
    return (logits * 4).round()


class Changed(nn.Module):
    """Another network with other scores."""

    def __init__(self, network: nn.Module, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.network, self.change = network, change

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.change(self.network(x))


class Masked(nn.Module):
    """The classes of another network; how sure it is of one depends on the pixels, as if at random."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        number = ((x * 255).round().double() ** 2).flatten(1).sum(1)
        sure = 1 + (number * 0.6180339887).frac().float()
        return one_hot(self.network(x)) * sure[:, None]


class Noisy(Memorising):
    """Scores with random noise, that are a little larger for remembered images."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        known = torch.isin(self.hashed(x), self.members)[:, None]
        logits: torch.Tensor = self.network(x)
        sure = one_hot(logits) * (20.0 + 3.0 * known)
        return sure + 4.0 * torch.randn_like(logits)


@pytest.fixture(scope="module")
def some(mnist: DataSet) -> DataSet:
    """MNIST with 2,000 training images."""
    return dataclasses.replace(mnist, train=mnist.train[:2000])


def test_classes_alone_do_not_pass(some: DataSet) -> None:
    """A network that remembers its images hides them by its scores, and still knows them."""
    found = measured(Changed(Memorising(some.train.images()), one_hot), some, references=0)
    assert found.high < ROW.threshold
    assert "by rounded scores" in found.inconclusive
    assert ROW.judge(found).verdict is Verdict.INCONCLUSIVE


def test_rounded_scores_do_not_pass_but_may_fail(some: DataSet) -> None:
    """Two digits hide most differences; what they still tell is a failure."""
    undecided = measured(Changed(undefended(), two_digits), some, references=0)
    assert undecided.high < ROW.threshold
    assert ROW.judge(undecided).verdict is Verdict.INCONCLUSIVE
    failed = measured(Changed(Memorising(some.train.images()), two_digits), some, references=0)
    assert ROW.judge(failed).verdict is Verdict.FAIL


def test_scores_without_relation_to_the_images_do_not_pass(
    some: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Noise that keeps the class, the same for an image each time, hides members, too."""
    reference_training(monkeypatch)
    found = measured(Masked(undefended()), some, references=1)
    assert found.high < ROW.threshold
    assert "by noise on the scores" in found.inconclusive
    assert ROW.judge(found).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("change", [torch.Tensor.double, as_byte, torch.log_softmax])
def test_honest_scores_pass(
    some: DataSet, monkeypatch: pytest.MonkeyPatch, change: Callable[..., torch.Tensor]
) -> None:
    """Logits, those of a quantised network and logarithms of probabilities are all scores."""
    reference_training(monkeypatch)
    given = (lambda logits: change(logits, 1)) if change is torch.log_softmax else change
    found = measured(Changed(undefended(), given), some, references=1)
    assert found.inconclusive == ""
    assert ROW.judge(found).verdict is Verdict.PASS


def test_random_noise_is_averaged_away(some: DataSet) -> None:
    """An attacker may ask again: the mean of eight answers tells what one does not."""
    few = dataclasses.replace(some, train=some.train[:600])
    found = measured(Noisy(few.train.images()), few, references=0, randomised=True)
    assert found.value > 0.85
    assert ROW.judge(found).verdict is Verdict.FAIL


def test_a_relation_needs_images_that_are_classified_right() -> None:
    """Where none is, nothing shows that the scores are those of the network."""
    rng = torch.Generator().manual_seed(0)
    easy = torch.randn(200, generator=rng).double().numpy()
    assert hidden_reason(easy + 10, easy, 100) == ""
    assert "0 test images" in hidden_reason(easy - 10, easy, 100)
    assert hidden_reason(easy - 10, None, 100) == ""
