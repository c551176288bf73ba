"""Training loop: deterministic for a seed and a number of threads, resumable by epoch.

After every epoch a robust run measures PGD accuracy on tuning samples. If it collapses (catastrophic
overfitting; Wong et al. 2020, arXiv 2001.03994), the run returns to its best epoch and continues with
half the learning rate.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from securemnist._util.hashing import seed_from
from securemnist._util.random_numbers import generator
from securemnist.attacks.losses import answers, cross_entropies, loss_and_gradient
from securemnist.attacks.pgd import PGD
from securemnist.batches import channels_last
from securemnist.data import DataSet
from securemnist.models.architectures import build
from securemnist.threats import Linf
from securemnist.train import art_training, interval_training, trades
from securemnist.train.recipes import Recipe
from securemnist.types import Images, Labels, Progress, silent

PROBE_IMAGES = 500
# eps of tuning certified accuracy: that of the literature, smaller than that of training.
PROBE_EPS = 0.3
# A loss of this fraction of the best robust accuracy is a collapse.
COLLAPSE = 0.25


class Trainer:
    """The mutable state of one run: network, optimizer, finished epochs, history."""

    def __init__(self, recipe: Recipe, data: DataSet) -> None:
        self.recipe, self.data = recipe, data
        self.epoch, self.slowdown = 0, 1.0
        self.history: list[dict[str, Any]] = []
        torch.manual_seed(seed_from(self.recipe.seed, "initial weights"))
        self.model = build(self.recipe.architecture, data.spec)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.Adam(
            self.model.parameters(), lr=self.recipe.learning_rate, fused=True
        )
        samples, poison = self.data.train, self.recipe.poison
        if poison is not None:
            samples = poison(samples, seed=self.recipe.seed)
        if self.recipe.certifying:
            interval_training.initialise(self.model)
        self._images, self._labels = samples.images(), samples.labels
        # With a source model the training set has each image clean and attacked.
        self._copies = 2 if self.recipe.source else 1
        if self.recipe.source:
            self._fgsm_examples = art_training.PrecomputedExamples(
                self.recipe.source, self.recipe.eps, self._images, self._labels
            )

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches per epoch; the last may be smaller."""
        return math.ceil(self._copies * len(self._labels) / self.recipe.batch)

    def run_epoch(self, *, stop_after: int | None = None, progress: Progress = silent) -> None:
        """One epoch, or `stop_after` batches of it."""
        self.model.train()
        rng = generator(self.recipe.seed, "epoch", self.epoch)
        # Dropout draws from the global generator, which is seeded for each epoch.
        torch.manual_seed(seed_from(self.recipe.seed, "dropout", self.epoch))
        run = self._art_pass if self.recipe.adversary == "fgsm_trainer" else self._pass
        # Bounds become denormal numbers, which are handled in microcode; flush them to zero.
        torch.set_flush_denormal(self.recipe.certifying)
        try:
            results = run(rng, stop_after, progress)
        finally:
            torch.set_flush_denormal(False)  # a flag of the process
        if results is not None and stop_after is None:
            self.epoch += 1
            self.history.append({"epoch": self.epoch, **results, **self._probe()})

    def _pass(
        self, rng: torch.Generator, stop_after: int | None, progress: Progress
    ) -> dict[str, float] | None:
        """Loss and accuracy of an epoch; None if it was stopped before the last batch."""
        loss_sum, correct, total = 0.0, 0, 0
        for step, (x, y) in enumerate(self._batches(rng)):
            if stop_after is not None and step >= stop_after:
                return None
            self._set_learning_rate(self.epoch + step / self.steps_per_epoch)
            if self.recipe.certifying:
                loss, hits = self._certified_step(x, y, step)
            elif self.recipe.adversary == "trades":
                batch = self.model, self.optimizer, x, y
                loss, hits = trades.step(*batch, self.recipe, self._ramp(step), rng)
            else:
                loss, hits = self._step(self._perturbed(x, y, step, rng), y)
            loss_sum, correct, total = loss_sum + loss, correct + hits, total + len(y)
            progress(f"epoch {self.epoch + 1}/{self.recipe.epochs}", step + 1, self.steps_per_epoch)
        return {"loss": round(loss_sum / total, 6), "accuracy": correct / total}

    def _art_pass(
        self, rng: torch.Generator, stop_after: int | None, progress: Progress
    ) -> dict[str, float] | None:
        """An epoch of ART's trainer; loss and accuracy are measured afterwards on 5,000 samples."""
        self._set_learning_rate(self.epoch)
        order = torch.randperm(len(self._labels), generator=rng)
        if stop_after is not None:
            order = order[: stop_after * self.recipe.batch]
        progress(f"epoch {self.epoch + 1}/{self.recipe.epochs}", 0, 1)
        art_training.adversarial_trainer_epoch(
            self.model,
            self.optimizer,
            self._images[order],
            self._labels[order],
            spec=self.data.spec,
            eps=self.recipe.eps,
            batch=self.recipe.batch,
            rng=rng,
        )
        if stop_after is not None:
            return None
        x, y = self._images[order[:5_000]], self._labels[order[:5_000]]
        self.model.eval()
        with torch.no_grad():
            logits = self.model(channels_last(x))
        loss = float(F.cross_entropy(logits, y, reduction="sum")) / len(y)
        return {"loss": round(loss, 6), "accuracy": accuracy_of(self.model, x, y)}

    def _batches(self, rng: torch.Generator) -> Iterator[tuple[Images, Labels]]:
        n = len(self._labels)
        for part in torch.randperm(self._copies * n, generator=rng).split(self.recipe.batch):
            x, y = channels_last(self._images[part % n]), self._labels[part % n]
            attacked = part >= n
            if attacked.any():
                x[attacked] = self._fgsm_examples.at(part[attacked] % n)
            yield x, y

    def _step(self, x: Images, y: Labels) -> tuple[float, int]:
        self.optimizer.zero_grad(set_to_none=True)
        logits = self.model(x)
        loss = F.cross_entropy(logits, y, reduction="sum")
        (loss / len(y)).backward()
        self.optimizer.step()
        return float(loss.detach()), int((logits.detach().argmax(1) == y).sum())

    def _certified_step(self, x: Images, y: Labels, step: int) -> tuple[float, int]:
        """One step on the loss of interval bounds; hits are estimated from the clean samples."""
        recipe, share = self.recipe, self._ramp(step)
        strength = recipe.regulariser * (1 - share)
        bounds = interval_training.bounds(
            interval_training.layers_of(self.model),
            x,
            y,
            recipe.eps * share,
            regularise=strength > 0,
        )
        loss = bounds.loss(y, kappa=1 - (1 - recipe.kappa) * share, strength=strength)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if recipe.clip:
            nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip)
        self.optimizer.step()
        return float(loss.detach()) * len(y), bounds.hits(y)

    def _ramp(self, step: int) -> float:
        """Progress of the eps ramp at a step of the current epoch, in [0, 1]."""
        progress = self.epoch + step / self.steps_per_epoch
        return min(1.0, progress / self.recipe.ramp) if self.recipe.ramp else 1.0

    def _perturbed(self, x: Images, y: Labels, step: int, rng: torch.Generator) -> Images:
        """The batch, perturbed by the adversary or the noise of the recipe."""
        recipe = self.recipe
        if recipe.noise:
            return x + _noise(x, recipe.noise, rng)
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
            _, gradient, _ = loss_and_gradient(self.model, x_adv, y, cross_entropies)
            x_adv = threat.project(x, x_adv + size * threat.steepest(gradient))
        self.model.train()
        return x_adv

    def _set_learning_rate(self, epoch: float) -> None:
        """Set the learning rate of a (fractional) epoch by the recipe's schedule."""
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
        """Tuning accuracy; for robust recipes also under PGD-20 or noise, or certified accuracy."""
        self.model.eval()
        images, labels = self.data.tuning.images(), self.data.tuning.labels
        results = {"tuning_accuracy": accuracy_of(self.model, images, labels)}
        if self.recipe.hardening:
            x, y = images[:PROBE_IMAGES], labels[:PROBE_IMAGES]
            rng = generator(self.recipe.seed, "probe")
            x_adv = PGD(steps=20).propose(self.model, x, y, threat=Linf(self.recipe.eps), rng=rng)
            results["tuning_robust_accuracy"] = accuracy_of(self.model, x_adv, y)
        if self.recipe.noise:
            rng = generator(self.recipe.seed, "probe")
            noisy = images + _noise(images, self.recipe.noise, rng)
            results["tuning_noisy_accuracy"] = accuracy_of(self.model, noisy, labels)
        if self.recipe.certifying:
            results["tuning_certified_accuracy"] = interval_training.certified_fraction(
                self.model, images, labels, PROBE_EPS
            )
        return results


def _noise(x: Images, deviation: float, rng: torch.Generator) -> torch.Tensor:
    """Gaussian noise for images (n, C, H, W), in their memory layout; not clipped to [0, 1]."""
    noise: torch.Tensor = deviation * torch.randn(x.shape, generator=rng)
    return channels_last(noise)


def collapsed(history: list[dict[str, Any]]) -> bool:
    """Whether the last robust accuracy is far below the best one before it."""
    probes = [
        entry["tuning_robust_accuracy"] for entry in history if "tuning_robust_accuracy" in entry
    ]
    return len(probes) > 1 and probes[-1] < (1 - COLLAPSE) * max(probes[:-1])


def accuracy_of(model: nn.Module, x: Images, y: Labels) -> float:
    """Accuracy on images (n, C, H, W) with labels (n,), in [0, 1]."""
    return int((answers(model, x, 256).argmax(1) == y).sum()) / max(len(y), 1)
