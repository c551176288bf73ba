"""The training loop: deterministic for a seed and a number of threads, resumable by epoch.

An adversarial run is probed after every epoch with PGD on tuning digits. Where robust accuracy
collapses (catastrophic overfitting; Wong et al. 2020, arXiv 2001.03994), the run goes back to its best
epoch and continues with half the learning rate.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from securemnist._util.hashing import seed_from
from securemnist.attacks.base import channels_last, cross_entropy, gradient
from securemnist.attacks.pgd import PGD
from securemnist.data import DataSet, Digits
from securemnist.models.architectures import build
from securemnist.threats import Linf
from securemnist.train import art_training, interval_training
from securemnist.train.recipes import Recipe
from securemnist.types import Images, Labels, Progress, silent

PROBE_DIGITS = 500
# Where certified training is probed: the eps of the literature, not the larger one of training.
PROBE_EPS = 0.3
# A probe that loses this share of the best robust accuracy so far is a collapse.
COLLAPSE = 0.25


@dataclass
class Trainer:
    """The state of one run: network, optimizer, epochs done, history; changed in place."""

    recipe: Recipe
    data: DataSet
    model: nn.Module = field(init=False)
    optimizer: torch.optim.Adam = field(init=False)
    _twins: art_training.Twins = field(init=False)
    epoch: int = 0
    slowdown: float = 1.0
    history: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        torch.manual_seed(seed_from(self.recipe.seed, "initial weights"))
        self.model = build(self.recipe.architecture)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.Adam(
            self.model.parameters(), lr=self.recipe.learning_rate, fused=True
        )
        digits, poison = self.data.train, self.recipe.poison
        if poison is not None:
            digits = poison(digits, seed=self.recipe.seed)
        if self.recipe.certifying:
            interval_training.initialise(self.model)
        self._images, self._labels = digits.images(), digits.labels
        # With a source every digit comes twice: as it is, and attacked.
        self._copies = 2 if self.recipe.source else 1
        if self.recipe.source:
            self._twins = art_training.Twins(
                self.recipe.source, self.recipe.eps, self._images, self._labels
            )

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch; the last may be smaller."""
        return math.ceil(self._copies * len(self._labels) / self.recipe.batch)

    def run_epoch(self, *, stop_after: int | None = None, progress: Progress = silent) -> None:
        """One pass over the training digits (or `stop_after` batches of it)."""
        self.model.train()
        rng = torch.Generator().manual_seed(seed_from(self.recipe.seed, "epoch", self.epoch))
        # Dropout draws from the global generator: it starts each epoch from the seed, too.
        torch.manual_seed(seed_from(self.recipe.seed, "dropout", self.epoch))
        run = self._art_pass if self.recipe.adversary == "fgsm_trainer" else self._pass
        # Bounds shrink to numbers so small that a processor counts them by hand.
        torch.set_flush_denormal(self.recipe.certifying)
        try:
            seen = run(rng, stop_after, progress)
        finally:
            torch.set_flush_denormal(False)  # it is the process's, not ours
        if seen is not None and stop_after is None:
            self.epoch += 1
            self.history.append({"epoch": self.epoch, **seen, **self._probe()})

    def _pass(
        self, rng: torch.Generator, stop_after: int | None, progress: Progress
    ) -> dict[str, float] | None:
        """Our own loop over the batches; None where it was stopped before the last."""
        loss_sum, right, seen = 0.0, 0, 0
        for step, (x, y) in enumerate(self._batches(rng)):
            if stop_after is not None and step >= stop_after:
                return None
            self._set_pace(self.epoch + step / self.steps_per_epoch)
            if self.recipe.certifying:
                loss, hits = self._certified_step(x, y, step)
            else:
                loss, hits = self._step(self._perturbed(x, y, step, rng), y)
            loss_sum, right, seen = loss_sum + loss, right + hits, seen + len(y)
            progress(f"epoch {self.epoch + 1}/{self.recipe.epochs}", step + 1, self.steps_per_epoch)
        return {"loss": round(loss_sum / seen, 6), "accuracy": right / seen}

    def _art_pass(
        self, rng: torch.Generator, stop_after: int | None, progress: Progress
    ) -> dict[str, float] | None:
        """ART's trainer, which tells nothing: loss and accuracy are those of 5,000 digits after it."""
        self._set_pace(self.epoch)
        order = torch.randperm(len(self._labels), generator=rng)
        if stop_after is not None:
            order = order[: stop_after * self.recipe.batch]
        progress(f"epoch {self.epoch + 1}/{self.recipe.epochs}", 0, 1)
        art_training.adversarial_trainer_epoch(
            self.model,
            self.optimizer,
            self._images[order],
            self._labels[order],
            eps=self.recipe.eps,
            ratio=0.5,
            batch=self.recipe.batch,
            rng=rng,
        )
        if stop_after is not None:
            return None
        x, y = self._images[order[:5_000]], self._labels[order[:5_000]]
        self.model.eval()
        with torch.no_grad():
            loss = float(cross_entropy(self.model(channels_last(x)), y)) / len(y)
        return {"loss": round(loss, 6), "accuracy": accuracy_of(self.model, x, y)}

    def _batches(self, rng: torch.Generator) -> Iterator[tuple[Images, Labels]]:
        n = len(self._labels)
        for part in torch.randperm(self._copies * n, generator=rng).split(self.recipe.batch):
            x, y, twins = channels_last(self._images[part % n]), self._labels[part % n], part >= n
            if twins.any():
                x[twins] = self._twins.of(part[twins] % n)
            yield x, y

    def _step(self, x: Images, y: Labels) -> tuple[float, int]:
        self.optimizer.zero_grad(set_to_none=True)
        logits = self.model(x)
        loss = cross_entropy(logits, y)
        (loss / len(y)).backward()
        self.optimizer.step()
        return float(loss.detach()), int((logits.detach().argmax(1) == y).sum())

    def _certified_step(self, x: Images, y: Labels, step: int) -> tuple[float, int]:
        """One step on the bounds; the hits are those of the digits that go through clean."""
        recipe, share = self.recipe, self._ramp(step)
        strength = recipe.regulariser * (1 - share)
        found = interval_training.bounds(
            interval_training.layers_of(self.model),
            x,
            y,
            recipe.eps * share,
            regularise=strength > 0,
        )
        loss = found.loss(y, kappa=1 - (1 - recipe.kappa) * share, strength=strength)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if recipe.clip:
            nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip)
        self.optimizer.step()
        return float(loss.detach()) * len(y), found.hits(y)

    def _ramp(self, step: int) -> float:
        """How far the ramp has led at a step of the present epoch, 0 to 1."""
        progress = self.epoch + step / self.steps_per_epoch
        return min(1.0, progress / self.recipe.ramp) if self.recipe.ramp else 1.0

    def _perturbed(self, x: Images, y: Labels, step: int, rng: torch.Generator) -> Images:
        """The batch as the recipe's adversary leaves it."""
        recipe = self.recipe
        if not recipe.hardening:
            return x
        scale = self._ramp(step)
        threat = Linf(recipe.eps * scale)
        if recipe.adversary == "fgsm":
            steps, size = 1, 1.25 * threat.eps
        else:
            steps, size = recipe.steps, recipe.step_size * scale
        self.model.eval()
        x_adv = threat.random_start(x, rng)
        for _ in range(steps):
            grad, _ = gradient(self.model, x_adv, y, cross_entropy)
            x_adv = threat.project(x, x_adv + size * threat.steepest(grad))
        self.model.train()
        return x_adv

    def _set_pace(self, epoch: float) -> None:
        """The learning rate at a (fractional) epoch."""
        share = epoch / self.recipe.epochs
        if self.recipe.schedule == "constant":
            factor = 1.0
        elif self.recipe.schedule == "cosine":
            factor = 0.5 * (1 + math.cos(math.pi * share))
        elif self.recipe.schedule == "drops":  # a fifth of it twice, near the end
            factor = 0.2 ** ((share >= 0.75) + (share >= 0.9))
        else:  # one cycle: up for a fifth, then down in a straight line
            factor = share / 0.2 if share < 0.2 else (1 - share) / 0.8
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * self.slowdown * max(factor, 0.01)

    def _probe(self) -> dict[str, float]:
        """Tuning accuracy, and under PGD-20 where the recipe hardens."""
        self.model.eval()
        tuning = self.data.tuning
        found = {"tuning_accuracy": accuracy(self.model, tuning)}
        if self.recipe.hardening:
            digits = tuning[:PROBE_DIGITS]
            x, y = digits.images(), digits.labels
            rng = torch.Generator().manual_seed(seed_from(self.recipe.seed, "probe"))
            x_adv = PGD(steps=20).propose(self.model, x, y, threat=Linf(self.recipe.eps), rng=rng)
            found["tuning_robust_accuracy"] = accuracy_of(self.model, x_adv, y)
        if self.recipe.certifying:
            found["tuning_certified_accuracy"] = interval_training.share(
                self.model, tuning.images(), tuning.labels, PROBE_EPS
            )
        return found


def collapsed(history: list[dict[str, Any]]) -> bool:
    """Whether the last probe fell far below the best one before it."""
    probes = [
        entry["tuning_robust_accuracy"] for entry in history if "tuning_robust_accuracy" in entry
    ]
    return len(probes) > 1 and probes[-1] < (1 - COLLAPSE) * max(probes[:-1])


@torch.no_grad()
def accuracy_of(model: nn.Module, x: Images, y: Labels) -> float:
    """Share of images read as their label."""
    right = 0
    for low in range(0, len(y), 256):
        predicted = model(channels_last(x[low : low + 256])).argmax(1)
        right += int((predicted == y[low : low + 256]).sum())
    return right / max(len(y), 1)


def accuracy(model: nn.Module, digits: Digits) -> float:
    """Clean accuracy on labelled digits."""
    return accuracy_of(model, digits.images(), digits.labels)
