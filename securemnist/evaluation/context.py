"""Lab: one subject on one data set; what every measure is handed."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from securemnist._util.hashing import seed_from
from securemnist.attacks.base import channels_last
from securemnist.data import DataSet, Digits
from securemnist.errors import ModelError, UsageError
from securemnist.evaluation import own_doubts
from securemnist.evaluation.probabilities import LogProbabilities, are_probabilities
from securemnist.evaluation.replay import Replay
from securemnist.models import contract
from securemnist.models.loading import Subject
from securemnist.models.predictions import exact
from securemnist.results.per_image import encode, encode_places
from securemnist.runtime import denormals
from securemnist.types import Images, Labels, Logits, Progress, silent

_BATCH = 256
# The exact share of fewer samples than this says nothing of new ones: their interval decides.
_FEWEST = 100
# Test digits on which a model is tried before denormal numbers are flushed.
_PROBES = 32


@dataclass(frozen=True)
class Sample:
    """Test digits of a measurement: images on the device, labels, and their places in the test set."""

    x: Images
    y: Labels
    places: torch.Tensor
    complete: bool
    order: str

    def __len__(self) -> int:
        return len(self.y)

    @property
    def record(self) -> dict[str, str]:
        """How the digits were chosen, as builtins; `places` is empty where they are in file order."""
        in_order = bool((self.places == torch.arange(len(self))).all())
        places = [] if in_order else self.places.tolist()
        return {"order": self.order, "places": encode_places(places)}

    def answers(self, read: torch.Tensor) -> dict[str, str]:
        """The label of each image and the class it was read as, (n,) each."""
        return {**self.record, "labels": encode(self.y.tolist()), "read": encode(read.tolist())}


@dataclass(frozen=True)
class Lab:
    """The subject has passed the model contract when a lab exists.

    `replay`: stored adversarial examples that searches begin with. `memory` holds what is worked out
    once and asked for again. `project` is the folder that the paths of a static row start from.
    `doubts` are the user's own, by default those of the project in the working folder.
    """

    subject: Subject
    data: DataSet
    progress: Progress = silent
    replay: Replay | None = None
    memory: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)
    project: Path = field(default_factory=Path.cwd, compare=False)
    doubts: tuple[own_doubts.Question, ...] = field(
        default_factory=lambda: own_doubts.of_project(Path.cwd()), repr=False, compare=False
    )

    def __post_init__(self) -> None:
        contract.check(self.subject, self.data.test[:8].images())

    def sample(self, digits: int | None, seed: int, *, shuffled: bool = False) -> Sample:
        """The first `digits` of a seeded random order of the test set; all of them in file order.

        None is all of them.

        The orders of one seed are nested, so that a larger sample contains the smaller. `shuffled` keeps
        the random order for all of them, too: for a measurement that may stop before the end. A test set
        of fewer than 100 digits never counts as complete.
        """
        total = len(self.data.test)
        digits = total if digits is None else digits
        if not 1 <= digits <= total:
            raise UsageError(
                f"expected 1 to {total} test digits ({self.data.name}), got {digits}; mend `digits`"
            )
        in_file_order = digits == total and not shuffled
        complete = digits == total >= _FEWEST
        rng = torch.Generator().manual_seed(seed_from(seed, "sample"))
        order = torch.arange(total) if in_file_order else torch.randperm(total, generator=rng)
        places = order[:digits]
        chosen: Digits = self.data.test[places]
        device = self.subject.device
        name = f"random order of seed {seed}, {digits} of {total}"
        name = f"all {total}" if in_file_order else name
        return Sample(chosen.images().to(device), chosen.labels.to(device), places, complete, name)

    @cached_property
    def target(self) -> nn.Module:
        """What attacks are run against: the subject's model, or the logarithm of its probabilities."""
        model = self.subject.model
        answers = self.logits(self.data.test[:_BATCH].images())
        return LogProbabilities(model) if are_probabilities(answers) else model

    @cached_property
    def flushes_denormals(self) -> bool:
        """Whether measurements flush denormal numbers, because that cannot change their result."""
        probes = self.data.test[:_PROBES].images().to(self.subject.device)
        return denormals.harmless(self.subject.model, probes)

    @cached_property
    def test_logits(self) -> Logits:
        """The subject's logits on every test digit, (n, 10)."""
        return self.logits(self.data.test.images())

    @torch.no_grad()
    def logits(self, x: Images) -> Logits:
        """The subject's logits on images, in batches, not rounded; ModelError where not finite."""
        model, device = self.subject.model, self.subject.device
        parts = [exact(model(channels_last(part.to(device)))) for part in x.split(_BATCH)]
        logits = torch.cat(parts)
        odd = (~torch.isfinite(logits)).any(1)
        if bool(odd.any()):
            raise ModelError(
                f"{self.subject.name}: expected finite logits, got NaN or inf for {int(odd.sum())} of "
                f"{len(x)} digits; mend the model"
            )
        return logits

    def seed(self, *parts: object) -> torch.Generator:
        """A generator for everything random in one measurement."""
        return torch.Generator().manual_seed(seed_from(*parts))
