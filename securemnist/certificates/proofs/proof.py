"""Proofs and counterexamples for samples that simpler certificates leave open, within a time budget."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from securemnist.certificates.bounds.euclidean import ball_of
from securemnist.certificates.bounds.squares import SQUARES
from securemnist.certificates.certificate import checked_network
from securemnist.certificates.graph.network import known_bounds
from securemnist.certificates.proofs.proof_run import Attack, Goal, ProofRun, Run
from securemnist.certificates.proofs.square_run import SquareRun
from securemnist.errors import MeasureError
from securemnist.runtime import denormals
from securemnist.runtime.float32 import exact_float32
from securemnist.types import Images, Labels, Progress, silent


@dataclass(frozen=True)
class Proofs:
    """What the searches found. `margins` float64 (n,): lower bounds of each sample's smallest margin.

    `proved` and `broken`, boolean (n,); a sample that is neither stays open. `domains` were bounded in
    `seconds`. `decided`, float64 (n,): seconds until a sample was proved or broken, infinity where open.
    """

    margins: torch.Tensor
    proved: torch.Tensor
    broken: torch.Tensor
    domains: int
    decided: torch.Tensor
    seconds: float


@exact_float32()
@denormals.preserved()
@torch.no_grad()
def prove(
    model: nn.Module,
    x: Images,
    y: Labels,
    *,
    eps: float,
    norm: str = "linf",
    seconds: float,
    attack: Attack = lambda _place, _starts: False,
    progress: Progress = silent,
) -> Proofs:
    """Proofs for samples `x` (n, ...) in [0, 1] of the right class `y` (n,), within `eps` in `norm`.

    `seconds` limits the time; the batch of bounds that is running then is finished. `attack` gets
    minimisers of relaxed domains as starts, and ends the search for a sample that it breaks. Errors
    as from `certify`.
    """
    if not seconds >= 0:
        raise MeasureError(f"expected seconds of 0 or more, got {seconds}; fix the call")
    if not len(y):
        none = torch.zeros_like(y, dtype=torch.bool)
        return Proofs(none.double(), none, none, 0, none.double(), 0.0)
    goal = Goal(checked_network(model, x, eps, norm), model, x, y, attack, progress)
    if norm in SQUARES:
        run: Run = SquareRun(goal, int(eps))
    else:
        run = ProofRun(goal, lambda place: ball_of(x[[place]], eps, norm))
    with known_bounds():
        run.all(run.began + seconds)
    return Proofs(run.margins, run.proved, run.broken, run.domains, run.decided, run.spent)
