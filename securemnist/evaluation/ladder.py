"""The evaluation ladder: attacks and certificates in order, each on the undecided images only.

A broken image and a certified image leave the ladder; the referee checks every success. A time
budget shortens the sample in whole chunks of its order and does not change results before the cut.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from securemnist._util.random_numbers import generator
from securemnist.attacks.base import Attack
from securemnist.attacks.refereed import attempt
from securemnist.certificates import CROWN
from securemnist.errors import Inconclusive, MeasureError, NoAnswer, NoCertificate
from securemnist.evaluation import certificate_stage
from securemnist.evaluation.context import Context, Sample
from securemnist.evaluation.ladder_run import Further, LadderRun
from securemnist.evaluation.outcomes import Outcomes
from securemnist.evaluation.replay import Replay
from securemnist.evaluation.stages import Search, Stage, chunk_size, stages_of
from securemnist.referee import Ruling
from securemnist.results.evidence.attack import StageResult
from securemnist.results.per_image import CERTIFIED
from securemnist.runtime.float32 import exact_float32
from securemnist.threats import Threat
from securemnist.types import silent

# Images of a chunk for an endpoint: what a spent budget of queries leaves undecided at most.
REMOTE_CHUNK = 128
# Number of images on which a certificate method is tried first.
TRIAL = 8


def evaluate(
    context: Context,
    sample: Sample,
    attacks: Sequence[Attack],
    threat: Threat,
    seed: int,
    *,
    before_crown: int | None = None,
    **options: Any,
) -> LadderRun:
    """Outcomes of the sample after the attacks within one threat; `options` as in `evaluate_all`."""
    return evaluate_all(context, sample, [Search(threat, attacks, before_crown)], seed, **options)


@exact_float32()
def evaluate_all(
    context: Context,
    sample: Sample,
    searches: Sequence[Search],
    seed: int,
    *,
    seconds: float = math.inf,
    replay: Replay | None = None,
    decided: Callable[[Outcomes], bool] = lambda _: False,
    further: Callable[[], Further | None] = lambda: None,
) -> LadderRun:
    """Outcomes of the sample after the attacks, in order, each on the images that are still undecided.

    With several searches an image is broken if one of their threats breaks it, and certified if all
    certify it. `replay` puts stored examples first. `seconds` limits the time: images whose chunk did
    not start in time are not attempted, and the first chunk always runs. The same holds for images whose
    chunk an endpoint left without an answer. `decided` ends a run without chunks early, and the later
    stages are skipped. `further` is asked for more stages where an image is undecided after the others.

    Raises MeasureError where one of our attacks leaves the threat, and Inconclusive where a stage
    gave no valid proposal for any image.
    """
    run = LadderRun(context, sample, [search.threat for search in searches], seed)
    outcomes = run.outcomes
    deadline = time.perf_counter() + seconds
    stages = stages_of(searches, replay)
    size = chunk_size(searches, len(sample), limited=seconds < math.inf)
    if context.subject.remote is not None:
        size = min(size, REMOTE_CHUNK)
    for low in range(0, len(sample), size):
        if low and time.perf_counter() > deadline:
            outcomes.end_sample_at(low)
            break
        finished = list(outcomes.waterfall)
        try:
            chunk = range(low, low + size)
            _run_stages(run, stages, chunk, decided)
            _run_further(run, len(stages), chunk, further)
        except NoAnswer:
            if not low:
                raise
            outcomes.end_sample_at(low)
            outcomes.waterfall = finished
            break
    for counts in outcomes.waterfall:
        _check_any_valid(counts)
    return run


def _run_stages(
    run: LadderRun,
    stages: Sequence[Stage],
    chunk: range,
    decided: Callable[[Outcomes], bool],
) -> None:
    """All stages on one chunk; without chunks they end as soon as the number is decided."""
    for number, stage in enumerate(stages):
        if stage.attack is None:
            _certificate_stage(run, stage, number, chunk)
        else:
            _attack_stage(run, stage, stage.attack, number, chunk)
        if len(chunk) >= len(run.sample) and decided(run.outcomes):
            run.skipped_stages = tuple(later.name for later in stages[number + 1 :])
            break


def _run_further(
    run: LadderRun, first: int, chunk: range, further: Callable[[], Further | None]
) -> None:
    """More stages, numbered from `first`, where a chunk has undecided images after all others."""
    left = run.outcomes.undecided
    open_here = bool(((chunk.start <= left) & (left < chunk.stop)).any())
    if run.skipped_stages or not open_here or (chosen := further()) is None:
        return
    before, run.context, run.further = run.context, chosen.context, True
    searches = [Search(threat, chosen.attacks) for threat in run.threats]
    for number, stage in enumerate(stages_of(searches, None)):
        if stage.attack is not None:
            _attack_stage(run, stage, stage.attack, first + number, chunk)
    run.context = before


def _attack_stage(
    run: LadderRun, stage: Stage, attack: Attack | Replay, number: int, chunk: range
) -> None:
    """One attack, or the replay, on the undecided images of a chunk.

    Chunks are cut by the sample's order, so that the cut depends on the clock alone.
    """
    began = time.perf_counter()
    context, sample, outcomes = run.context, run.sample, run.outcomes
    threat = stage.threat
    places = _undecided_in(run, stage, chunk)
    if not len(places):
        outcomes.record(StageResult(stage.name, 0, 0, 0, 0.0), places, places, number)
        return
    x, y = sample.x[places], sample.y[places]
    model = context.subject.model
    if isinstance(attack, Replay):
        proposals, ruling = attack(model, sample.places[places.cpu()], x, y, threat)
    else:
        offset = [chunk.start] if chunk.start else []
        rng = generator(run.seed, attack.to_json(), threat.to_json(), *offset)
        progress = context.progress if len(chunk) >= len(sample) else silent
        proposals, ruling = attempt(
            attack,
            context.target,
            model,
            x,
            y,
            threat=threat,
            rng=rng,
            progress=progress,
            pool=context.pool,
        )
    context.progress(stage.name, min(chunk.stop, len(sample)), len(sample))
    over = _over_budget(run, attack, ruling)
    broken, predictions = run.keep_broken(places, proposals, ruling)
    seconds = round(time.perf_counter() - began, 3)
    counts = StageResult(stage.name, len(places), len(broken), over, seconds)
    outcomes.record(counts, broken, predictions, number)


def _undecided_in(run: LadderRun, stage: Stage, chunk: range) -> torch.Tensor:
    """Indices of the images of a chunk that are undecided within the threat of the stage."""
    places = run.outcomes.undecided
    places = places[(chunk.start <= places) & (places < chunk.stop)]
    return places[~run.proved[stage.member][places]]


def _certificate_stage(run: LadderRun, stage: Stage, number: int, chunk: range) -> None:
    """Certificates of the undecided images of a chunk; a refusal is recorded, not raised."""
    began, method = time.perf_counter(), stage.method
    places = _undecided_in(run, stage, chunk)
    # Largest margins first: where none of the first images is certified, none of the rest will be.
    places = places[run.margins[places].argsort(descending=True, stable=True)]
    proved = places[:0]
    evidence = run.certificate_evidence[stage.member]
    refused = evidence.setdefault("refused", {})
    if len(places) and method not in refused:
        x, y = run.sample.x[places], run.sample.y[places]
        try:
            certificates = certificate_stage.certify_and_attack(
                run.context,
                x,
                y,
                stage.threat,
                crown=method == CROWN,
                trial=TRIAL,
                seed=run.seed,
                controlled=stage.controlled,
            )
        except NoCertificate as error:
            refused[method] = str(error)
        else:
            proved = places[certificates.proved]
            run.bounds[places] = torch.fmax(run.bounds[places], certificates.margins)
            for name, count in certificate_stage.certificate_counts(certificates).items():
                evidence[name] = evidence.get(name, 0) + count
            if not len(proved) and len(places) >= TRIAL:
                refused[method] = (
                    f"none of the {TRIAL} images of the largest margin could be certified"
                )
    seconds = round(time.perf_counter() - began, 3)
    run.proved[stage.member][proved] = True
    proved = proved[run.proved[:, proved].all(0)]
    counts = StageResult(stage.name, len(places), 0, 0, seconds, proved=len(proved))
    run.outcomes.record(counts, proved[:0], proved[:0], number)
    run.outcomes.codes[proved] = CERTIFIED


def _over_budget(run: LadderRun, attack: Attack | Replay, ruling: Ruling) -> int:
    """Number of proposals outside the threat; MeasureError for an attack that promises to stay inside.

    Rounding on the way to an endpoint may move an image out of the threat, whatever the attack does.
    """
    invalid = int((~ruling.valid).sum())
    if invalid and attack.keeps_budget and run.context.subject.remote is None:
        raise MeasureError(
            f"expected every proposal of {attack.name} inside the budget, got {invalid} outside; fix "
            "the attack"
        )
    return invalid


def _check_any_valid(counts: StageResult) -> None:
    """Raise Inconclusive for a stage that gave no valid proposal."""
    if counts.entered and counts.over_budget == counts.entered:
        raise Inconclusive(
            f"{counts.stage} gave no valid proposal for {counts.entered} images; the row measures nothing"
        )
