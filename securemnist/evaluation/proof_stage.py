"""Branch and bound as the last stage of a search: what survived the attacks is proved or broken.

Minimisers of relaxed domains are starts of a short attack, which finds examples that gradients from
other starts do not (Zhang et al. 2022, arXiv 2206.05406).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from securemnist.attacks.losses import loss_and_gradient, margins
from securemnist.certificates import BRANCHES
from securemnist.certificates.proofs.proof import Proofs, prove
from securemnist.errors import NoCertificate
from securemnist.evaluation.certificate_stage import WEAKEST, attack_weakest, check_certifiable
from securemnist.evaluation.context import Context
from securemnist.evaluation.ladder_run import LadderRun
from securemnist.referee import SLACK, rule
from securemnist.results.evidence.attack import StageResult
from securemnist.results.evidence.certificates import ProofSearch
from securemnist.results.per_image import CERTIFIED
from securemnist.runtime.float32 import exact_float32
from securemnist.threats import Threat
from securemnist.types import Images, Labels

# Steps of the attack from each start, and their length in eps.
STEPS, STEP = 10, 0.25


@dataclass(frozen=True)
class StartedAttack:
    """An attack on images `x` (n, C, H, W) of labels `y` (n,), from given starts."""

    model: nn.Module
    x: Images
    y: Labels
    threat: Threat

    def __call__(self, place: int, starts: Images) -> torch.Tensor | None:
        """An adversarial example by gradient steps on the margin from each start."""
        x = self.x[place].expand(len(starts), *self.x.shape[1:]).contiguous()
        y = self.y[place].expand(len(starts))
        candidates = self.threat.project(x, starts)
        for _ in range(STEPS + 1):
            ruling = rule(self.model, x, y, candidates, norm=self.threat.norm, eps=self.threat.eps)
            if bool(ruling.fooled.any()):
                return candidates[ruling.fooled][0]
            _, gradient, _ = loss_and_gradient(self.model, candidates, y, margins)
            step = STEP * self.threat.eps * self.threat.steepest(gradient)
            candidates = self.threat.project(x, candidates + step)
        return None


def prove_and_attack(
    context: Context, x: Images, y: Labels, threat: Threat, *, seconds: float, seed: int
) -> Proofs:
    """Proofs of images `x` (n, C, H, W) of the right class `y` within `threat`, and broken images.

    Proved images of the smallest margin are attacked. NoCertificate as from `certify_and_attack`,
    MeasureError where that attack breaks a proved image.
    """
    if context.subject.remote is not None:
        raise NoCertificate("expected the weights of a network, got an endpoint")
    check_certifiable(context, threat)
    model = context.subject.model
    proofs = prove(
        model,
        x,
        y,
        norm=threat.norm,
        eps=threat.eps + SLACK,  # the referee accepts perturbations larger by this tolerance
        seconds=seconds,
        attack=StartedAttack(model, x, y, threat),
        progress=context.progress,
    )
    attack_weakest(context, x, y, threat, proofs.margins, proofs.proved, seed)
    return proofs


def add_proofs(counts: dict[str, Any], proofs: Proofs, decided: torch.Tensor) -> None:
    """Add a search to the counts of certificates; `decided`, boolean (n,): the images no longer open."""
    proved = int(proofs.proved.sum())
    counts["branch_and_bound"], counts["domains"] = proved, proofs.domains
    counts["attacked"] = counts.get("attacked", 0) + min(proved, WEAKEST)
    times = proofs.decided[decided].sort().values.tolist()
    counts["search"] = ProofSearch(
        images=len(proofs.proved),
        seconds=round(proofs.seconds, 3),
        decided=[round(seconds, 3) for seconds in times],
    )


@exact_float32()
def run_proofs(run: LadderRun, seconds: float, context: Context) -> None:
    """Proofs and counterexamples for the undecided images of a finished run, within `seconds`.

    `context`: the measured model on the data of the run. A refusal is recorded, not raised.
    """
    began, outcomes = time.perf_counter(), run.outcomes
    places = outcomes.undecided
    if not len(places):  # as of other stages: a version that needed no proof had them, too
        outcomes.record(StageResult(BRANCHES, 0, 0, 0, 0.0), places, places)
        return
    x, y = run.sample.x[places], run.sample.y[places]
    try:
        proofs = prove_and_attack(context, x, y, run.threats[0], seconds=seconds, seed=run.seed)
    except NoCertificate as error:
        run.certificate_evidence[0].setdefault("refused", {})[BRANCHES] = str(error)
        return
    proved = places[proofs.proved]
    broken, predictions = _keep_broken(
        run, context.subject.model, places[proofs.broken], proofs.x_adv[proofs.broken]
    )
    counts = StageResult(
        BRANCHES,
        len(places),
        len(broken),
        0,
        round(time.perf_counter() - began, 3),
        proved=len(proved),
    )
    outcomes.record(counts, broken, predictions)
    outcomes.codes[proved] = CERTIFIED
    run.proved[0, proved] = True
    run.bounds[places] = torch.fmax(run.bounds[places], proofs.margins)
    decided = proofs.proved | torch.isin(places, broken)
    add_proofs(run.certificate_evidence[0], proofs, decided)


def _keep_broken(
    run: LadderRun, model: nn.Module, places: torch.Tensor, x_adv: Images
) -> tuple[torch.Tensor, torch.Tensor]:
    """Store the adversarial examples of the images at `places`; what they break, its predictions."""
    if not len(places):
        return places, places
    x, y, threat = run.sample.x[places], run.sample.y[places], run.threats[0]
    # Logits of another batch may round otherwise: an example that no longer fools breaks nothing.
    ruling = rule(model, x, y, x_adv, norm=threat.norm, eps=threat.eps)
    return run.keep_broken(places, x_adv, ruling)
