"""Accuracy under attack: `attack_accuracy` for any attack, `robust_accuracy` for a search.

Each broken digit is a witness that the referee has accepted. What survived survived this attack
only, so a pass reads PASS (survived), and a one-step attack may never carry the word robust. What the
ladder has proved is told beside it: the truth lies between the certified and the surviving share.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

from pydantic import Field, model_validator

from securemnist.evaluation.context import Lab, Sample
from securemnist.evaluation.doubts import about_model, about_search
from securemnist.evaluation.eot import COUNTED, expected, standing_share
from securemnist.evaluation.ladder import evaluate
from securemnist.evaluation.ladder_run import Evaluation
from securemnist.evaluation.ladders import LADDER
from securemnist.evaluation.outcomes import Outcomes, per_class
from securemnist.evaluation.pace import Pace
from securemnist.evaluation.replay import Replay
from securemnist.measures.base import AttackSettings, Measure, share
from securemnist.references import curves
from securemnist.results.families import ADVERSARIAL
from securemnist.results.findings import Doubt, Measurement
from securemnist.results.intervals import share_interval
from securemnist.threats import Threat, make_threat

CURVE_DIGITS = 500
# A quotient of whole numbers times its divisor may be a little less than the whole number.
_COUNTING = 1e-9
_ENDED_EARLY = Doubt(
    name="ended early",
    reason="later stages of the search were spared, so that more digits stand than at its end",
    advice="Let the search end: without `until`, or with the row's own threshold.",
)
# Passes that the doubts take, whatever the row's attack; measured on `hardened` and `baseline`.
_ABOUT_THE_MODEL, _ABOUT_THE_SEARCH = 3_000, 15_000


class RobustSettings(AttackSettings):
    """Without an `attack` it is the ladder, the strongest search there is.

    `curve`: further eps at which the same attack is run on 500 digits, for the picture; not drawn by a
    row that ends `until` it is decided.
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


def attack_accuracy(lab: Lab, settings: AttackSettings, seed: int) -> Measurement:
    """Share of test digits read right clean and under this attack, of those attempted.

    What the model hides from any attack puts the number in doubt; what other attacks find does not,
    for it speaks of this one only.
    """
    threat = settings.the_threat()
    found = _evaluate(lab, settings, settings.digits, threat, seed, settings.proofs_after)
    return _measured(lab, settings, found, seed)


def _measured(lab: Lab, settings: AttackSettings, found: Evaluation, seed: int) -> Measurement:
    evidence = found.outcomes.evidence()
    evidence["outcomes"] |= found.sample.record
    evidence |= {"per_class": per_class(evidence["confusion"]), "gallery": found.gallery()}
    evidence |= {"last_to_fall": found.last_to_fall(), "ties": found.ties}
    n = int(found.outcomes.attempted.sum())
    complete = found.sample.complete and n == len(found.sample)
    if certificates := found.certificates():
        evidence["certificates"] = certificates
    hits = found.outcomes.standing
    if settings.randomised:
        # Chance remains on all digits, too: the interval decides.
        # Rounded down: half a digit is not one that was read right.
        hits, complete = math.floor(n * standing_share(lab, found) + _COUNTING), False
        evidence["answers_a_digit"] = COUNTED
    doubts: tuple[Doubt, ...] = ()
    if stopped := found.stopped():
        evidence["stopped"] = stopped
        # Certificates and witnesses stand; a pass that would rest on what was not attacked does not.
        doubts = (_ENDED_EARLY,)
    elif len(found.outcomes.open):
        target, threat = _attacked(lab, settings), settings.the_threat()
        doubts = about_model(target, threat, n, randomised=settings.randomised).doubts
    return share(
        hits,
        n,
        complete=complete,
        seed=seed,
        survived=True,
        doubts=doubts,
        evidence=evidence,
        examples=found.examples(),
        **_proved(found, n, complete=complete),
    )


def _proved(found: Evaluation, n: int, *, complete: bool) -> dict[str, float]:
    """The certified share and its lower bound, where a stage has proved anything."""
    hits = found.outcomes.certified
    if not hits:
        return {}
    low = hits / n if complete else share_interval(hits, n)[0]
    return {"certified": hits / n, "certified_low": low}


