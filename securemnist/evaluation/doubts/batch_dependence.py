"""Batch dependence: what a digit is read as depends on the digits beside it."""

from __future__ import annotations

from securemnist.evaluation.doubts.case import Case
from securemnist.evaluation.doubts.variation import differs, variation
from securemnist.findings import Doubt

ALONE, TOGETHER = 16, 128


def batch_dependence(case: Case) -> Doubt | None:
    """A digit's answer alone is not its answer among others, or among others in another order.

    Nothing is said of a model that varies anyway.
    """
    x = case.x[:TOGETHER]
    together = case.answers(x, TOGETHER)
    turned = case.answers(x.flip(0), TOGETHER // 4).flip(0)
    alone = case.answers(x[:ALONE], 1)
    odd = differs(together, turned)
    odd[:ALONE] |= differs(together[:ALONE], alone)
    if not bool(odd.any()) or variation(case) is not None:
        return None
    return Doubt(
        name="batch dependence",
        reason=f"{int(odd.sum())} of {len(x)} digits got another answer in other company",
        advice="Let each digit be answered on its own: no statistics of the batch (normalisation "
        "layers in eval mode), no memory between digits.",
    )
