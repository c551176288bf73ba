"""What AutoAttack breaks of the digits that the ladder leaves standing, for every reference model."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

import torch

from benchmarks.attacks import plain_copy
from benchmarks.ladder import autoattack, climbed, lab_of
from securemnist.evaluation.outcomes import SURVIVED
from securemnist.evaluation.stages import BUDGETS
from securemnist.subjects import reference_names

EPSILONS = (0.1, 0.3)
DIGITS = 100
BUDGET = "full"


def beside(case: tuple[str, float]) -> str:
    """A line of the table. A digit that has fallen to us needs no peer, nor does one that is proved."""
    name, eps = case
    print(f"  {name}, eps {eps}", flush=True)
    lab = lab_of(name, DIGITS)
    found = climbed(lab, BUDGETS[BUDGET], eps).outcomes
    left = found.codes == SURVIVED
    broken = 0
    if bool(left.any()):
        x, y = lab.data.test.images()[left], lab.data.test.labels[left]
        theirs = plain_copy(name)
        x_adv = autoattack(theirs, eps)(x, y)
        with torch.no_grad():
            broken = int((theirs(x_adv).argmax(1) != y).sum())
    return f"| {name} | {eps} | {found.standing} | {found.certified} | {broken} |"


def report() -> list[str]:
    """The table over all bundled models; nothing is timed, so each core takes models of its own."""
    print("agreement", flush=True)
    cases = [(name, eps) for name in reference_names() for eps in EPSILONS]
    with ProcessPoolExecutor(
        os.cpu_count(), multiprocessing.get_context("spawn"), torch.set_num_threads, (1,)
    ) as pool:
        lines = list(pool.map(beside, cases))
    return [
        "### The ladder and torchattacks' AutoAttack: what each leaves standing",
        "",
        f"The first {DIGITS} test digits, `{BUDGET}` ladder. The peer attacks what we have neither",
        "broken nor proved; what only it breaks stands in the last column.",
        "",
        "| model | eps | standing | of them proved | broken by the peer only |",
        "|---|---|---|---|---|",
        *lines,
        "",
    ]
