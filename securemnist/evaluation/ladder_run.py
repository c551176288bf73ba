"""State of a ladder run: outcomes, adversarial images, margins and certificate bounds."""

from __future__ import annotations

from typing import Any

import torch

from securemnist.certificates import METHODS
from securemnist.data.thumbnail import thumbnail
from securemnist.evaluation import certificate_stage
from securemnist.evaluation.context import Context, Sample
from securemnist.evaluation.examples import Examples
from securemnist.evaluation.outcomes import Outcomes
from securemnist.evaluation.thumbnails import GALLERY, choose_for_gallery
from securemnist.models.predictions import margin, predicted, tied
from securemnist.results.evidence.attack import EarlyStop
from securemnist.results.evidence.certificates import Certificates
from securemnist.results.evidence.images import ChangedImage
from securemnist.threats import Threat


class LadderRun:
    """Outcomes of one ladder run; `x_adv` holds the adversarial images, elsewhere the clean ones.

    `margins`: true logit minus best other logit of the clean images. `bounds`: the best known lower
    bound of the margin within the ball; -inf where none was computed. `tied`, boolean (n,): the true
    class shares the largest logit with another one, for the last image evaluated.
    `certificate_evidence`: counts of the certificate stages over all chunks, and reasons for a
    refusal. `skipped_stages`: those that were skipped because the verdict was certain.
    """

    def __init__(self, context: Context, sample: Sample, threat: Threat, seed: int) -> None:
        """The state before the first stage: the clean images and their logits."""
        self.context, self.sample, self.threat, self.seed = context, sample, threat, seed
        logits = context.logits(sample.x)
        predictions = predicted(logits, sample.y)
        self.outcomes = Outcomes(sample.y, predictions, logits.shape[1])
        self.x_adv = sample.x.clone()
        self.clean_confidence = logits.softmax(1).gather(1, predictions[:, None]).squeeze(1)
        self.confidence = self.clean_confidence.clone()
        self.margins = margin(logits, sample.y)
        self.bounds = torch.full_like(self.confidence, -torch.inf, dtype=torch.float64)
        self.tied = tied(logits, sample.y)
        self.certificate_evidence: dict[str, Any] = {}
        self.skipped_stages: tuple[str, ...] = ()

    @property
    def ties(self) -> int:
        """Number of images that count as wrong because the true class ties with another one."""
        return int((self.tied & self.outcomes.attempted).sum())

    @property
    def has_bounds(self) -> bool:
        """Whether certificate bounds were computed, even if no image was certified."""
        return any(method in self.certificate_evidence for method in METHODS)

    def certificates(self) -> Certificates | None:
        """Certificate counts, reasons for a refusal, and the bounds of the undecided images."""
        if not self.certificate_evidence:
            return None
        margins = certificate_stage.bound_summary(self.bounds[self.outcomes.undecided])
        return Certificates(**self.certificate_evidence, open=margins)

    def early_end(self) -> EarlyStop | None:
        """The last stage that ran and the stages that were skipped; None where all stages ran."""
        if not self.skipped_stages:
            return None
        return EarlyStop(after=self.outcomes.stages[-1], spared=list(self.skipped_stages))

    def gallery(self) -> list[ChangedImage]:
        """Thumbnails of the first broken image of each class, then of more."""
        return [
            self._thumbnail(place)
            for place in choose_for_gallery(self.outcomes.codes >= 0, self.sample.y)
        ]

    def last_broken(self) -> list[ChangedImage]:
        """Thumbnails of the images broken by the latest stages; empty where one stage broke them all."""
        codes = self.outcomes.codes
        broken = (codes >= 0).nonzero().squeeze(1)
        if len(codes[broken].unique()) < 2:
            return []
        latest = broken[codes[broken].argsort(descending=True, stable=True)]
        return [self._thumbnail(place) for place in latest[:GALLERY].tolist()]

    def examples(self) -> Examples:
        """The adversarial images, in the order of the test set."""
        broken = (self.outcomes.codes >= 0).cpu()
        places = self.sample.places[broken]
        order = places.argsort()
        images = self.x_adv.detach().cpu()[broken][order].contiguous()
        return Examples(places[order].numpy(), images.numpy())

    def _thumbnail(self, place: int) -> ChangedImage:
        return ChangedImage(
            index=int(self.sample.places[place]),
            label=int(self.outcomes.labels[place]),
            clean_prediction=int(self.outcomes.clean_predictions[place]),
            prediction=int(self.outcomes.predictions[place]),
            clean_confidence=round(float(self.clean_confidence[place]), 4),
            confidence=round(float(self.confidence[place]), 4),
            clean=thumbnail(self.sample.x[place]),
            adversarial=thumbnail(self.x_adv[place]),
            broken_by=self.outcomes.stages[int(self.outcomes.codes[place])],
        )
