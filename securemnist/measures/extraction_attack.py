"""What an attacker does with a model's answers: copies, and adversarial examples made on a copy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import nn

from securemnist._util.hashing import seed_from
from securemnist._util.random_numbers import generator
from securemnist.attacks.base import AttackInput
from securemnist.attacks.losses import answers
from securemnist.attacks.surrogate import climbed
from securemnist.data import Samples
from securemnist.evaluation.context import Context, Sample
from securemnist.evaluation.mean_model import MEAN_DRAWS
from securemnist.input_spec import InputSpec
from securemnist.measures.extraction_copy import Copy, copied, targets, updates_of
from securemnist.measures.membership_references import reduced, reduced_form
from securemnist.models.predictions import is_wrong
from securemnist.results.intervals import share_interval
from securemnist.threats import Linf
from securemnist.types import Images, Labels, Logits, Progress

ATTACKED = 500  # test images, at most, on which adversarial examples are tried
_STEPS, _PART = 10, 256
REFERENCE = "network without defence"  # first part of the keys of what all models share


@dataclass(frozen=True)
class Agreement:
    """On how many of `n` images a copy has a model's class; `chance`: share of its most frequent one."""

    hits: int
    n: int
    chance: float

    @classmethod
    def of(cls, copied: Labels, classes: Labels) -> Agreement:
        """Of the classes of a copy and of the model, int64 (n,) each."""
        most = int(torch.bincount(classes).max())
        return cls(int((copied == classes).sum()), len(classes), most / len(classes))

    @property
    def share(self) -> float:
        return self.hits / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """The exact 95 % interval."""
        return share_interval(self.hits, self.n)

    @property
    def above_chance(self) -> float:
        """The agreement as a part of what chance leaves; at most 1."""
        return (self.share - self.chance) / (1 - self.chance) if self.chance < 1 else 0.0


@dataclass(frozen=True)
class Stolen:
    """A copy, and its class for each test image, int64 (n,)."""

    network: nn.Module
    predictions: Labels


@dataclass(frozen=True)
class Attacker:
    """Who has the images `asked`, and the model's answers to them; `test` images are held out.

    `others` train the control. `randomised`: the model gives one answer to each question, and its class
    for a test image is that of the mean of eight.
    """

    context: Context
    asked: Samples
    others: Samples
    test: Sample
    seed: int
    randomised: bool

    @cached_property
    def answered(self) -> Logits:
        """The model's outputs (q, K) for the images that are asked about."""
        return self.context.logits_of(self.asked)

    @cached_property
    def drawn(self) -> Logits:
        """The model's outputs (d, n, K) for the test images, d times."""
        if not self.randomised:
            return self.context.clean_logits(self.test)[None]
        return torch.stack([self.context.logits_of(self.test.samples) for _ in range(MEAN_DRAWS)])

    @cached_property
    def classes(self) -> Labels:
        """The model's class for each test image, int64 (n,)."""
        return self.drawn.mean(0).argmax(1)

    @property
    def right(self) -> torch.Tensor:
        """Whether one answer to each test image is its label, boolean (n,)."""
        return self.drawn[0].argmax(1) == self.test.samples.labels

    @property
    def _small(self) -> InputSpec:
        return reduced_form(self.context.data.spec)

    @cached_property
    def _x(self) -> tuple[Images, Images]:
        return reduced(self.asked, self._small), reduced(self.test.samples, self._small)

    def copy(self, *, labels_only: bool, number: int = 1) -> Stolen:
        """A copy of the model, from its outputs or its labels alone; which one of the row it is."""
        return self._copy(self.answered, labels_only, 1 + number)

    def control(self, *, labels_only: bool) -> Agreement:
        """Agreement of a network without defence, trained on true labels, with its own copy.

        Cached in the context, as the model has no part in it.
        """

        def measured() -> Agreement:
            network = self.context.cached((REFERENCE, self.seed), self._reference)
            outputs, held_out = (answers(network, x, _PART) for x in self._x)
            copy = self._copy(outputs, labels_only, 1)
            return Agreement.of(copy.predictions, held_out.argmax(1))

        key = (REFERENCE, self.seed, len(self.asked), len(self.test), labels_only)
        return self.context.cached(key, measured)

    def _reference(self) -> nn.Module:
        labels = F.one_hot(self.others.labels, self._small.classes).float()
        seed = seed_from(self.seed, "control")
        x = reduced(self.others, self._small)
        return copied(x, labels, seed=seed, progress=self._progress(0))

    def _copy(self, outputs: Logits, labels_only: bool, number: int) -> Stolen:
        x, held_out = self._x
        wanted = targets(outputs, labels_only=labels_only)
        network = copied(x, wanted, seed=self.seed, progress=self._progress(number))
        return Stolen(network, answers(network, held_out, _PART).argmax(1))

    def _progress(self, number: int) -> Progress:
        """Progress of a training as a part of all: of the control, its copy, and one copy or two."""
        first, each = updates_of(len(self.others)), updates_of(len(self.asked))
        before = first + (number - 1) * each if number else 0
        total = first + max(2, number) * each

        def progress(label: str, done: int, _: int) -> None:
            self.context.progress(label, before + done, total)

        return progress

    def transferred(self, network: nn.Module, eps: float) -> float | None:
        """The share of adversarial examples for a copy that the model misclassifies, too.

        PGD within L-infinity `eps` on at most 500 test images that the model classifies right; None where
        there is none.
        """
        samples = self.test.samples[:ATTACKED]
        right = ~is_wrong(self.drawn.mean(0)[: len(samples)], samples.labels)
        if not bool(right.any()):
            return None
        x, y = samples.images()[right], samples.labels[right]
        whole = Copy(network, self._small)
        rng = generator(self.seed, "examples for a copy")
        found = climbed(whole, AttackInput(whole, x, y, Linf(eps), rng), _STEPS)
        return float(is_wrong(self.context.logits(found).cpu(), y).float().mean())
