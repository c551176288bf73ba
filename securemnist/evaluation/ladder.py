"""The evaluation ladder: attacks in order, open digits only, every success refereed.

Success is absorbing, and so is a proof: a digit that has fallen or is certified leaves, and later
stages see only what is still open.
A time budget cuts the sample short, in whole chunks of its order; it never changes what is found on
the digits before the cut.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import torch

from securemnist._util.hashing import seed_from
from securemnist.attacks.base import Attack
from securemnist.certificates import CROWN, INTERVALS
from securemnist.errors import Inconclusive, MeasureError, NoCertificate
from securemnist.evaluation import certificate_stage
from securemnist.evaluation.context import Lab, Sample
from securemnist.evaluation.ladder_run import Evaluation
from securemnist.evaluation.outcomes import Fall, Outcomes
from securemnist.evaluation.refereed import attempt
from securemnist.evaluation.replay import Replay
from securemnist.referee import Ruling, rule
from securemnist.runtime.float32 import exact_float32
from securemnist.threats import Threat
from securemnist.types import silent

# Digits between two looks at the clock, for an attack that would take all of them at once.
CHUNK = 256
# Digits by which a kind of proof is tried out before it is asked of all.
TRIAL = 8


@exact_float32()
def evaluate(
    lab: Lab,
    sample: Sample,
    attacks: Sequence[Attack],
    threat: Threat,
    seed: int,
    *,
    proofs_after: int | None = None,
    seconds: float = math.inf,
    replay: Replay | None = None,
    decided: Callable[[Outcomes], bool] = lambda _: False,
) -> Evaluation:
    """Run the attacks in order on the digits that are still open, for about `seconds`.

    With `replay` stored examples come before everything else. With `proofs_after` interval bounds come
    next, and CROWN's behind that many attacks: what is proved is settled.

    Chunk by chunk where the time is limited: a digit counts only if every attack had its turn, so
    digits that the time did not suffice for are not attempted; at least one chunk is. Where all digits
    pass at once, the stages behind the one after which the outcomes are `decided` are spared. Raises
    MeasureError where an attack of ours leaves the budget, and Inconclusive where an attack ran on
    digits and gave no valid proposal at all.
    """
    state = Evaluation.begin(sample, lab.logits(sample.x))
    outcomes = state.outcomes
    deadline = time.perf_counter() + seconds
    stages: list[Attack | Replay | str] = list(attacks)
    if proofs_after is not None:
        stages = [INTERVALS, *attacks[:proofs_after], CROWN, *attacks[proofs_after:]]
    if replay is not None:
        stages.insert(0, replay)
    size = _chunk(attacks, len(sample), deadline)
    for low in range(0, len(sample), size):
        if low and time.perf_counter() > deadline:
            outcomes.stop_before(low)
            break
        for stage, attack in enumerate(stages):
            chunk = range(low, low + size)
            if isinstance(attack, str):
                _prove(lab, state, attack, threat, seed, stage, chunk)
            else:
                _run_stage(lab, state, attack, threat, seed, stage, chunk)
            if size >= len(sample) and decided(outcomes):
                state.spared = tuple(_named(later) for later in stages[stage + 1 :])
                break
    for fall in outcomes.waterfall:
        _check_learnt(fall)
    return state


def _named(stage: Attack | Replay | str) -> str:
    return stage if isinstance(stage, str) else stage.name


def _chunk(attacks: Sequence[Attack], digits: int, deadline: float) -> int:
    """Digits that pass through all stages before the clock is looked at again."""
    limited = [attack.chunk for attack in attacks if attack.chunk is not None]
    return min([*limited, digits if deadline == math.inf else CHUNK])


def _run_stage(
    lab: Lab,
    state: Evaluation,
    attack: Attack | Replay,
    threat: Threat,
    seed: int,
    stage: int,
    chunk: range,
) -> None:
    """One attack, or the replay, on the open digits of a chunk.

    Chunks are cut by the sample's order and not by what is open, so that the cut depends on the
    clock alone.
    """
    began = time.perf_counter()
    sample, outcomes = state.sample, state.outcomes
    places = _open(outcomes, chunk)
    if not len(places):
        outcomes.record(Fall(attack.name, 0, 0, 0, 0.0), places, places, stage)
        return
    x, y = sample.x[places], sample.y[places]
    model = lab.subject.model
    if isinstance(attack, Replay):
        proposals = attack(model, sample.places[places.cpu()], x, y, threat)
        ruling = rule(model, x, y, proposals, norm=threat.norm, eps=threat.eps)
    else:
        parts = [seed, attack.to_json(), threat.to_json(), *([chunk.start] if chunk.start else [])]
        rng = torch.Generator().manual_seed(seed_from(*parts))
        progress = lab.progress if len(chunk) >= len(sample) else silent
        proposals, ruling = attempt(
            attack, lab.target, model, x, y, threat=threat, rng=rng, progress=progress
        )
    lab.progress(attack.name, min(chunk.stop, len(sample)), len(sample))
    over = _over_budget(attack, ruling)
    broken = places[ruling.fooled]
    state.x_adv[broken] = proposals[ruling.fooled]
    state.confidence[broken] = ruling.confidence[ruling.fooled].to(state.confidence.dtype)
    state.tied[broken] = ruling.tied[ruling.fooled]
    seconds = round(time.perf_counter() - began, 3)
    fall = Fall(attack.name, len(places), len(broken), over, seconds)
    outcomes.record(fall, broken, ruling.predictions[ruling.fooled], stage)


def _open(outcomes: Outcomes, chunk: range) -> torch.Tensor:
    """Places of the digits of a chunk that nothing has settled yet."""
    places = outcomes.open
    return places[(chunk.start <= places) & (places < chunk.stop)]


def _prove(
    lab: Lab, state: Evaluation, method: str, threat: Threat, seed: int, stage: int, chunk: range
) -> None:
    """Certificates of the open digits of a chunk; why there are none is noted, not raised."""
    began = time.perf_counter()
    places = _open(state.outcomes, chunk)
    # The digits that are the likeliest to be proved come first: where none of them is, none will be.
    places = places[state.margins[places].argsort(descending=True, stable=True)]
    proved = places[:0]
    refused = state.proofs.setdefault("refused", {})
    if len(places) and method not in refused:
        x, y = state.sample.x[places], state.sample.y[places]
        crown = method == CROWN
        try:
            found = certificate_stage.prove(lab, x, y, threat, crown=crown, trial=TRIAL, seed=seed)
        except NoCertificate as error:
            refused[method] = str(error)
        else:
            proved = places[found.proved]
            state.bounds[places] = torch.fmax(state.bounds[places], found.margins)
            for name, count in certificate_stage.told(found).items():
                state.proofs[name] = state.proofs.get(name, 0) + count
            if not len(proved) and len(places) >= TRIAL:
                refused[method] = (
                    f"none of the {TRIAL} digits of the largest margin could be certified"
                )
    seconds = round(time.perf_counter() - began, 3)
    fall = Fall(method, len(places), 0, 0, seconds, proved=len(proved))
    state.outcomes.prove(fall, proved, stage)


def _over_budget(attack: Attack | Replay, ruling: Ruling) -> int:
    """How many proposals do not count; MeasureError where that is an error of ours."""
    over = int((~ruling.valid).sum())
    if over and attack.keeps_budget:
        raise MeasureError(
            f"expected every proposal of {attack.name} inside the budget, got {over} outside; fix the "
            "attack"
        )
    return over


def _check_learnt(fall: Fall) -> None:
    """Inconclusive for a stage that ran on digits and had nothing to say of any."""
    if fall.entered and fall.over_budget == fall.entered:
        raise Inconclusive(
            f"{fall.stage} gave no valid proposal for {fall.entered} digits; nothing was learnt about "
            "them"
        )
