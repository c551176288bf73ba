"""Batch dependence: what a digit is read as depends on the digits beside it.

A model that answers at random is asked with the same draws where they can be repeated, and otherwise
held by the means of many answers: its answers may vary, but not with the company of a digit.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from securemnist.evaluation.doubts.check_input import Case
from securemnist.evaluation.doubts.variation import differs, limit, varies
from securemnist.results.findings import Doubt
from securemnist.types import Images, Logits

ALONE, TOGETHER = 16, 128
# Of a model that varies: digits, answers whose mean is taken, and standard errors that two means may
# differ by. Of 160 comparisons of an honest one, one exceeds 7 in about 10,000 runs (Student's t).
FEW, MEAN_DRAWS, ERRORS = 8, 24, 7.0


def batch_dependence(case: Case) -> Doubt | None:
    """A digit's answer alone is not its answer among others, or among others in another order."""
    x = case.x[:TOGETHER]
    odd = _of_draws(case, x) if bool(varies(case).any()) else _of_answers(case, x)
    if not bool(odd.any()):
        return None
    return Doubt(
        name="batch dependence",
        reason=f"{int(odd.sum())} of {len(odd)} digits got another answer in other company",
        advice="Let each digit be answered on its own: no statistics of the batch (normalisation "
        "layers in eval mode), no memory between digits.",
    )


def _of_answers(case: Case, x: Images) -> torch.Tensor:
    """Boolean (n,): which of the digits are answered otherwise in other company."""
    together = case.answers(x, TOGETHER)
    turned = case.answers(x.flip(0), TOGETHER // 4).flip(0)
    alone = case.answers(x[:ALONE], 1)
    odd = differs(case, together, turned)
    odd[:ALONE] |= differs(case, together[:ALONE], alone)
    return odd


def _of_draws(case: Case, x: Images) -> torch.Tensor:
    """Boolean (few,): the same of the first digits, whose answers vary anyway."""
    few, rest = x[:FEW], x[FEW:]
    # The places and the size of a batch stay, so that equal seeds draw equal noise for these digits.
    one, other = torch.cat([few, rest]), torch.cat([few, 1 - rest.flip(0)])

    def beside(company: Images) -> Logits:
        return case.answers(company, TOGETHER)[: len(few)]

    odd = torch.zeros(len(few), dtype=torch.bool, device=x.device)
    if len(rest) and torch.equal(_seeded(beside, one), _seeded(beside, one)):
        odd |= differs(case, _seeded(beside, one), _seeded(beside, other))
    means = [_mean(beside, one), _mean(beside, other), _mean(lambda a: case.answers(a, 1), few)]
    for mean, error in means[1:]:
        off = (means[0][0] - mean).abs()
        most = ERRORS * (means[0][1].square() + error.square()).sqrt()
        odd |= (off > most + limit(case, means[0][0])[:, None]).any(1)
    return odd


def _seeded(ask: Callable[[Images], Logits], x: Images) -> Logits:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ask(x)


def _mean(ask: Callable[[Images], Logits], x: Images) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean of many answers and its standard error, float64 (n, 10) each."""
    answers = torch.stack([ask(x).double() for _ in range(MEAN_DRAWS)])
    return answers.mean(0), answers.std(0) / MEAN_DRAWS**0.5
