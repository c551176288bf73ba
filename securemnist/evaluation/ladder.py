"""The evaluation ladder: attacks in order, open digits only, every success refereed.

Success is absorbing: a digit that has fallen leaves, and later stages see only what is still open.
A time budget cuts the sample short, in whole chunks of its order; it never changes what is found on
the digits before the cut.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from securemnist.attacks.base import Attack
from securemnist.digests import seed_from
from securemnist.errors import Inconclusive, MeasureError
from securemnist.evaluation.lab import Lab, Sample
from securemnist.evaluation.outcomes import Fall, Outcomes
from securemnist.evaluation.pictures import choose, picture
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

    def gallery(self) -> list[dict[str, Any]]:
        """The first broken digit of each class, then more; as builtins."""
        return [self._picture(place) for place in choose(self.outcomes.codes >= 0, self.sample.y)]

    def _picture(self, place: int) -> dict[str, Any]:
        return picture(
            index=int(self.sample.places[place]),
            label=int(self.outcomes.labels[place]),
            clean_prediction=int(self.clean_predictions[place]),
            prediction=int(self.outcomes.predictions[place]),
            confidence=float(self.confidence[place]),
            clean=self.sample.x[place],
            changed=self.x_adv[place],
        )


def evaluate(
    lab: Lab,
    sample: Sample,
    attacks: Sequence[Attack],
    threat: Threat,
    seed: int,
    *,
    seconds: float = math.inf,
) -> Evaluation:
    """Run the attacks in order on the digits that are still open, for about `seconds`.

    Digits that the time did not suffice for are not attempted and count for nothing; at least one
    chunk is. Raises MeasureError where an attack of ours leaves the budget, and Inconclusive where an
    attack ran on digits and gave no valid proposal at all.
    """
    logits = lab.logits(sample.x)
    predictions = logits.argmax(1)
    outcomes = Outcomes(sample.y, predictions.clone(), sample.order)
    confidence = logits.softmax(1).amax(1)
    state = Evaluation(sample, outcomes, sample.x.clone(), confidence, predictions)
    deadline = time.perf_counter() + seconds
    for attack in attacks:
        _run_stage(lab, state, attack, threat, seed, deadline)
    return state


def _run_stage(
    lab: Lab, state: Evaluation, attack: Attack, threat: Threat, seed: int, deadline: float
) -> None:
    began = time.perf_counter()
    places, proposals = _propose(lab, state, attack, threat, seed, deadline)
    if not len(places):
        state.outcomes.record(Fall(attack.name, 0, 0, 0, 0.0), places, places)
        return
    x, y = state.sample.x[places], state.sample.y[places]
    ruling = rule(lab.subject.model, x, y, proposals, norm=threat.norm, eps=threat.eps)
    over = _check_validity(attack, ruling)
    broken = places[ruling.fooled]
    state.x_adv[broken] = proposals[ruling.fooled]
    state.confidence[broken] = ruling.confidence[ruling.fooled]
    seconds = round(time.perf_counter() - began, 3)
    fall = Fall(attack.name, len(places), len(broken), over, seconds)
    state.outcomes.record(fall, broken, ruling.predictions[ruling.fooled])


def _propose(
    lab: Lab, state: Evaluation, attack: Attack, threat: Threat, seed: int, deadline: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Open places with a proposal each, until the deadline; marks the rest as not attempted.

    Chunks are cut by the sample's order and not by what is open, so that the cut depends on the
    clock alone.
    """
    sample, outcomes = state.sample, state.outcomes
    parts = [seed, attack.to_json(), threat.to_json()]
    chunk = attack.chunk or (len(sample) if deadline == math.inf else CHUNK)
    places, found = [], []
    for low in range(0, len(sample), chunk):
        if low and time.perf_counter() > deadline:
            outcomes.stop_before(low)
            break
        still_open = outcomes.open
        inside = still_open[(low <= still_open) & (still_open < low + chunk)]
        if not len(inside):
            continue
        rng = torch.Generator().manual_seed(seed_from(*parts, *([low] if low else [])))
        progress = lab.progress if chunk >= len(sample) else silent
        x, y = sample.x[inside], sample.y[inside]
        found.append(attack(lab.subject.model, x, y, threat=threat, rng=rng, progress=progress))
        places.append(inside)
        lab.progress(attack.name, min(low + chunk, len(sample)), len(sample))
    none = outcomes.open[:0]
    return (torch.cat(places), torch.cat(found)) if places else (none, sample.x[:0])


def _check_validity(attack: Attack, ruling: Ruling) -> int:
    """How many proposals do not count; errors where that says something about the attack."""
    over = int((~ruling.valid).sum())
    if over and attack.keeps_budget:
        raise MeasureError(
            f"expected every proposal of {attack.name} inside the budget, got {over} outside; this is "
            "an error of the attack, report it"
        )
    if over == len(ruling.valid):
        raise Inconclusive(
            f"{attack.name} gave no valid proposal for {over} digits; nothing was learnt about them"
        )
    return over
