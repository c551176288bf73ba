"""The evaluation ladder: attacks in order, open digits only, every success refereed.

Success is absorbing: a digit that has fallen leaves, and later stages see only what is still open.
"""

from __future__ import annotations

import base64
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
from securemnist.referee import Ruling, rule
from securemnist.threats import Threat

GALLERY = 10


@dataclass
class Evaluation:
    """Outcomes of one evaluation with the images that broke digits (`x_adv`, elsewhere the clean)."""

    sample: Sample
    outcomes: Outcomes
    x_adv: torch.Tensor
    confidence: torch.Tensor
    clean_predictions: torch.Tensor

    def gallery(self) -> list[dict[str, Any]]:
        """The first broken digit of each class, then more, up to GALLERY; as builtins."""
        broken = (self.outcomes.codes >= 0).nonzero().squeeze(1).tolist()
        labels = self.outcomes.labels.tolist()
        first = {labels[place]: place for place in reversed(broken)}
        chosen = sorted(first.values())
        chosen += [place for place in broken if place not in set(chosen)][: GALLERY - len(chosen)]
        return [self._picture(place) for place in chosen[:GALLERY]]

    def _picture(self, place: int) -> dict[str, Any]:
        return {
            "index": int(self.sample.places[place]),
            "label": int(self.outcomes.labels[place]),
            "clean_prediction": int(self.clean_predictions[place]),
            "prediction": int(self.outcomes.predictions[place]),
            "confidence": round(float(self.confidence[place]), 4),
            "clean": _bytes64(self.sample.x[place]),
            "adversarial": _bytes64(self.x_adv[place]),
        }


def evaluate(
    lab: Lab, sample: Sample, attacks: Sequence[Attack], threat: Threat, seed: int
) -> Evaluation:
    """Run the attacks in order on the digits that are still open.

    Raises MeasureError where an attack of ours leaves the budget, and Inconclusive where an attack
    ran on digits and gave no valid proposal at all.
    """
    logits = lab.logits(sample.x)
    predictions = logits.argmax(1)
    outcomes = Outcomes(sample.y, predictions.clone(), sample.order)
    confidence = logits.softmax(1).amax(1)
    state = Evaluation(sample, outcomes, sample.x.clone(), confidence, predictions)
    for attack in attacks:
        _run_stage(lab, state, attack, threat, seed)
    return state


def _run_stage(lab: Lab, state: Evaluation, attack: Attack, threat: Threat, seed: int) -> None:
    places = state.outcomes.open
    began = time.perf_counter()
    if not len(places):
        state.outcomes.record(Fall(attack.name, 0, 0, 0, 0.0), places, places)
        return
    x, y = state.sample.x[places], state.sample.y[places]
    rng = torch.Generator().manual_seed(seed_from(seed, attack.to_json(), threat.to_json()))
    proposals = attack(lab.subject.model, x, y, threat=threat, rng=rng, progress=lab.progress)
    ruling = rule(lab.subject.model, x, y, proposals, norm=threat.norm, eps=threat.eps)
    over = _check_validity(attack, ruling)
    broken = places[ruling.fooled]
    state.x_adv[broken] = proposals[ruling.fooled]
    state.confidence[broken] = ruling.confidence[ruling.fooled]
    seconds = round(time.perf_counter() - began, 3)
    fall = Fall(attack.name, len(places), len(broken), over, seconds)
    state.outcomes.record(fall, broken, ruling.predictions[ruling.fooled])


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


def _bytes64(image: torch.Tensor) -> str:
    """784 bytes of a (1, 28, 28) image in [0, 1], base64."""
    pixels = (image.detach().cpu().clamp(0, 1) * 255).round().to(torch.uint8)
    return base64.b64encode(pixels.contiguous().numpy().tobytes()).decode()
