"""Defences under attack: what one keeps, and how much of what it seems to keep is false.

`defended_accuracy` is the robust accuracy behind a defence. `false_robustness` compares the attack that
a defence is often published with, and an adaptive one (Tramèr et al. 2020, arXiv 2002.08347).
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field, model_validator

from securemnist.attacks import make_attack
from securemnist.attacks.base import Attack
from securemnist.errors import MeasureError, NotApplicable
from securemnist.evaluation.context import Context, Sample
from securemnist.evaluation.doubts.check_input import exceeds
from securemnist.evaluation.doubts.other_attacks import LIMIT
from securemnist.evaluation.ladder import evaluate_all
from securemnist.evaluation.pace import Pace
from securemnist.evaluation.stages import Search
from securemnist.measures.attack_run import RobustSettings
from securemnist.measures.base import Measure, as_value_error, bad_share, made_by, share_measurement
from securemnist.measures.hidden_gradients import doubt_context
from securemnist.measures.robustness import ROBUST_ACCURACY, robust_accuracy
from securemnist.results.evidence.attack import AttackEvidence
from securemnist.results.evidence.defence import DefenceEvidence
from securemnist.results.evidence.tables import OutcomeTable
from securemnist.results.families import DEFENCE
from securemnist.results.findings import Doubt, Measurement
from securemnist.results.per_image import MISCLASSIFIED, UNBROKEN

WEAK = "weak attack"


class DefendedSettings(RobustSettings):
    """Settings of `defended_accuracy`: those of `robust_accuracy`, with a defence."""

    @model_validator(mode="after")
    def _has_defence(self) -> DefendedSettings:
        if self.defence is None:
            raise ValueError(
                'expected a defence like { use = "jpeg", quality = 75 }, got none; without one, measure '
                "robust_accuracy"
            )
        return self


class FalseSettings(RobustSettings):
    """Settings of `false_robustness`: the adaptive search, and the `naive` attack beside it.

    `naive` takes the gradient of the model as it is. Without a `defence` the row measures the
    model with the defences that it contains. All images are measured, so that there is no time limit,
    no `until` and no curve.
    """

    naive: Annotated[dict[str, Any], made_by(make_attack)] = Field(default={"use": "PGD"})

    @model_validator(mode="after")
    def _whole(self) -> FalseSettings:
        for name in ("seconds", "until"):
            if getattr(self, name) is not None:
                raise ValueError(
                    f"expected no `{name}`: images that the search skips would seem robust; remove it"
                )
        if self.curve:
            raise ValueError("expected no `curve`, which shows a robust accuracy; remove it")
        with as_value_error():
            for threat in self.within:
                self.naive_attack.check_form(threat)
        return self

    @property
    def naive_attack(self) -> Attack:
        """The attack without knowledge of the defence."""
        return make_attack(self.naive)


def false_robustness(context: Context, settings: FalseSettings, seed: int) -> Measurement:
    """Share of test images that withstand the naive attack and fall to the adaptive search.

    The referee has accepted each of them. Doubts about the search apply: what it misses would be false
    robustness, too. NotApplicable for random answers.
    """
    if settings.randomised:
        raise NotApplicable(
            "random answers: an image that withstands one draw may fall by the next; measure "
            "defended_accuracy, which counts single answers"
        )
    measured = robust_accuracy(context, settings, seed)
    adaptive = measured.evidence
    if not isinstance(adaptive, AttackEvidence) or adaptive.outcomes is None:
        raise MeasureError("expected an outcome of each image, got none; report this")
    sample = context.sample(settings.images, seed)
    standing = _standing(context, settings, sample, seed)
    false = standing & (adaptive.outcomes.codes >= 0)
    places = set(sample.places[torch.from_numpy(false)].tolist())
    known = {doubt.name for doubt in measured.doubts}
    missed = () if WEAK in known else missed_by_search(standing, adaptive.outcomes.codes)
    return share_measurement(
        int(false.sum()),
        measured.n,
        complete=measured.complete,
        survived=True,
        doubts=measured.doubts + missed,
        inconclusive=measured.inconclusive,
        evidence=DefenceEvidence(
            naive=settings.naive_attack.name,
            naive_accuracy=float(standing.mean()),
            adaptive_accuracy=float((standing & ~false).mean()),
            waterfall=adaptive.waterfall,
            false_gallery=[image for image in adaptive.gallery or () if image.index in places],
            # What a proof decides in its time differs from machine to machine.
            outcomes=None
            if settings.proof_seconds
            else _outcomes(settings, adaptive.outcomes, standing),
            settled=adaptive.settled,
        ),
    )


def _outcomes(
    settings: FalseSettings, searched: OutcomeTable, standing: np.ndarray
) -> OutcomeTable:
    """What broke each image first; the stages of the search are one, as they may differ by the model.

    `standing` boolean (n,): images that withstand the naive attack.
    """
    codes = np.where(searched.codes >= 0, 1, searched.codes)
    codes[~standing & (codes != MISCLASSIFIED)] = 0
    stages = [settings.naive_attack.name, "adaptive search"]
    return OutcomeTable(
        order=searched.order,
        places=searched.places,
        labels=searched.labels,
        codes=codes,
        stages=stages,
    )


def missed_by_search(standing: np.ndarray, codes: np.ndarray) -> tuple[Doubt, ...]:
    """A doubt where the naive attack breaks survivors of the search, more than 1 % of the images.

    `standing` boolean (n,): images that withstand the naive attack; `codes` (n,) of the search.
    """
    missed = int((~standing & np.isin(codes, UNBROKEN)).sum())
    if not exceeds(missed, len(codes), LIMIT):
        return ()
    reason = f"the naive attack breaks {missed} of {len(codes)} images that survive the search"
    return (Doubt(name=WEAK, reason=reason, advice="Measure with the ladder: leave `attack` out."),)


def _standing(context: Context, settings: FalseSettings, sample: Sample, seed: int) -> np.ndarray:
    """Boolean (n,): images that withstand the naive attack on the model's own gradient."""
    searches = [Search(threat, (settings.naive_attack,)) for threat in settings.within]
    run = evaluate_all(doubt_context(context, settings), sample, searches, seed)
    return np.isin(run.outcomes.codes.cpu().numpy(), UNBROKEN)


def _estimate(settings: FalseSettings, pace: Pace) -> float:
    naive = settings.expected_images(pace) * settings.naive_attack.passes() * pace.seconds
    return ROBUST_ACCURACY.estimate(settings, pace) + naive


DEFENDED_ACCURACY = Measure(
    robust_accuracy, DefendedSettings, DEFENCE, ROBUST_ACCURACY.estimate, search=True
)
FALSE_ROBUSTNESS = bad_share(false_robustness, FalseSettings, DEFENCE, _estimate, weights=True)
