"""The evaluation ladder: attacks and certificates in order, each on the undecided images only.

A broken image and a certified image leave the ladder; the referee checks every success. A time
budget shortens the sample in whole chunks of its order and does not change results before the cut.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import torch

from securemnist._util.hashing import seed_from
from securemnist.attacks.base import Attack
from securemnist.attacks.refereed import attempt
from securemnist.certificates import CROWN, INTERVALS
from securemnist.errors import Inconclusive, MeasureError, NoAnswer, NoCertificate
from securemnist.evaluation import certificate_stage
from securemnist.evaluation.context import Context, Sample
from securemnist.evaluation.ladder_run import LadderRun
from securemnist.evaluation.outcomes import Outcomes
from securemnist.evaluation.replay import Replay
from securemnist.referee import Ruling
from securemnist.results.evidence.attack import StageResult
from securemnist.results.per_image import CERTIFIED
from securemnist.runtime.float32 import exact_float32
from securemnist.threats import Threat
from securemnist.types import silent

# Images of a chunk where time is limited and the attack sets no chunk size.
CHUNK = 256
# Images of a chunk for an endpoint: what a spent budget of queries leaves undecided at most.
REMOTE_CHUNK = 128
# Number of images on which a certificate method is tried first.
TRIAL = 8


@exact_float32()
def evaluate(
    context: Context,
    sample: Sample,
    attacks: Sequence[Attack],
    threat: Threat,
    seed: int,
    *,
    before_crown: int | None = None,
    seconds: float = math.inf,
    replay: Replay | None = None,
    decided: Callable[[Outcomes], bool] = lambda _: False,
) -> LadderRun:
    """Outcomes of the sample after the attacks, in order, each on the images that are still undecided.

    `replay` puts stored examples first. `before_crown` puts interval bounds next, and CROWN after
    that many attacks. `seconds` limits the time: images whose chunk did not start in time are not
    attempted, and the first chunk always runs. The same holds for images whose chunk an endpoint left
    without an answer. `decided` ends a run without chunks early, and the later stages are skipped.

    Raises MeasureError where one of our attacks leaves the threat, and Inconclusive where a stage
    gave no valid proposal for any image.
    """
    run = LadderRun(context, sample, threat, seed)
    outcomes = run.outcomes
    deadline = time.perf_counter() + seconds
    stages: list[Attack | Replay | str] = list(attacks)
    if before_crown is not None:
        stages = [INTERVALS, *attacks[:before_crown], CROWN, *attacks[before_crown:]]
    if replay is not None:
        stages.insert(0, replay)
    size = _chunk_size(attacks, len(sample), deadline)
    if context.subject.remote is not None:
        size = min(size, REMOTE_CHUNK)
    for low in range(0, len(sample), size):
        if low and time.perf_counter() > deadline:
            outcomes.end_sample_at(low)
            break
        finished = list(outcomes.waterfall)
        try:
            _run_stages(run, stages, range(low, low + size), decided)
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
    stages: Sequence[Attack | Replay | str],
    chunk: range,
    decided: Callable[[Outcomes], bool],
) -> None:
    """All stages on one chunk; without chunks they end as soon as the number is decided."""
    for stage, attack in enumerate(stages):
        if isinstance(attack, str):
            _certificate_stage(run, attack, stage, chunk)
        else:
            _attack_stage(run, attack, stage, chunk)
        if len(chunk) >= len(run.sample) and decided(run.outcomes):
            run.skipped_stages = tuple(_stage_name(later) for later in stages[stage + 1 :])
            break


def _stage_name(stage: Attack | Replay | str) -> str:
    return stage if isinstance(stage, str) else stage.name


def _chunk_size(attacks: Sequence[Attack], samples: int, deadline: float) -> int:
    """Number of images that pass through all stages before the clock is read again."""
    limited = [attack.chunk for attack in attacks if attack.chunk is not None]
    for size in limited:
        if type(size) is not int or size < 1:
            raise MeasureError(
                f"expected a chunk of at least 1 image, got {size!r:.40}; fix the attack"
            )
    return min([*limited, samples if deadline == math.inf else CHUNK])


def _attack_stage(run: LadderRun, attack: Attack | Replay, stage: int, chunk: range) -> None:
    """One attack, or the replay, on the undecided images of a chunk.

    Chunks are cut by the sample's order, so that the cut depends on the clock alone.
    """
    began = time.perf_counter()
    context, sample, outcomes, threat = run.context, run.sample, run.outcomes, run.threat
    places = _undecided_in(outcomes, chunk)
    if not len(places):
        outcomes.record(StageResult(attack.name, 0, 0, 0, 0.0), places, places, stage)
        return
    x, y = sample.x[places], sample.y[places]
    model = context.subject.model
    if isinstance(attack, Replay):
        proposals, ruling = attack(model, sample.places[places.cpu()], x, y, threat)
    else:
        offset = [chunk.start] if chunk.start else []
        parts = run.seed, attack.to_json(), threat.to_json(), *offset
        rng = torch.Generator().manual_seed(seed_from(*parts))
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
    context.progress(attack.name, min(chunk.stop, len(sample)), len(sample))
    over = _over_budget(run, attack, ruling)
    broken = places[ruling.fooled]
    run.x_adv[broken] = proposals[ruling.fooled]
    run.confidence[broken] = ruling.confidence[ruling.fooled].to(run.confidence.dtype)
    run.tied[broken] = ruling.tied[ruling.fooled]
    seconds = round(time.perf_counter() - began, 3)
    counts = StageResult(attack.name, len(places), len(broken), over, seconds)
    outcomes.record(counts, broken, ruling.predictions[ruling.fooled], stage)


def _undecided_in(outcomes: Outcomes, chunk: range) -> torch.Tensor:
    """Indices of the undecided images of a chunk."""
    places = outcomes.undecided
    return places[(chunk.start <= places) & (places < chunk.stop)]


def _certificate_stage(run: LadderRun, method: str, stage: int, chunk: range) -> None:
    """Certificates of the undecided images of a chunk; a refusal is recorded, not raised."""
    began = time.perf_counter()
    places = _undecided_in(run.outcomes, chunk)
    # Largest margins first: where none of the first images is certified, none of the rest will be.
    places = places[run.margins[places].argsort(descending=True, stable=True)]
    proved = places[:0]
    refused = run.certificate_evidence.setdefault("refused", {})
    if len(places) and method not in refused:
        x, y = run.sample.x[places], run.sample.y[places]
        try:
            certificates = certificate_stage.certify_and_attack(
                run.context, x, y, run.threat, crown=method == CROWN, trial=TRIAL, seed=run.seed
            )
        except NoCertificate as error:
            refused[method] = str(error)
        else:
            proved = places[certificates.proved]
            run.bounds[places] = torch.fmax(run.bounds[places], certificates.margins)
            for name, count in certificate_stage.certificate_counts(certificates).items():
                run.certificate_evidence[name] = run.certificate_evidence.get(name, 0) + count
            if not len(proved) and len(places) >= TRIAL:
                refused[method] = (
                    f"none of the {TRIAL} images of the largest margin could be certified"
                )
    seconds = round(time.perf_counter() - began, 3)
    counts = StageResult(method, len(places), 0, 0, seconds, proved=len(proved))
    run.outcomes.record(counts, proved[:0], proved[:0], stage)
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