def robust_accuracy(lab: Lab, settings: RobustSettings, seed: int) -> Measurement:
    """Share of test digits that withstand a search within the threat."""
    threat = settings.the_threat()
    proofs_after, replay = settings.proofs_after, lab.replay
    found = _evaluate(lab, settings, settings.digits, threat, seed, proofs_after, replay=replay)
    measured = _measured(lab, settings, found, seed)
    if found.spared:
        return measured
    open_digits, sample = found.outcomes.open, found.sample
    x, y = sample.x[open_digits], sample.y[open_digits]
    asked = about_search(
        _attacked(lab, settings),
        settings.the_attacks(),
        threat,
        x,
        y,
        seed,
        survived=len(y) / measured.n,
        last_broke=found.outcomes.waterfall[-1].fell / measured.n,
    )
    evidence = dict(measured.evidence)
    if asked.sensitivity is not None:
        evidence["sensitivity"] = asked.sensitivity.to_json()
    doubts = (*measured.doubts, *asked.doubts)
    measured = dataclasses.replace(measured, doubts=doubts, evidence=evidence)
    if not settings.curve or settings.until is not None:
        return measured
    beside = curves.stored(lab, settings.the_attacks(), settings.threat["norm"])
    evidence |= {"curve": curve(lab, settings, seed), "reference_curves": beside}
    return dataclasses.replace(measured, evidence=evidence)


def curve(lab: Lab, settings: RobustSettings, seed: int) -> list[dict[str, Any]]:
    """What the row's attack leaves at each of its further eps, and what of it is proved, as builtins.

    `certified` is left out where bounds cannot be had: another norm, a network with unknown layers.
    """
    # The smallest eps at which nothing was proved: a larger ball holds this one.
    hopeless = math.inf
    points = []
    for eps in settings.curve:
        found = _on_the_curve(lab, settings, eps, seed, prove=eps < hopeless)
        outcomes, n = found.outcomes, int(found.outcomes.attempted.sum())
        point = {"eps": eps, "accuracy": outcomes.standing / n, "n": n}
        if found.asked_for_proofs or eps > hopeless:
            point["certified"] = outcomes.certified / n
        if found.asked_for_proofs and not outcomes.certified:
            hopeless = min(hopeless, eps)
        points.append(point | {"attack": settings.attack_name})
    return points


def _on_the_curve(
    lab: Lab, settings: RobustSettings, eps: float, seed: int, *, prove: bool
) -> Evaluation:
    """The row's attack at `eps`, with proofs even where the row itself has none."""
    digits = min(CURVE_DIGITS, len(lab.data.test))
    threat = make_threat(settings.threat["norm"], eps)
    behind = settings.proofs_after
    if behind is None:
        behind = len(settings.the_attacks())  # what the attacks break is not worth a proof
    return _evaluate(lab, settings, digits, threat, seed, behind if prove else None)


def _evaluate(
    lab: Lab,
    settings: AttackSettings,
    digits: int | None,
    threat: Threat,
    seed: int,
    proofs_after: int | None,
    *,
    replay: Replay | None = None,
) -> Evaluation:
    """The row's attack on `digits` digits, in random order where time may run out."""
    sample = lab.sample(digits, seed, shuffled=settings.seconds is not None)
    return evaluate(
        _attacked(lab, settings),
        sample,
        settings.the_attacks(),
        threat,
        seed,
        # A proof about the mean of a few draws is none.
        proofs_after=None if settings.randomised else proofs_after,
        seconds=math.inf if settings.seconds is None else settings.seconds,
        replay=replay,
        decided=_decided(settings, sample),
    )


def _decided(settings: AttackSettings, sample: Sample) -> Callable[[Outcomes], bool]:
    """Whether what is settled leaves only one side of `until` to the number.

    Standing digits can only become fewer and certified ones only more, so the verdict is the same as at
    the end of all stages.
    """
    until, n = settings.until, len(sample)

    def decided(outcomes: Outcomes) -> bool:
        if until is None or settings.randomised:
            return False
        least, most = outcomes.certified, outcomes.standing
        if sample.complete:
            return least / n >= until or most / n < until
        return share_interval(least, n)[0] >= until or share_interval(most, n)[1] < until

    return decided


def _attacked(lab: Lab, settings: AttackSettings) -> Lab:
    """What attacks and doubts see: the subject, or the mean of its answers."""
    return expected(lab) if settings.randomised else lab


def _estimate(settings: AttackSettings, pace: Pace) -> float:
    seconds = settings.expected_digits * settings.seconds_an_image(pace)
    return min(seconds, settings.seconds or math.inf) + _ABOUT_THE_MODEL * pace.seconds


def _estimate_robust(settings: RobustSettings, pace: Pace) -> float:
    curve = len(settings.curve) * CURVE_DIGITS * settings.seconds_an_image(pace)
    return _estimate(settings, pace) + curve + _ABOUT_THE_SEARCH * pace.seconds


ATTACK_ACCURACY = Measure(attack_accuracy, AttackSettings, ADVERSARIAL, _estimate)
ROBUST_ACCURACY = Measure(
    robust_accuracy, RobustSettings, ADVERSARIAL, _estimate_robust, search=True
)
