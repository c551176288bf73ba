"""Runs of a row's attack: on its images, and along its curve over epsilon."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import Field, model_validator

from securemnist.evaluation.context import Context, Sample
from securemnist.evaluation.ladder import evaluate_all
from securemnist.evaluation.ladder_run import Further, LadderRun
from securemnist.evaluation.ladders import LADDER
from securemnist.evaluation.outcomes import Outcomes
from securemnist.evaluation.replay import Replay
from securemnist.evaluation.stages import Search
from securemnist.measures.hidden_gradients import attack_context
from securemnist.measures.threat_settings import AttackSettings, ProofSettings
from securemnist.results.evidence.attack import CurvePoint
from securemnist.results.intervals import share_interval
from securemnist.threats import make_threat

CURVE_IMAGES = 500
# Certified images attacked at each eps of a curve: no verdict depends on the curve.
_CURVE_CONTROLLED = 32


class RobustSettings(ProofSettings, AttackSettings):
    """Settings of a search; the default `attack` is the ladder, the strongest search here.

    `curve`: further eps at which the attack runs on 500 images, for a figure. A row with `until`
    has no curve.
    """

    attack: dict[str, Any] = Field(default={"use": LADDER}, validate_default=True)
    curve: list[float] = Field(default_factory=list, max_length=12)

    @model_validator(mode="after")
    def _not_one_step(self) -> RobustSettings:
        if self.one_step:
            raise ValueError(
                f"a one-step attack ({self.attack['use']}) measures attack_accuracy, not "
                "robust_accuracy"
            )
        if self.curve and self.threat is None:
            raise ValueError("expected one threat for a curve, got several; remove `curve`")
        self.check_proofs(self.within, randomised=self.randomised)
        for eps in self.curve:
            make_threat(self.within[0].norm, eps)
        return self


def curve(
    context: Context,
    settings: RobustSettings,
    seed: int,
    further: Callable[[], Further | None] = lambda: None,
) -> list[CurvePoint]:
    """Accuracy of the row's attack at each further eps, with the row's `further` stages.

    `certified` is None where no bounds exist, as for unsupported layers, and for pixels and patches,
    whose bounds take seconds an image.
    """
    images, ladder = min(CURVE_IMAGES, len(context.data.test)), settings.ladder
    # A row without certificates has them after its attacks: a broken image needs none.
    before_crown = ladder.before_crown if ladder.proves else len(ladder.attacks)
    # Smallest eps without a certified image; a larger ball contains it.
    unprovable_eps = math.inf
    points = []
    for eps in settings.curve:
        threat = make_threat(settings.within[0].norm, eps)
        bounded = eps < unprovable_eps and threat.form == "ball"
        before = before_crown if bounded else None
        search = Search(threat, ladder.attacks, before, _CURVE_CONTROLLED)
        run = run_attacks(context, settings, images, (search,), seed, further=further)
        outcomes, n = run.outcomes, int(run.outcomes.attempted.sum())
        known = run.has_bounds or eps > unprovable_eps
        proved = outcomes.certified / n if known else None
        points.append(CurvePoint(eps, outcomes.unbroken / n, n, settings.attack_name, proved))
        if run.has_bounds and not outcomes.certified:
            unprovable_eps = min(unprovable_eps, eps)
    return points


def run_attacks(
    context: Context,
    settings: AttackSettings,
    images: int | None,
    searches: Sequence[Search],
    seed: int,
    *,
    replay: Replay | None = None,
    further: Callable[[], Further | None] = lambda: None,
) -> LadderRun:
    """The row's attack on `images` images, in random order where time is limited."""
    # A run that may stop early needs a random order: for time, or for the queries of an endpoint.
    early = settings.seconds is not None or context.subject.remote is not None
    sample = context.sample(images, seed, shuffled=early)
    if settings.randomised:
        # A certificate of the mean of a few draws does not certify the model.
        searches = [dataclasses.replace(search, before_crown=None) for search in searches]
    return evaluate_all(
        attack_context(context, settings),
        sample,
        searches,
        seed,
        seconds=math.inf if settings.seconds is None else settings.seconds,
        replay=replay,
        decided=_decided(settings, sample),
        further=further,
    )


def _decided(settings: AttackSettings, sample: Sample) -> Callable[[Outcomes], bool]:
    """Whether the number is already certain to lie on one side of `until`.

    Survivors become fewer and certified images more, so the verdict equals that of a full run.
    """
    until, n = settings.until, len(sample)

    def certain(outcomes: Outcomes) -> bool:
        if until is None or settings.randomised:
            return False
        least, most = outcomes.certified, outcomes.unbroken
        if sample.complete:
            return least / n >= until or most / n < until
        return share_interval(least, n)[0] >= until or share_interval(most, n)[1] < until

    return certain
