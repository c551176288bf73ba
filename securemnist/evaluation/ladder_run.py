"""State of a ladder run: outcomes, adversarial images, margins and certificate bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from securemnist.attacks.base import Attack
from securemnist.certificates import CROWN, INTERVALS
from securemnist.evaluation import certificate_stage
from securemnist.evaluation.context import Context, Sample
from securemnist.evaluation.examples import Examples
from securemnist.evaluation.outcomes import Outcomes
from securemnist.evaluation.thumbnails import GALLERY, changed_images, choose_for_gallery
from securemnist.models.predictions import margin, predicted, tied
from securemnist.referee import Ruling
from securemnist.results.evidence.attack import BrokenWithin, EarlyStop
from securemnist.results.evidence.certificates import Certificates
from securemnist.results.evidence.images import ChangedImage
from securemnist.threats import Threat
from securemnist.types import Images


@dataclass(frozen=True)
class Further:
    """More stages for undecided images; `context`: the model that they attack, on the same data."""

    attacks: Sequence[Attack]
    context: Context


class LadderRun:
    """Outcomes of one run within `threats`; `x_adv` holds the adversarial images, elsewhere clean ones.

    `proved` boolean (threats, n): certified within each threat; an image certified in all is CERTIFIED.
    `margins`: true logit minus best other logit of the clean images. `bounds`: the best known lower
    bound of the margin within the ball; -inf where none was computed. `tied`, boolean (n,): the true
    class shares the largest logit with another one, for the last image evaluated.
    `certificate_evidence`: of each threat, counts of the certificate stages over all chunks, and reasons
    for a refusal. `skipped_stages`: those that were skipped because the verdict was certain. `further`:
    whether further stages ran, for a model without useful gradients.
    """

    def __init__(
        self, context: Context, sample: Sample, threats: Sequence[Threat], seed: int
    ) -> None:
        """The state before the first stage: the clean images and their logits."""
        self.context, self.sample, self.threats, self.seed = context, sample, threats, seed
        logits = context.logits(sample.x)
        predictions = predicted(logits, sample.y)
        self.outcomes = Outcomes(sample.y, predictions, logits.shape[1])
        self.x_adv = sample.x.clone()
        self.clean_confidence = logits.softmax(1).gather(1, predictions[:, None]).squeeze(1)
        self.confidence = self.clean_confidence.clone()
        self.margins = margin(logits, sample.y)
        self.bounds = torch.full_like(self.confidence, -torch.inf, dtype=torch.float64)
        self.tied = tied(logits, sample.y)
        self.proved = torch.zeros(
            (len(threats), len(sample)), dtype=torch.bool, device=self.margins.device
        )
        self.certificate_evidence: list[dict[str, Any]] = [{} for _ in threats]
        self.skipped_stages: tuple[str, ...] = ()
        self.further = False

    @property
    def ties(self) -> int:
        """Number of images that count as wrong because the true class ties with another one."""
        return int((self.tied & self.outcomes.attempted).sum())

    @property
    def has_bounds(self) -> bool:
        """Whether certificate bounds were computed, even if no image was certified."""
        return any(
            method in evidence
            for evidence in self.certificate_evidence
            for method in (INTERVALS, CROWN)
        )

    def keep_broken(
        self, places: torch.Tensor, proposals: Images, ruling: Ruling
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Store the `proposals` that fooled the model; indices (b,) of their images, predictions (b,).

        `proposals` and `ruling` are about the images at the indices `places` (n,).
        """
        fooled = ruling.fooled
        broken = places[fooled]
        self.x_adv[broken] = proposals[fooled]
        self.confidence[broken] = ruling.confidence[fooled].to(self.confidence.dtype)
        self.tied[broken] = ruling.tied[fooled]
        return broken, ruling.predictions[fooled]

    def certificates(self) -> Certificates | None:
        """Certificate counts, reasons for a refusal, and the bounds of the undecided images.

        None for several threats, of which each has its own.
        """
        if len(self.threats) > 1 or not self.certificate_evidence[0]:
            return None
        margins = certificate_stage.bound_summary(self.bounds[self.outcomes.undecided])
        return Certificates(**self.certificate_evidence[0], open=margins)

    def early_end(self) -> EarlyStop | None:
        """The last stage that ran and the stages that were skipped; None where all stages ran."""
        if not self.skipped_stages:
            return None
        return EarlyStop(after=self.outcomes.stages[-1], spared=list(self.skipped_stages))

    def broken_within(self) -> list[BrokenWithin]:
        """For each of several threats, the number of images that it broke; none for a single one.

        An image that one threat has broken is not attacked within the next.
        """
        if len(self.threats) < 2:
            return []
        stages = self.outcomes.stages
        counts = [int((self.outcomes.codes == number).sum()) for number in range(len(stages))]
        return [
            BrokenWithin(
                threat=str(threat),
                images=sum(
                    count
                    for name, count in zip(stages, counts, strict=True)
                    if name.startswith(f"{threat}: ")
                ),
            )
            for threat in self.threats
        ]

    def gallery(self) -> list[ChangedImage]:
        """Thumbnails of the first broken image of each class, then of more."""
        return self._thumbnails(choose_for_gallery(self.outcomes.codes >= 0, self.sample.y))

    def last_broken(self) -> list[ChangedImage]:
        """Thumbnails of the images broken by the latest stages; empty where one stage broke them all."""
        codes = self.outcomes.codes
        broken = (codes >= 0).nonzero().squeeze(1)
        if len(codes[broken].unique()) < 2:
            return []
        latest = broken[codes[broken].argsort(descending=True, stable=True)]
        return self._thumbnails(latest[:GALLERY].tolist())

    def examples(self) -> Examples:
        """The adversarial images, in the order of the test set."""
        broken = (self.outcomes.codes >= 0).cpu()
        places = self.sample.places[broken]
        order = places.argsort()
        images = self.x_adv.detach().cpu()[broken][order].contiguous()
        return Examples(places[order].numpy(), images.numpy())

    def _thumbnails(self, places: Sequence[int]) -> list[ChangedImage]:
        outcomes = self.outcomes
        return changed_images(
            self.sample,
            places,
            before=(outcomes.clean_predictions, self.clean_confidence),
            after=(outcomes.predictions, self.confidence),
            changed=self.x_adv.__getitem__,
            broken_by=lambda place: outcomes.stages[int(outcomes.codes[place])],
        )
