"""Proofs and counterexamples for samples that simpler certificates leave open, within a time budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from securemnist.certificates.bounds.euclidean import ball_of
from securemnist.certificates.bounds.margin_bounds import BRANCHES
from securemnist.certificates.bounds.squares import SQUARES
from securemnist.certificates.certificate import checked_network
from securemnist.certificates.graph.network import known_bounds
from securemnist.certificates.proofs.proof_run import Attack, Goal, ProofRun, Run
from securemnist.certificates.proofs.square_run import SquareRun
from securemnist.errors import MeasureError
from securemnist.runtime import denormals, forks
from securemnist.runtime.float32 import exact_float32
from securemnist.types import Images, Labels, Progress, silent


@dataclass(frozen=True)
class Proofs:
    """What the searches found. `margins` float64 (n,): lower bounds of each sample's smallest margin.

    `proved` and `broken`, boolean (n,); a sample that is neither stays open. `x_adv` (n, ...): the
    adversarial examples of broken samples, elsewhere the samples. `domains` were bounded in `seconds`.
    `decided`, float64 (n,): seconds until a sample was proved or broken, infinity where open.
    """

    margins: torch.Tensor
    proved: torch.Tensor
    broken: torch.Tensor
    x_adv: Images
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
    attack: Attack = lambda _place, _starts: None,
    progress: Progress = silent,
) -> Proofs:
    """Proofs for samples `x` (n, ...) in [0, 1] of the right class `y` (n,), within `eps` in `norm`.

    `seconds` limits the time; the batch of bounds that is running then is finished. `attack` gets
    minimisers of relaxed domains as starts, and ends the search for a sample that it breaks. Samples are
    shared among copies of this process, one for each thread of torch. Errors as from `certify`.
    """
    if not seconds >= 0:
        raise MeasureError(f"expected seconds of 0 or more, got {seconds}; fix the call")
    if not len(y):
        none = torch.zeros_like(y, dtype=torch.bool)
        return Proofs(none.double(), none, none, x, 0, none.double(), 0.0)
    goal = Goal(checked_network(model, x, eps, norm), model, x, y, attack, progress)
    count = forks.useful(len(y)) if x.device.type == "cpu" else 1
    if count == 1:
        return _search(goal, eps, norm, seconds)
    with known_bounds():
        order = goal.own_margins().amin(1).argsort()
    parts = [order[number::count] for number in range(count)]

    def work(number: int, report: forks.Report) -> dict[str, Any]:
        found = _search(goal.part(parts[number], report), eps, norm, seconds)
        return {
            name: value.numpy() if isinstance(value, torch.Tensor) else value
            for name, value in vars(found).items()
        }

    found = forks.in_forks(work, count, lambda done: progress(BRANCHES, done, len(y)))
    return _joined(found, torch.cat(parts).argsort())


def _search(goal: Goal, eps: float, norm: str, seconds: float) -> Proofs:
    """The search for the samples of a goal, by this process, for at most so many seconds."""
    with known_bounds():
        if norm in SQUARES:
            run: Run = SquareRun(goal, int(eps))
        else:
            run = ProofRun(goal, lambda place: ball_of(goal.x[[place]], eps, norm))
        run.all(run.began + seconds)
    return Proofs(
        run.margins, run.proved, run.broken, run.x_adv, run.domains, run.decided, run.spent
    )


def _joined(found: list[dict[str, Any]], order: torch.Tensor) -> Proofs:
    """The proofs of several parts of the samples as one, in this order."""

    def joined(name: str) -> torch.Tensor:
        return torch.cat([torch.from_numpy(part[name]) for part in found])[order]

    return Proofs(
        *(joined("margins"), joined("proved"), joined("broken"), joined("x_adv")),
        domains=sum(part["domains"] for part in found),
        decided=joined("decided"),
        seconds=max(part["seconds"] for part in found),
    )
