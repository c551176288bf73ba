"""Evaluation context: one model on one data set, the input of every measure."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from securemnist._util.random_numbers import generator
from securemnist.batches import batch_size, channels_last
from securemnist.data import DataSet, Samples
from securemnist.errors import ModelError, UsageError
from securemnist.evaluation import own_doubts
from securemnist.evaluation.calibration import Limits, limits_of
from securemnist.evaluation.project_context import ProjectContext
from securemnist.evaluation.replay import Replay
from securemnist.models import contract
from securemnist.models.loading import Subject
from securemnist.models.predictions import exact
from securemnist.models.probabilities import with_gradients
from securemnist.results.evidence.tables import AnswerTable
from securemnist.results.policy import Policy
from securemnist.runtime import denormals
from securemnist.types import Images, Labels, Logits

_BATCH = 256
# The exact share of fewer samples does not generalise to new ones, so that the interval decides.
FEWEST = 100
_POOL = 500
# Largest test set whose logits are all kept, and the number of images converted to floats at once.
_CACHED, _PART = 10_000, 16 * _BATCH
# Number of test images on which flushing denormal numbers is tried.
_PROBES = 32


@dataclass(frozen=True)
class Sample:
    """Test images of a measurement, and their places in the test set; read where they are used."""

    samples: Samples
    device: str
    places: torch.Tensor
    complete: bool
    order: str

    def __len__(self) -> int:
        return len(self.places)

    @cached_property
    def x(self) -> Images:
        """The images on the device, float32 (n, C, H, W) in [0, 1]."""
        return self.samples.images().to(self.device)

    @cached_property
    def y(self) -> Labels:
        """The labels on the device, int64 (n,)."""
        return self.samples.labels.to(self.device)

    @property
    def record(self) -> dict[str, Any]:
        """Order and places of the images, as in a table; no places where they are in file order."""
        in_order = bool((self.places == torch.arange(len(self))).all())
        return {"order": self.order, "places": self.places[: 0 if in_order else None].numpy()}

    def answers(
        self, predictions: torch.Tensor, triggered: torch.Tensor | None = None
    ) -> AnswerTable:
        """Labels and predicted classes (n,) of the clean images, and of those with a trigger."""
        return AnswerTable(
            **self.record,
            labels=self.y.cpu().numpy(),
            clean=predictions.cpu().numpy(),
            triggered=None if triggered is None else triggered.cpu().numpy(),
        )


@dataclass(frozen=True)
class Context(ProjectContext):
    """A model that has passed the model contract, and the data it is measured on.

    `replay`: stored adversarial examples that searches try first. `project` may hold a calibration.
    `doubts`: the user's own doubts about searches, by default those of the project in the
    working folder. `trial`: limits of doubts that are tried instead of those of the project.
    `policy`: the policy of the run, for measures of the policy itself.
    """

    subject: Subject
    data: DataSet
    replay: Replay | None = None
    doubts: tuple[own_doubts.Check, ...] = field(
        default_factory=lambda: own_doubts.of_project(Path.cwd()), repr=False, compare=False
    )
    trial: Limits | None = field(default=None, repr=False, compare=False)
    policy: Policy | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        contract.check(self.subject, self.data.test[:8].images(), self.data.spec)
        _ = self.limits  # a wrong calibration is refused before anything is measured

    def sample(self, images: int | None, seed: int, *, shuffled: bool = False) -> Sample:
        """The first `images` images of a seeded random order of the test set; None: all, in file order.

        Samples of one seed are nested. `shuffled` keeps the random order for all images, too, for a
        measurement that may stop early. A test set of fewer than 100 images never counts as
        complete. Raises UsageError where the test set is smaller.
        """
        total = len(self.data.test)
        images = total if images is None else images
        if not 1 <= images <= total:
            raise UsageError(
                f"expected 1 to {total} test images ({self.data.name}), got {images}; change `images`"
            )
        in_file_order = images == total and not shuffled
        complete = images == total >= FEWEST
        rng = generator(seed, "sample")
        order = torch.arange(total) if in_file_order else torch.randperm(total, generator=rng)
        places = order[:images]
        # A slice of a memory-mapped test set is not read yet.
        chosen = self.data.test[:images] if in_file_order else self.data.test[places]
        name = f"random order of seed {seed}, {images} of {total}"
        name = f"all {total}" if in_file_order else name
        return Sample(chosen, self.subject.device, places, complete, name)

    @cached_property
    def limits(self) -> Limits:
        """Limits of the doubts for these data; DataError where the project's calibration is damaged."""
        return limits_of(self.project, self.data) if self.trial is None else self.trial

    @property
    def data_record(self) -> dict[str, Any]:
        """The entry of the data in an assessment.

        On data other than MNIST with the SHA-256 of the calibration that applies, or "none".
        """
        limits = self.limits
        found = limits.source or ("none" if limits.missing else "")
        return self.data.to_json() | ({"calibration": found} if found else {})

    @cached_property
    def target(self) -> nn.Module:
        """The model that attacks run against: the subject's, or the copy that its defence declares.

        Of a model that answers probabilities, their logarithm.
        """
        if self.subject.remote is not None:  # its logits are logarithms already
            return self.subject.model
        outputs = self.logits(self.data.test[:_BATCH].images())
        copy = self.subject.attacked
        return with_gradients(self.subject.model if copy is None else copy, outputs)

    @cached_property
    def pool(self) -> Images:
        """Other images of the data set for attacks that start from them: at most 500, (p, C, H, W).

        Training images, else tuning images, else test images.
        """
        data = self.data
        split = next(part for part in (data.train, data.tuning, data.test) if len(part))
        return split[:_POOL].images()

    @cached_property
    def flushes_denormals(self) -> bool:
        """Whether measurements may flush denormal numbers to zero without a change of the result."""
        if self.subject.remote is not None:
            return False
        probes = self.data.test[:_PROBES].images().to(self.subject.device)
        return denormals.harmless(self.subject.model, probes)

    def clean_logits(self, sample: Sample) -> Logits:
        """Logits (n, K) of a sample, on the CPU.

        Up to 10,000 test images all are classified once, because several rows need them. An endpoint
        is asked about the sample only.
        """
        if len(self.data.test) <= _CACHED and self.subject.remote is None:
            return self._test_logits[sample.places]
        return self.cached(("clean logits", sample.order), lambda: self.logits_of(sample.samples))

    @cached_property
    def _test_logits(self) -> Logits:
        return self.logits_of(self.data.test)

    def logits_of(self, samples: Samples) -> Logits:
        """Logits (n, K) of samples that need not fit into memory as floats, on the CPU."""
        starts = range(0, len(samples), _PART)
        parts = [self.logits(samples[k : k + _PART].images()).cpu() for k in starts]
        return torch.cat(parts)

    @torch.no_grad()
    def logits(self, x: Images) -> Logits:
        """Logits (n, K) of images (n, C, H, W), in batches; ModelError where one is not finite."""
        model, device = self.subject.model, self.subject.device
        parts = [
            exact(model(channels_last(part.to(device)))) for part in x.split(batch_size(x, _BATCH))
        ]
        logits = torch.cat(parts)
        not_finite = (~torch.isfinite(logits)).any(1)
        if bool(not_finite.any()):
            raise ModelError(
                f"{self.subject.name}: expected finite logits, got NaN or inf for "
                f"{int(not_finite.sum())} of {len(x)} images; fix the model"
            )
        return logits
