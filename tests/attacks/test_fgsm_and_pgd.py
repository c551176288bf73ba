"""FGSM and PGD: exact results on linear models, ART's FGSM, step lengths, losses and costs."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

from securemnist._util.torchvision_shim import torchvision
from securemnist.attacks.base import Attack
from securemnist.attacks.fgsm import FGSM, RFGSM
from securemnist.attacks.losses import margins
from securemnist.attacks.pgd import PGD
from securemnist.data import DataSet
from securemnist.models.loading import Subject
from securemnist.threats import L2, Linf, Threat
from tests.attacks.examples import EXAMPLES
from tests.attacks.models import TwoClass, run, weight

ATTACKS = [attack for name in ("FGSM", "RFGSM", "PGD") for attack in EXAMPLES[name]]
both_norms = pytest.mark.parametrize("threat", [Linf(0.1), L2(1.5)], ids=str)


@pytest.fixture(scope="module")
def images(mnist: DataSet) -> tuple[torch.Tensor, torch.Tensor]:
    """300 tuning images."""
    return mnist.tuning[:300].images(), mnist.tuning[:300].labels


SHARES = torch.tensor([0.2, 0.6, 0.9, 0.97, 1.03, 1.1, 1.5, 3.0])


@pytest.mark.parametrize("attack", [FGSM(), PGD(steps=20), PGD(steps=20, loss="margin")], ids=str)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0])
@both_norms
def test_linear_model_breaks_exactly_within_radius(
    attack: Attack, scale: float, threat: Threat
) -> None:
    """Exactly the samples with |w.x| / dual norm of w below eps are broken, for any logit scale."""
    w = weight()
    direction, dual = (w.sign(), 1) if threat.norm == "linf" else (w / w.norm(), 2)
    radius = SHARES * threat.eps
    x = 0.5 + (radius[:, None] * direction).view(-1, 1, 1, 28, 28).squeeze(1)
    model = TwoClass(w, scale / float(w.norm(dual)) / threat.eps)
    torch.testing.assert_close(model.score(x), radius * w.norm(dual), rtol=1e-4, atol=0)
    y = torch.ones(len(x), dtype=torch.long)
    x_adv = run(attack, model, x, y, threat)
    assert (model(x_adv).argmax(1) != y).tolist() == (radius < threat.eps).tolist()


@pytest.mark.parametrize("attack", [FGSM(), PGD(steps=20)], ids=str)
def test_linear_model_on_images_breaks_exactly(
    attack: Attack, images: tuple[torch.Tensor, torch.Tensor]
) -> None:
    """On real images exactly those break whose worst score within eps and [0, 1] changes sign."""
    x, eps = images[0], 0.02
    w = weight(1)
    model = TwoClass(w)
    score = model.score(x)
    y = (score > 0).long()
    towards = torch.where((score > 0)[:, None], -w, w).view_as(x)
    limit = torch.where(towards > 0, (1 - x).clamp_max(eps), x.clamp_max(eps))
    worst = score + (towards.sign() * limit).flatten(1) @ w
    clear = worst.abs() > 1e-3
    changes = (worst > 0) != (score > 0)
    broken = model(run(attack, model, x, y, Linf(eps))).argmax(1) != y
    assert torch.equal(broken[clear], changes[clear])
    assert 30 < changes.sum() < 270


def test_fgsm_matches_art(
    baseline: Subject, mnist: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FGSM equals ART's FastGradientMethod on at least 99.9 % of the pixels."""
    monkeypatch.setenv("ART_DATA_PATH", str(tmp_path))
    torchvision()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from art.attacks.evasion import FastGradientMethod
        from art.estimators.classification import PyTorchClassifier
    estimator = PyTorchClassifier(
        baseline.model,
        nn.CrossEntropyLoss(),
        (1, 28, 28),
        10,
        clip_values=(0, 1),
        device_type="cpu",
    )
    sample = mnist.test[:256]
    x = sample.images()
    peer = FastGradientMethod(estimator, norm="inf", eps=0.2, batch_size=128)
    theirs = torch.from_numpy(peer.generate(x.numpy(), sample.labels.numpy()))
    ours = run(FGSM(), baseline.model, x, sample.labels, Linf(0.2))
    assert (x != ours).float().mean() > 0.3
    assert torch.isclose(ours, theirs, atol=1e-6).float().mean() >= 0.999


