"""Accuracy under attack: `attack_accuracy` for any attack, `robust_accuracy` for a search.

The referee has accepted each broken image. Survivors survived these attacks only, so a pass reads
PASS (survived). The true robust accuracy lies between the certified and the surviving share.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

from pydantic import Field, model_validator

from securemnist.evaluation.context import Context, Sample
from securemnist.evaluation.doubts import model_doubts, search_doubts
from securemnist.evaluation.eot import COUNTED_DRAWS, mean_accuracy, mean_context
from securemnist.evaluation.ladder import evaluate
from securemnist.evaluation.ladder_run import LadderRun
from securemnist.evaluation.ladders import LADDER
from securemnist.evaluation.outcomes import Outcomes
from securemnist.evaluation.pace import Pace
from securemnist.evaluation.replay import Replay
from securemnist.measures.base import AttackSettings, Measure, share_measurement
from securemnist.measures.endpoints import queries_per_image, unasked_doubt
from securemnist.references import curves
from securemnist.results.evidence.attack import CurvePoint
from securemnist.results.families import ADVERSARIAL
from securemnist.results.findings import Doubt, Measurement
from securemnist.results.intervals import share_interval
from securemnist.threats import Threat, make_threat

CURVE_IMAGES = 500
# Tolerance: a quotient of integers times its divisor may round below the integer.
_COUNTING = 1e-9
_ENDED_EARLY = Doubt(
    name="ended early",
    reason="later stages of the search were skipped, so more images survive than at its end",
    advice="Run the whole search: without `until`, or with the row's own threshold.",
)
# Passes of the doubts for any attack; measured on `hardened` and `baseline`.
_ABOUT_THE_MODEL, _ABOUT_THE_SEARCH = 3_000, 15_000


class RobustSettings(AttackSettings):
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
        for eps in self.curve:
            make_threat(self.threat["norm"], eps)
        return self


def attack_accuracy(context: Context, settings: AttackSettings, seed: int) -> Measurement:
    """Share of the attempted test images that are classified right, clean and under this attack.

    Doubts about the model apply; doubts about the search do not, since the number is about one
    attack.
    """
    threat = settings.threat_value()
    before_crown = settings.ladder.before_crown
    run = _run_attacks(context, settings, settings.images, threat, seed, before_crown)
    return _measured(context, settings, run, seed)


def _measured(context: Context, settings: AttackSettings, run: LadderRun, seed: int) -> Measurement:
    n = int(run.outcomes.attempted.sum())
    complete = run.sample.complete and n == len(run.sample)
    hits = run.outcomes.unbroken
    evidence = dataclasses.replace(
        run.outcomes.evidence(**run.sample.record),
        gallery=run.gallery(),
        last_to_fall=run.last_broken(),
        ties=run.ties,
        certificates=run.certificates(),
        stopped=run.early_end(),
        answers_per_image=COUNTED_DRAWS if settings.randomised else None,
        queries_per_image=queries_per_image(context, settings),
    )
    if settings.randomised:
        # Random outputs leave chance for the whole test set, too, so that the interval decides.
        # Rounded down to whole images.
        hits, complete = math.floor(n * mean_accuracy(context, run) + _COUNTING), False
    doubts: tuple[Doubt, ...] = ()
    if run.skipped_stages:
        # Certified and broken images count as usual; a pass must not rest on images that later
        # stages skipped.
        doubts = (_ENDED_EARLY,)
    elif len(run.outcomes.undecided):
        target, threat = _attack_context(context, settings), settings.threat_value()
        with unasked_doubt() as unasked:
            doubts = model_doubts(target, threat, n, randomised=settings.randomised)
        doubts += tuple(unasked)
    return share_measurement(
        hits,
        n,
        complete=complete,
        seed=seed,
        survived=True,
        doubts=doubts,
        evidence=evidence,
        examples=run.examples(),
        proved=run.outcomes.certified or None,
    )


def robust_accuracy(context: Context, settings: RobustSettings, seed: int) -> Measurement:
    """Share of test images that are classified right after a search within the threat."""
    threat, replay, ladder = settings.threat_value(), context.replay, settings.ladder
    run = _run_attacks(
        context, settings, settings.images, threat, seed, ladder.before_crown, replay=replay
    )
    measured = _measured(context, settings, run, seed)
    if run.skipped_stages:
        return measured
    undecided, sample = run.outcomes.undecided, run.sample
    doubts: tuple[Doubt, ...] = ()
    sensitivity = None
    with unasked_doubt() as unasked:
        doubts, sensitivity = search_doubts(
            _attack_context(context, settings),
            ladder.attacks,
            threat,
            sample.x[undecided],
            sample.y[undecided],
            seed,
            survived=len(undecided) / measured.n,
            last_broke=run.outcomes.waterfall[-1].fell / measured.n,
        )
    doubts += tuple(unasked)
    more: dict[str, Any] = {"sensitivity": sensitivity}
    if settings.curve and settings.until is None:
        reference_curves = curves.stored(context, ladder.attacks, threat.norm)
        more |= {"curve": curve(context, settings, seed), "reference_curves": reference_curves}
    evidence = dataclasses.replace(measured.evidence, **more)
    known = {doubt.name for doubt in measured.doubts}
    new = tuple(doubt for doubt in doubts if doubt.name not in known)
    return dataclasses.replace(measured, doubts=measured.doubts + new, evidence=evidence)


def curve(context: Context, settings: RobustSettings, seed: int) -> list[CurvePoint]:
    """Accuracy of the row's attack at each further eps.

    `certified` is None where no bounds exist: for another norm or unsupported layers.
    """
    images, ladder = min(CURVE_IMAGES, len(context.data.test)), settings.ladder
    # A row without certificates has them after its attacks: a broken image needs none.
    before_crown = ladder.before_crown if ladder.proves else len(ladder.attacks)
    # Smallest eps without a certified image; a larger ball contains it.
    unprovable_eps = math.inf
    points = []
    for eps in settings.curve:
        threat = make_threat(settings.threat["norm"], eps)
        before = before_crown if eps < unprovable_eps else None
        run = _run_attacks(context, settings, images, threat, seed, before)
        outcomes, n = run.outcomes, int(run.outcomes.attempted.sum())
        known = run.has_bounds or eps > unprovable_eps
        proved = outcomes.certified / n if known else None
        points.append(CurvePoint(eps, outcomes.unbroken / n, n, settings.attack_name, proved))
        if run.has_bounds and not outcomes.certified:
            unprovable_eps = min(unprovable_eps, eps)
    return points


def _run_attacks(
    context: Context,
    settings: AttackSettings,
    images: int | None,
    threat: Threat,
    seed: int,
    before_crown: int | None,
    *,
    replay: Replay | None = None,
) -> LadderRun:
    """The row's attack on `images` images, in random order where time is limited."""
    # A run that may stop early needs a random order: for time, or for the queries of an endpoint.
    early = settings.seconds is not None or context.subject.remote is not None
    sample = context.sample(images, seed, shuffled=early)
    return evaluate(
        _attack_context(context, settings),
        sample,
        settings.ladder.attacks,
        threat,
        seed,
        # A certificate of the mean of a few draws does not certify the model.
        before_crown=None if settings.randomised else before_crown,
        seconds=math.inf if settings.seconds is None else settings.seconds,
        replay=replay,
        decided=_decided(settings, sample),
    )


