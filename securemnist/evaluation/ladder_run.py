"""Evaluation: what an evaluation of digits has found so far, with the images that broke them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from securemnist.certificates import METHODS
from securemnist.evaluation import certificate_stage
from securemnist.evaluation.context import Sample
from securemnist.evaluation.examples import Examples
from securemnist.evaluation.outcomes import Outcomes
from securemnist.evaluation.thumbnails import GALLERY, choose, grey
from securemnist.models.predictions import predicted, tied
from securemnist.results.evidence.attack import EarlyStop
from securemnist.results.evidence.certificates import Certificates
from securemnist.results.evidence.images import ChangedImage
from securemnist.types import Logits


@dataclass
class Evaluation:
    """Outcomes of one evaluation with the images that broke digits (`x_adv`, elsewhere the clean).

    `margins`: the true logit minus the best other, of the clean digit. `bounds`: the best known lower
    bound of the margin in the whole ball; -inf where nobody asked.
    """

    sample: Sample
    outcomes: Outcomes
    x_adv: torch.Tensor
    confidence: torch.Tensor
    clean_predictions: torch.Tensor
    clean_confidence: torch.Tensor
    margins: torch.Tensor
    bounds: torch.Tensor
    # Boolean (n,): the true class and another one share the largest logit, of the last image looked at.
    tied: torch.Tensor
    # What the stages of proofs came to, summed over chunks, and why one was left out.
    proofs: dict[str, Any] = field(default_factory=dict)
    # The stages that did not run, because the verdict was certain before them.
    spared: tuple[str, ...] = ()

    @classmethod
    def begin(cls, sample: Sample, logits: Logits) -> Evaluation:
        """Before the first stage: what the model reads on the clean digits, logits (n, 10)."""
        predictions = predicted(logits, sample.y)
        confidence = logits.softmax(1).gather(1, predictions[:, None]).squeeze(1)
        label = sample.y[:, None]
        others = logits.scatter(1, label, -torch.inf).amax(1)
        return cls(
            sample=sample,
            outcomes=Outcomes(sample.y, predictions.clone()),
            x_adv=sample.x.clone(),
            confidence=confidence.clone(),
            clean_predictions=predictions,
            clean_confidence=confidence,
            margins=logits.gather(1, label).squeeze(1) - others,
            bounds=torch.full_like(confidence, -torch.inf, dtype=torch.float64),
            tied=tied(logits, sample.y),
        )

    @property
    def ties(self) -> int:
        """Digits that count as wrong because the true class ties with another one."""
        return int((self.tied & self.outcomes.attempted).sum())

    @property
    def asked_for_proofs(self) -> bool:
        """Whether bounds were computed, however few digits they certify."""
        return any(method in self.proofs for method in METHODS)

    def certificates(self) -> Certificates | None:
        """What was proved, why no more was, and how far the bounds of surviving digits are off."""
        if not self.proofs:
            return None
        margins = certificate_stage.left_open(self.bounds[self.outcomes.open])
        return Certificates(**self.proofs, open=margins)

    def stopped(self) -> EarlyStop | None:
        """After which stage the search ended before its time, and what it was spared."""
        if not self.spared:
            return None
        return EarlyStop(after=self.outcomes.stages[-1], spared=list(self.spared))

    def gallery(self) -> list[ChangedImage]:
        """The first broken digit of each class, then more."""
        return [self._picture(place) for place in choose(self.outcomes.codes >= 0, self.sample.y)]

    def last_to_fall(self) -> list[ChangedImage]:
        """The broken digits that withstood the most stages; empty where one stage broke them all."""
        codes = self.outcomes.codes
        broken = (codes >= 0).nonzero().squeeze(1)
        if len(codes[broken].unique()) < 2:
            return []
        latest = broken[codes[broken].argsort(descending=True, stable=True)]
        return [self._picture(place) for place in latest[:GALLERY].tolist()]

    def examples(self) -> Examples:
        """The images that broke digits, in the order of the test set."""
        broken = (self.outcomes.codes >= 0).cpu()
        places = self.sample.places[broken]
        order = places.argsort()
        images = self.x_adv.detach().cpu()[broken][order].contiguous()
        return Examples(places[order].numpy(), images.numpy())

    def _picture(self, place: int) -> ChangedImage:
        return ChangedImage(
            index=int(self.sample.places[place]),
            label=int(self.outcomes.labels[place]),
            clean_prediction=int(self.clean_predictions[place]),
            prediction=int(self.outcomes.predictions[place]),
            clean_confidence=round(float(self.clean_confidence[place]), 4),
            confidence=round(float(self.confidence[place]), 4),
            clean=grey(self.sample.x[place]),
            adversarial=grey(self.x_adv[place]),
            broken_by=self.outcomes.stages[int(self.outcomes.codes[place])],
        )