@pytest.mark.parametrize("eps", [0.1, 0.2])
def test_pgd_not_weaker_than_fgsm(
    eps: float, baseline: Subject, images: tuple[torch.Tensor, torch.Tensor]
) -> None:
    """On the undefended baseline PGD leaves no more survivors than FGSM."""
    x, y = images
    survivors = []
    for attack in (FGSM(), PGD(steps=10)):
        x_adv = run(attack, baseline.model, x, y, Linf(eps))
        survivors.append(int((baseline.model(x_adv).argmax(1) == y).sum()))
    assert 0 < survivors[0] < len(y)
    assert survivors[1] <= survivors[0]


@pytest.mark.parametrize("start", [0.25, 0.5])
def test_rfgsm_step_lengths(start: float) -> None:
    """Each pixel moves by a random step of `start` * eps and a gradient step of the rest."""
    w = weight().view(1, 1, 28, 28)
    x = torch.full((1, 1, 28, 28), 0.5)
    y = (TwoClass(w).score(x) > 0).long()
    delta = (run(RFGSM(start=start), TwoClass(w), x, y, Linf(0.2)) - x) / 0.2
    uphill = delta * (w.sign() if y == 0 else -w.sign())
    off = torch.minimum((uphill - 1).abs(), (uphill - (1 - 2 * start)).abs())
    assert off.max() < 1e-5
    assert 0.4 < (uphill > 0.9).float().mean() < 0.6


def test_margin_matches_definition() -> None:
    """The margin is the best wrong logit minus the true one, also for negative logits."""
    logits = torch.tensor([[3.0, 1.0, -2.0], [-9.0, -5.0, -7.0]])
    y = torch.tensor([0, 1])
    assert margins(logits, y, y).tolist() == [1 - 3, -7 + 5]


def saturated(x: torch.Tensor) -> torch.Tensor:
    """A linear model whose cross-entropy underflows to 0 on correctly classified images."""
    return TwoClass(weight(), 1e4)(x)


@both_norms
def test_pgd_margin_loss_on_saturated_model(threat: Threat) -> None:
    """Where the gradient of cross-entropy is 0, PGD on the margin still breaks the sample."""
    x = 0.5 + 0.2 * threat.eps * threat.steepest(weight().view(1, 1, 28, 28))
    y = torch.ones(1, dtype=torch.long)
    broken = {
        loss: int(saturated(run(PGD(steps=10, loss=loss), saturated, x, y, threat)).argmax()) != 1
        for loss in ("ce", "margin")
    }
    assert broken == {"ce": False, "margin": True}


def test_progress_reaches_total(baseline: Subject) -> None:
    """Progress never decreases and ends at the number of samples."""
    x, y = torch.rand(130, 1, 28, 28), torch.zeros(130, dtype=torch.long)
    calls: list[tuple[int, int]] = []

    def record(_: str, done: int, total: int) -> None:
        calls.append((done, total))

    for attack in ATTACKS[:3]:
        calls.clear()
        rng = torch.Generator()
        attack.propose(baseline.model, x, y, threat=Linf(0.1), rng=rng, progress=record)
        assert calls == sorted(calls)
        assert calls[-1] == (130, 130)


def test_costs_and_kinds() -> None:
    """A surviving sample costs one pass per step and one more; single-step attacks are marked as such."""
    assert [attack.passes() for attack in ATTACKS] == [1, 1, 4, 6]
    assert [attack.one_step for attack in ATTACKS] == [True, True, False, False]
