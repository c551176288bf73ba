"""The evaluation ladder: attacks in order, open digits only, every success refereed.

Success is absorbing, and so is a proof: a digit that has fallen or is certified leaves, and later
stages see only what is still open.
A time budget cuts the sample short, in whole chunks of its order; it never changes what is found on
the digits before the cut.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from securemnist.attacks.base import Attack
from securemnist.certify import CROWN, INTERVALS, METHODS, TRIAL
from securemnist.digests import seed_from
from securemnist.errors import Inconclusive, MeasureError, NoCertificate
from securemnist.evaluation import proofs
from securemnist.evaluation.examples import Examples
from securemnist.evaluation.lab import Lab, Sample
from securemnist.evaluation.outcomes import Fall, Outcomes
from securemnist.evaluation.pictures import GALLERY, choose, picture
from securemnist.evaluation.replay import Replay
from securemnist.referee import Ruling, rule
from securemnist.threats import Threat
from securemnist.types import silent

# Digits between two looks at the clock, for an attack that would take all of them at once.
CHUNK = 256


@dataclass
class Evaluation:
    """Outcomes of one evaluation with the images that broke digits (`x_adv`, elsewhere the clean)."""

    sample: Sample
    outcomes: Outcomes
    x_adv: torch.Tensor
    confidence: torch.Tensor
    clean_predictions: torch.Tensor
    clean_confidence: torch.Tensor
    # The best known lower bound of each digit's margin; -inf where nobody asked.
    bounds: torch.Tensor
    # What the stages of proofs came to, summed over chunks, and why one was left out.
    proofs: dict[str, Any] = field(default_factory=dict)

    @property
    def asked_for_proofs(self) -> bool:
        """Whether bounds were computed, however few digits they certify."""
        return any(method in self.proofs for method in METHODS)

    def certificates(self) -> dict[str, Any]:
        """What was proved, why no more was, and how far the bounds of surviving digits are off."""
        if not self.proofs:
            return {}
        return self.proofs | {"open": proofs.left_open(self.bounds[self.outcomes.open])}

    def gallery(self) -> list[dict[str, Any]]:
        """The first broken digit of each class, then more; as builtins."""
        return [self._picture(place) for place in choose(self.outcomes.codes >= 0, self.sample.y)]

    def last_to_fall(self) -> list[dict[str, Any]]:
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

    def _picture(self, place: int) -> dict[str, Any]:
        shown = picture(
            index=int(self.sample.places[place]),
            label=int(self.outcomes.labels[place]),
            clean_prediction=int(self.clean_predictions[place]),
            prediction=int(self.outcomes.predictions[place]),
            clean_confidence=float(self.clean_confidence[place]),
            confidence=float(self.confidence[place]),
            clean=self.sample.x[place],
            changed=self.x_adv[place],
        )
        return shown | {"broken_by": self.outcomes.stages[int(self.outcomes.codes[place])]}


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
) -> Evaluation:
    """Run the attacks in order on the digits that are still open, for about `seconds`.

    With `replay` stored examples come before everything else. With `proofs_after` interval bounds come
    next, and CROWN's behind that many attacks: what is proved is settled.

    Chunk by chunk where the time is limited: a digit counts only if every attack had its turn, so
    digits that the time did not suffice for are not attempted; at least one chunk is. Raises
    MeasureError where an attack of ours leaves the budget, and Inconclusive where an attack ran on
    digits and gave no valid proposal at all.
    """
    logits = lab.logits(sample.x)
    predictions = logits.argmax(1)
    outcomes = Outcomes(sample.y, predictions.clone(), sample.order)
    confidence = logits.softmax(1).amax(1)
    state = Evaluation(
        sample=sample,
        outcomes=outcomes,
        x_adv=sample.x.clone(),
        confidence=confidence.clone(),
        clean_predictions=predictions,
        clean_confidence=confidence,
        bounds=torch.full_like(confidence, -torch.inf, dtype=torch.float64),
    )
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
    for fall in outcomes.waterfall:
        _check_learnt(fall)
    return state


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
    if isinstance(attack, Replay):
        proposals = attack(lab.subject.model, sample.places[places.cpu()], x, y, threat)
    else:
        parts = [seed, attack.to_json(), threat.to_json(), *([chunk.start] if chunk.start else [])]
        rng = torch.Generator().manual_seed(seed_from(*parts))
        progress = lab.progress if len(chunk) >= len(sample) else silent
        proposals = attack(lab.target, x, y, threat=threat, rng=rng, progress=progress)
    lab.progress(attack.name, min(chunk.stop, len(sample)), len(sample))
    ruling = rule(lab.subject.model, x, y, proposals, norm=threat.norm, eps=threat.eps)
    over = _over_budget(attack, ruling)
    broken = places[ruling.fooled]
    state.x_adv[broken] = proposals[ruling.fooled]
    state.confidence[broken] = ruling.confidence[ruling.fooled]
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
    proved = places[:0]
    refused = state.proofs.setdefault("refused", {})
    if len(places) and method not in refused:
        x, y = state.sample.x[places], state.sample.y[places]
        crown = method == CROWN
        try:
            found = proofs.prove(lab, x, y, threat, crown=crown, give_up=True, seed=seed)
        except NoCertificate as error:
            refused[method] = str(error)
        else:
            proved = places[found.proved]
            state.bounds[places] = torch.fmax(state.bounds[places], found.margins)
            for name, count in proofs.told(found).items():
                state.proofs[name] = state.proofs.get(name, 0) + count
            if not len(proved) and len(places) >= TRIAL:
                refused[method] = f"none of the first {TRIAL} digits could be certified"
    seconds = round(time.perf_counter() - began, 3)
    fall = Fall(method, len(places), 0, 0, seconds, proved=len(proved))
    state.outcomes.prove(fall, proved, stage)


def _over_budget(attack: Attack | Replay, ruling: Ruling) -> int:
    """How many proposals do not count; MeasureError where that is an error of ours."""
    over = int((~ruling.valid).sum())
    if over and attack.keeps_budget:
        raise MeasureError(
            f"expected every proposal of {attack.name} inside the budget, got {over} outside; this is "
            "an error of the attack, report it"
        )
    return over


def _check_learnt(fall: Fall) -> None:
    """Inconclusive for a stage that ran on digits and had nothing to say of any."""
    if fall.entered and fall.over_budget == fall.entered:
        raise Inconclusive(
            f"{fall.stage} gave no valid proposal for {fall.entered} digits; nothing was learnt about "
            "them"
        )