def _decided(settings: AttackSettings, sample: Sample) -> Callable[[Outcomes], bool]:
    """Whether the number is already certain to lie on one side of `until`.

    Survivors become fewer and certified images more, so the verdict equals that of a full run.
    """
    until, n = settings.until, len(sample)

    def decided(outcomes: Outcomes) -> bool:
        if until is None or settings.randomised:
            return False
        least, most = outcomes.certified, outcomes.unbroken
        if sample.complete:
            return least / n >= until or most / n < until
        return share_interval(least, n)[0] >= until or share_interval(most, n)[1] < until

    return decided


def _attack_context(context: Context, settings: AttackSettings) -> Context:
    """The context of attacks and doubts: the subject, or the mean of its outputs."""
    return mean_context(context) if settings.randomised else context


def _estimate(settings: AttackSettings, pace: Pace) -> float:
    seconds = settings.expected_images(pace) * settings.seconds_an_image(pace)
    return min(seconds, settings.seconds or math.inf) + _ABOUT_THE_MODEL * pace.seconds


def _estimate_robust(settings: RobustSettings, pace: Pace) -> float:
    curve = len(settings.curve) * CURVE_IMAGES * settings.seconds_an_image(pace)
    return _estimate(settings, pace) + curve + _ABOUT_THE_SEARCH * pace.seconds


ATTACK_ACCURACY = Measure(attack_accuracy, AttackSettings, ADVERSARIAL, _estimate)
ROBUST_ACCURACY = Measure(
    robust_accuracy, RobustSettings, ADVERSARIAL, _estimate_robust, search=True
)
