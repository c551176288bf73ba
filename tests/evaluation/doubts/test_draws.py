"""Random answers whose mean misleads attacks are doubted; ordinary noise is not."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from securemnist.attacks.pgd import PGD
from securemnist.data import DataSet
from securemnist.defences import make_defence
from securemnist.evaluation.doubts.draws import AGREEMENT, agreement, random_answers
from securemnist.evaluation.doubts.gradients import gradients
from securemnist.evaluation.doubts.probe import Probe
from securemnist.evaluation.mean_model import MeanModel
from securemnist.models import loading
from securemnist.models.predictions import best_wrong, is_wrong
from securemnist.threats import Linf
from tests.attacks.models import run
from tests.evaluation.doubts.impostors import Around, Dropping, Noisy
from tests.evaluation.doubts.test_gradients import case, network

IMAGES = 48


class Loud(Around):
    """Half of the answers have the network's class, a thousand times its size, and another gradient."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = self.network(x)
        rng = torch.Generator().manual_seed(0)
        waves = (x.flatten(1) @ torch.randn(784, 10, generator=rng).to(x.dtype)).sin()
        loud = 1000 * (2 * nn.functional.one_hot(logits.argmax(1), 10) + 0.1 * waves)
        return torch.where(torch.rand(len(x), 1) < 0.5, loud, logits)


class LoudAndFar(Loud):
    """The same, and the smallest logit of every answer is far below the others: it decides no class."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = super().forward(x)
        return logits.scatter(1, logits.argmin(1, keepdim=True), -3000.0)


class Shaken(Around):
    """Small waves in a new direction in each answer."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        directions = torch.randn(len(x), 784, 10).to(x.dtype)
        return self.network(x) + 0.1 * (20 * x.flatten(1)[:, None] @ directions).squeeze(1).sin()


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Loud, "random answers differ more than 10 times in size"),
        (LoudAndFar, "or 30 times in margin"),
        (Shaken, "nothing in common"),
    ],
)
def test_means_that_mislead_are_doubted(kind: type[Around], reason: str, mnist: DataSet) -> None:
    """Such a model keeps images that the same attack breaks of its network, and a reason says why."""
    found = case(MeanModel(kind(network())).eval(), mnist, Linf(0.2), IMAGES)
    left = []
    for model in (network(), found.model):
        x_adv = run(PGD(steps=10, loss="margin"), model, found.x, found.y, Linf(0.2))
        left.append(int((~is_wrong(network()(x_adv), found.y)).sum()))
    assert left[0] + IMAGES / 4 < left[1]
    reasons = random_answers(found)
    assert len(reasons) == 1
    assert reason in reasons[0]


def test_the_doubt_gradients_says_so(mnist: DataSet) -> None:
    """The reasons are among those of the doubt `gradients`."""
    doubt = gradients(case(MeanModel(Loud(network())).eval(), mnist, Linf(0.2), 16))
    assert doubt is not None
    assert "random answers differ" in doubt.reason


@pytest.mark.parametrize("kind", [Noisy, Dropping])
def test_ordinary_noise_is_not_doubted(kind: type[Around], mnist: DataSet) -> None:
    """Noise on pixels and dropout leave the mean its direction."""
    assert random_answers(case(MeanModel(kind(network())).eval(), mnist, Linf(0.1), IMAGES)) == []


@pytest.mark.parametrize("model", ["baseline", "certified"])
@pytest.mark.parametrize(
    ("defence", "cosine"),
    [
        ({"use": "random-resize", "pixels": 4}, 0.22),
        ({"use": "random-noise", "sigma": 0.25}, 0.22),
        ({"use": "random-noise", "sigma": 1.0}, 0.07),
    ],
    ids=str,
)
def test_random_defences_are_not_doubted(
    defence: dict[str, object], cosine: float, model: str, mnist: DataSet
) -> None:
    """Nor do the bundled random defences, also at strong noise: cosines are those of docs/doubts.md."""
    torch.manual_seed(0)
    defended = make_defence(defence).wrap(loading.resolve(model).model)
    found = case(MeanModel(defended).eval(), mnist, Linf(0.3), IMAGES)
    assert random_answers(found) == []
    probe = Probe(found.model, found.x)
    target = best_wrong(probe.logits(found.x), found.y)
    assert agreement(found, probe, target) >= cosine > AGREEMENT


def test_answers_that_repeat_are_left_out(mnist: DataSet) -> None:
    """The mean of equal answers is the answer."""
    assert random_answers(case(MeanModel(network()).eval(), mnist, Linf(0.1), 16)) == []


def test_a_single_answer_is_not_asked_for(mnist: DataSet) -> None:
    """A model that is no mean of answers is not called."""
    model, calls = network(), []
    found = case(model, mnist, Linf(0.1), 16)
    model.register_forward_hook(lambda *_: calls.append(1))
    assert random_answers(found) == []
    assert calls == []
