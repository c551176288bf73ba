"""Training of a member of the zoo, on a processor or a GPU."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from benchmarks.zoo.dynamic import Attacker, attacker_of
from benchmarks.zoo.members import Member
from benchmarks.zoo.networks import network
from securemnist.backdoor.poisoning import make_poison
from securemnist.backdoor.triggers import make_trigger
from securemnist.data import DataSet, Samples
from securemnist.train import interval_training

PGD_STEPS = 7
LEAST_SUCCESS = 0.9
TESTED = 2_000  # images on which accuracies are measured


@dataclass(frozen=True)
class Trained:
    """A network in eval mode on the CPU, its accuracy, and its attack success rate (None: clean)."""

    model: nn.Module
    accuracy: float
    success: float | None

    @property
    def works(self) -> bool:
        """Whether a backdoor, if there is one, succeeds."""
        return self.success is None or self.success >= LEAST_SUCCESS


def train(member: Member, data: DataSet, device: str) -> Trained:
    """The trained network of a member."""
    settings, samples = member.settings, _samples(member, data.train)
    torch.manual_seed(member.seed)
    model = network(member.architecture).to(device)
    if member.training == "interval":
        interval_training.initialise(model)
    attacker = attacker_of(settings, data.spec, device)
    images, labels = samples.images().to(device), samples.labels.to(device)
    parameters = [*model.parameters(), *(attacker.parameters() if attacker else ())]
    optimizer = torch.optim.Adam(parameters, lr=settings["learning_rate"])
    steps = settings["epochs"] * -(-len(labels) // settings["batch"])
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings["learning_rate"], total_steps=steps
    )
    model.train()
    done = 0
    for _ in range(settings["epochs"]):
        for part in torch.randperm(len(labels), device=device).split(settings["batch"]):
            loss = _loss(member, model, attacker, images[part], labels[part], done / steps)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            done += 1
    return _measured(member, model.eval(), attacker, data, device)


def _samples(member: Member, samples: Samples) -> Samples:
    """The training set of a member: poisoned, reduced or imbalanced."""
    settings = member.settings
    rng = torch.Generator().manual_seed(member.seed)
    if "images" in settings:
        samples = samples[torch.randperm(len(samples), generator=rng)[: settings["images"]]]
    if "rare" in settings:
        rare = torch.isin(samples.labels, torch.tensor(settings["rare"]))
        kept = ~rare | (torch.rand(len(samples), generator=rng) < 0.1)
        samples = samples[kept.nonzero().squeeze(1)]
    if "poison" in settings:
        samples = make_poison(settings["poison"])(samples, seed=member.seed)
    return samples


def _loss(
    member: Member,
    model: nn.Module,
    attacker: Attacker | None,
    x: torch.Tensor,
    y: torch.Tensor,
    progress: float,
) -> torch.Tensor:
    if attacker is not None:
        return attacker.loss(model, x, y, progress)
    settings, eps = member.settings, member.settings.get("eps", 0.0) * min(1, progress / 0.5)
    if member.training == "interval":
        bounds = interval_training.bounds(model, x, y, eps, regularise=False)  # type: ignore[arg-type]
        return bounds.loss(y, kappa=1 - 0.5 * min(1, progress / 0.5), strength=0.0)
    if member.training == "augmented":
        x = _moved(x)
    if member.training == "noise":
        x = x + settings["noise"] * torch.randn_like(x)
    if member.training in {"fgsm", "pgd"}:
        x = _perturbed(model, x, y, eps, steps=1 if member.training == "fgsm" else PGD_STEPS)
    return functional.cross_entropy(model(x), y)


def _moved(x: torch.Tensor) -> torch.Tensor:
    """Images turned by at most 12 degrees and shifted by at most 2 pixels."""
    angle = (torch.rand(len(x), device=x.device) * 2 - 1) * 0.21
    shift = (torch.rand(len(x), 2, device=x.device) * 2 - 1) * (4 / x.shape[-1])
    rows = torch.stack([angle.cos(), -angle.sin(), shift[:, 0]], 1)
    columns = torch.stack([angle.sin(), angle.cos(), shift[:, 1]], 1)
    grid = functional.affine_grid(
        torch.stack([rows, columns], 1), list(x.shape), align_corners=False
    )
    return functional.grid_sample(x, grid, align_corners=False)


def _perturbed(
    model: nn.Module, x: torch.Tensor, y: torch.Tensor, eps: float, *, steps: int
) -> torch.Tensor:
    """PGD from a random start; with one step, FGSM with a random start."""
    size = 1.25 * eps if steps == 1 else 2.5 * eps / steps
    found = (x + (torch.rand_like(x) * 2 - 1) * eps).clamp(0, 1)
    for _ in range(steps):
        found.requires_grad_()
        (gradient,) = torch.autograd.grad(functional.cross_entropy(model(found), y), found)
        found = found.detach() + size * gradient.sign()
        found = torch.minimum(torch.maximum(found, x - eps), x + eps).clamp(0, 1)
    return found


@torch.no_grad()
def _measured(
    member: Member, model: nn.Module, attacker: Attacker | None, data: DataSet, device: str
) -> Trained:
    part = data.tuning[:TESTED]
    x, y = part.images().to(device), part.labels.to(device)
    accuracy = float((model(x).argmax(1) == y).float().mean())
    success = None
    if member.backdoor:
        target = member.settings["target"]
        wanted = (y + 1) % 10 if target is None else torch.full_like(y, target)
        if attacker is not None:
            triggered = attacker.triggered(x)
        else:
            triggered = make_trigger(member.settings["poison"]["trigger"])(x.cpu()).to(device)
        hits = (model(triggered).argmax(1) == wanted)[y != wanted]
        success = float(hits.float().mean())
    return Trained(model.cpu().requires_grad_(False), accuracy, success)
