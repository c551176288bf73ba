"""Accuracy under attack: `attack_accuracy` for any attack, `robust_accuracy` for a search.

The referee has accepted each broken image. Survivors survived these attacks only, so a pass reads
PASS (survived). The true robust accuracy lies between the certified and the surviving share.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any

from securemnist.evaluation.adaptive_stages import STAGES
from securemnist.evaluation.context import Context
from securemnist.evaluation.doubts import model_doubts, search_doubts
from securemnist.evaluation.eot import COUNTED_DRAWS, mean_accuracy
from securemnist.evaluation.ladder_run import LadderRun
from securemnist.evaluation.pace import Pace
from securemnist.evaluation.proof_stage import run_proofs
from securemnist.evaluation.stages import Search
from securemnist.measures.attack_run import CURVE_IMAGES, RobustSettings, curve, run_attacks
from securemnist.measures.base import Measure, share_measurement
from securemnist.measures.endpoints import queries_per_image, unasked_doubt
from securemnist.measures.hidden_gradients import (
    doubt_context,
    further_stages,
    settle_gradients,
)
from securemnist.measures.threat_settings import AttackSettings
from securemnist.references import curves
from securemnist.results.evidence.attack import Sensitivity, StageResult
from securemnist.results.families import ADVERSARIAL
from securemnist.results.findings import Doubt, Measurement
from securemnist.threats import Threat

# Tolerance: a quotient of integers times its divisor may round below the integer.
_COUNTING = 1e-9
_ENDED_EARLY = Doubt(
    name="ended early",
    reason="later stages of the search were skipped, so more images survive than at its end",
    advice="Run the whole search: without `until`, or with the row's own threshold.",
)
# Passes of the doubts for any attack; measured on `hardened` and `baseline`.
_ABOUT_THE_MODEL, _ABOUT_THE_SEARCH = 3_000, 15_000


def attack_accuracy(context: Context, settings: AttackSettings, seed: int) -> Measurement:
    """Share of the attempted test images that are classified right, clean and under this attack.

    Doubts about the model apply; doubts about the search do not, since the number is about one
    attack.
    """
    run = run_attacks(context, settings, settings.images, settings.searches, seed)
    return _measured(context, settings, run)


def _measured(context: Context, settings: AttackSettings, run: LadderRun) -> Measurement:
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
        norms=run.broken_within(),
    )
    if settings.randomised:
        # Random outputs leave chance for the whole test set, too, so that the interval decides.
        # Rounded down to whole images.
        hits, complete = math.floor(n * mean_accuracy(context, run) + _COUNTING), False
    return share_measurement(
        hits,
        n,
        complete=complete,
        survived=True,
        doubts=_about_model(context, settings, run, n),
        evidence=evidence,
        examples=run.examples(),
        proved=run.outcomes.certified or None,
    )


def _about_model(
    context: Context, settings: AttackSettings, run: LadderRun, n: int
) -> tuple[Doubt, ...]:
    """Doubts about the model, where images survived or answers are random; `n` were attempted."""
    if run.skipped_stages:
        # Certified and broken images count as usual; a pass must not rest on images that later
        # stages skipped.
        return (_ENDED_EARLY,)
    # Of random answers those about broken images count, too.
    if not (settings.randomised or len(run.outcomes.undecided)):
        return ()
    target, random = doubt_context(context, settings), settings.randomised
    doubts: tuple[Doubt, ...] = ()
    with unasked_doubt() as unasked:
        stated = [model_doubts(target, one, n, randomised=random) for one in settings.within]
        doubts = _once(settings.within, stated)
    return doubts + tuple(unasked)


def robust_accuracy(context: Context, settings: RobustSettings, seed: int) -> Measurement:
    """Share of test images that are classified right after a search within the threat."""
    searches, images = settings.searches, settings.images or len(context.data.test)
    # Also of the curve: the doubt at the row's own threat decides.
    further = functools.partial(further_stages, context, settings, images)
    run = run_attacks(
        *(context, settings, settings.images, searches, seed),
        replay=context.replay,
        further=further,
    )
    if settings.proof_seconds and not run.skipped_stages:
        run_proofs(run, settings.proof_seconds, context)
    measured = _measured(context, settings, run)
    if run.skipped_stages:
        return measured
    doubts, sensitivity = _about_search(context, settings, run, measured.n, seed)
    known = {doubt.name for doubt in measured.doubts}
    new = tuple(doubt for doubt in doubts if doubt.name not in known)
    doubts, settled = settle_gradients(context, settings, run, measured.doubts + new)
    more: dict[str, Any] = {"sensitivity": sensitivity, "settled": settled}
    if settings.curve and settings.until is None:
        reference_curves = curves.stored(context, searches[0].attacks, searches[0].threat.norm)
        points = curve(context, settings, seed, further)
        more |= {"curve": points, "reference_curves": reference_curves}
    evidence = dataclasses.replace(measured.evidence, **more)
    return dataclasses.replace(measured, doubts=doubts, evidence=evidence)


def _about_search(
    context: Context, settings: RobustSettings, run: LadderRun, n: int, seed: int
) -> tuple[tuple[Doubt, ...], Sensitivity | None]:
    """Doubts about the searches of a row that `n` images took part in, and planted examples found."""
    undecided, sample = run.outcomes.undecided, run.sample
    found = []
    with unasked_doubt() as unasked:
        found = [
            search_doubts(
                doubt_context(context, settings),
                search.attacks,
                search.threat,
                sample.x[undecided],
                sample.y[undecided],
                seed,
                survived=len(undecided) / n,
                last_broke=last_stage(run.outcomes.waterfall, search).fell / n,
                further=STAGES if run.further else (),
            )
            for search in settings.searches
        ]
    doubts = _once(settings.within, [stated for stated, _ in found]) + tuple(unasked)
    return doubts, _together([planted for _, planted in found])


def _once(threats: Sequence[Threat], doubts: Sequence[Sequence[Doubt]]) -> tuple[Doubt, ...]:
    """The doubts of each threat, every name once; of several threats the reason names its own."""
    found: dict[str, Doubt] = {}
    for threat, stated in zip(threats, doubts, strict=False):  # a check may have had no answer
        for doubt in stated:
            reason = f"within {threat}: {doubt.reason}" if len(threats) > 1 else doubt.reason
            found.setdefault(doubt.name, dataclasses.replace(doubt, reason=reason))
    return tuple(found.values())


def _together(found: Sequence[Sensitivity | None]) -> Sensitivity | None:
    """Planted examples of all threats, and those that were found; None where none was tested."""
    tested = [one for one in found if one is not None]
    if not tested:
        return None
    return Sensitivity(sum(one.found for one in tested), sum(one.planted for one in tested))


def last_stage(stages: Sequence[StageResult], search: Search) -> StageResult:
    """The stage of the last attack of a search; proofs and stages for hidden gradients may follow it."""
    name = search.attacks[-1].name
    return next(one for one in stages if one.stage in (name, f"{search.threat}: {name}"))


def _estimate(settings: AttackSettings, pace: Pace) -> float:
    seconds = settings.expected_images(pace) * settings.seconds_an_image(pace)
    return min(seconds, settings.seconds or math.inf) + _ABOUT_THE_MODEL * pace.seconds


def _estimate_robust(settings: RobustSettings, pace: Pace) -> float:
    curve = len(settings.curve) * CURVE_IMAGES * settings.seconds_an_image(pace)
    return (
        _estimate(settings, pace)
        + settings.proof_seconds
        + curve
        + _ABOUT_THE_SEARCH * pace.seconds
    )


ATTACK_ACCURACY = Measure(attack_accuracy, AttackSettings, ADVERSARIAL, _estimate)
ROBUST_ACCURACY = Measure(
    robust_accuracy, RobustSettings, ADVERSARIAL, _estimate_robust, search=True
)
