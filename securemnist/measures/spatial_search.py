"""A search over poses: images that a pose has broken are not asked about again."""

from __future__ import annotations

import torch

from securemnist.evaluation.context import Context, Sample
from securemnist.evaluation.doubts.changed_images import Asked
from securemnist.evaluation.poses import posed
from securemnist.models.predictions import is_wrong, predicted, tied
from securemnist.results.per_image import MISCLASSIFIED, SURVIVED


class Search:
    """The state of n images: which are broken, by what, and what the model then answered.

    `broken_by` int64 (n,): SURVIVED, MISCLASSIFIED without a pose, or the index of one of `stages`.
    `poses` (n, 3) and `predictions` int64 (n,) are those of the pose that broke an image.
    """

    def __init__(self, context: Context, sample: Sample) -> None:
        self.context, self.sample, self.asked = context, sample, Asked(context)
        self.labels = sample.samples.labels
        self.places: list[int] = sample.places.tolist()
        self.stages: list[str] = []
        self.clean_logits = context.clean_logits(sample)
        wrong = is_wrong(self.clean_logits, self.labels)
        self.broken_by = torch.where(wrong, MISCLASSIFIED, SURVIVED)
        self.predictions = predicted(self.clean_logits, self.labels)
        self.confidences = self.clean_logits.softmax(1).amax(1)
        self.poses = torch.zeros((len(sample), 3))
        self.ties = int(tied(self.clean_logits, self.labels).sum())
        self._open = (~wrong).nonzero().squeeze(1)
        self._images = sample.x[self._open.to(sample.x.device)]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def clean(self) -> float:
        """Accuracy without a pose."""
        return float((self.broken_by != MISCLASSIFIED).double().mean())

    @property
    def left(self) -> int:
        """The number of images that no pose has broken."""
        return len(self._open)

    def try_poses(self, poses: torch.Tensor, stage: str, *, every: bool = False) -> float:
        """Ask about the open images in their poses, (n, 3) or (1, 3); accuracy where `every` is asked.

        `every`: the broken images are asked about, too, and stay broken.
        """
        if stage not in self.stages:
            self.stages.append(stage)
        places = torch.arange(len(self)) if every else self._open
        if not len(places):
            return 0.0
        images = self.sample.x if every else self._images
        chosen = poses if len(poses) == 1 else poses[places]
        logits = self.asked.ask(posed(images, chosen))
        labels = self.labels[places]
        wrong = is_wrong(logits, labels)
        new = wrong & (self.broken_by[places] == SURVIVED)
        self._break(places[new], logits[new], chosen.expand(len(places), 3)[new], stage)
        return float((~wrong).double().mean())

    def _break(
        self, places: torch.Tensor, logits: torch.Tensor, poses: torch.Tensor, stage: str
    ) -> None:
        if not len(places):
            return
        labels = self.labels[places]
        self.broken_by[places] = self.stages.index(stage)
        self.predictions[places] = predicted(logits, labels)
        self.confidences[places] = logits.softmax(1).amax(1).to(self.confidences.dtype)
        self.poses[places] = poses.to(self.poses.dtype)
        self.ties += int(tied(logits, labels).sum())
        kept = self.broken_by[self._open] == SURVIVED
        self._open, self._images = self._open[kept], self._images[kept.to(self._images.device)]
