"""Write the figures of docs/robustness.md: `python -m benchmarks.robustness` (all test images).

With names of reference models only their rows are made again. `python -m benchmarks.robustness tuning`
prints those of the tuning split instead, which recipes and thresholds are chosen on. `... l2` makes the
table of L2: certificates of 1,000 test images, and the ladder on 100 of them.
"""

from __future__ import annotations

import copy
import dataclasses
import sys
import time
from functools import cached_property
from pathlib import Path

import torch
from torch import nn

from securemnist import data
from securemnist._util.resources import write_atomically
from securemnist.evaluation import certificate_stage
from securemnist.evaluation.context import Context
from securemnist.evaluation.ladder import evaluate
from securemnist.evaluation.ladders import BUDGETS
from securemnist.evaluation.outcomes import Outcomes
from securemnist.models import loading
from securemnist.models.architectures import Stretch
from securemnist.threats import L2, Linf

PAGE = Path(__file__).parent.parent / "docs" / "robustness.md"
EPS = (0.1, 0.2, 0.3)
# At this eps the images that no certificate covers are attacked, too.
ATTACKED = 0.3
BUDGET = "standard"
HEAD = "| model | eps | clean | certified | withstands the ladder | ... and a surrogate | seconds |"
L2_MODELS = ("certified", "certified_mnist", "hardened", "baseline")
L2_EPS = (0.03, 0.1, 0.3, 0.5, 1.0, 1.5)
# At these eps the ladder attacks, too.
L2_ATTACKED = (0.5, 1.0, 1.5)
L2_IMAGES, L2_LADDER = 1000, 100
L2_HEAD = (
    f"| model | eps | certified, {L2_IMAGES:,} images | withstands the ladder, {L2_LADDER} images |"
)


class StraightThrough(nn.Module):
    """The stretch without its clamp: where the clamp has no gradient, this has the line's."""

    def __init__(self, stretch: Stretch) -> None:
        super().__init__()
        self.a = stretch.a

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        line = (x - self.a) / (1 - 2 * self.a)
        return line + (line.clamp(0, 1) - line).detach()


class SurrogateLab(Context):
    """Attacks follow the gradients of a copy whose stretch lets them through; the referee does not."""

    @cached_property
    def target(self) -> nn.Module:
        model = copy.deepcopy(self.subject.model)
        for name, layer in list(model.named_modules()):
            if isinstance(layer, Stretch):
                model.set_submodule(name, StraightThrough(layer))
        return model


def stretched(context: Context) -> bool:
    """Whether the model has a layer that hides gradients."""
    return any(isinstance(layer, Stretch) for layer in context.subject.model.modules())


def labs(names: list[str], tuning: bool) -> list[Context]:
    """The reference models, each beside the whole set of images."""
    mnist = data.load()
    if tuning:
        mnist = dataclasses.replace(mnist, test=mnist.tuning)
    bound = [name for name in loading.reference_names() if name.startswith("certified")]
    return [Context(loading.resolve(name), mnist) for name in names or bound]


def line(context: Context, eps: float) -> str:
    """One row of the table: clean, certified and attacked share of all images."""
    sample = context.sample(len(context.data.test), 0)
    n = len(sample)
    began = time.perf_counter()
    clean = int((context.logits(sample.x).argmax(1) == sample.y).sum())
    left = through = ""
    if eps == ATTACKED:
        ladder = BUDGETS[BUDGET]
        found = evaluate(
            context, sample, ladder.attacks, Linf(eps), 0, before_crown=len(ladder.scouts)
        )
        certified, left = found.outcomes.certified, f"{found.outcomes.unbroken / n:.2%}"
        if stretched(context):
            through = (
                f"{found.outcomes.unbroken / n - broken_through(context, found.outcomes) / n:.2%}"
            )
    else:
        proved = certificate_stage.certify_and_attack(
            context, sample.x, sample.y, Linf(eps), crown=True, seed=0
        )
        certified = int(proved.proved.sum())
    seconds = f"{time.perf_counter() - began:.0f}" if left else ""
    shares = f"{clean / n:.2%} | {certified / n:.2%} | {left} | {through}"
    return f"| `{context.subject.name}` | {eps} | {shares} | {seconds} |"


def l2_line(context: Context, eps: float) -> str:
    """One row of the table of L2: certified share, and what withstands the ladder."""
    sample, left = context.sample(L2_IMAGES, 0), ""
    proved = certificate_stage.certify_and_attack(
        context, sample.x, sample.y, L2(eps), crown=True, seed=0
    )
    if eps in L2_ATTACKED:
        ladder, few = BUDGETS[BUDGET], context.sample(L2_LADDER, 0)
        found = evaluate(context, few, ladder.attacks, L2(eps), 0, before_crown=len(ladder.scouts))
        left = f"{found.outcomes.unbroken / L2_LADDER:.0%}"
    share = int(proved.proved.sum()) / L2_IMAGES
    return f"| `{context.subject.name}` | {eps} | {share:.1%} | {left} |"


def broken_through(context: Context, outcomes: Outcomes) -> int:
    """How many of the images that survived the ladder fall to one that sees through the stretch."""
    survived = context.sample(len(context.data.test), 0).places[outcomes.undecided]
    if not len(survived):
        return 0
    mnist = dataclasses.replace(context.data, test=context.data.test[survived])
    other = SurrogateLab(context.subject, mnist)
    found = evaluate(
        other, other.sample(len(survived), 0), BUDGETS[BUDGET].attacks, Linf(ATTACKED), 0
    )
    return len(survived) - found.outcomes.unbroken


def main(names: list[str], *, tuning: bool, l2: bool) -> None:
    """Measure, print, and write the rows into the page where the test images were measured."""
    for context in labs(names or list(L2_MODELS) * l2, tuning):
        made: list[str] = []
        for eps in L2_EPS if l2 else EPS:
            made.append((l2_line if l2 else line)(context, eps))
            print(made[-1], flush=True)
        if not tuning:
            rows = {context.subject.name: made}
            write(rows, "L2 figures" if l2 else "figures", L2_HEAD if l2 else HEAD)


def write(rows: dict[str, list[str]], name: str, head: str) -> None:
    """Put the rows of these models into the page's table of this name; those of others stay."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, rest = PAGE.read_text().split(begin)
    table, after = rest.split(end)
    kept: dict[str, list[str]] = {}
    for old in table.splitlines()[2:]:
        kept.setdefault(old.split("`")[1], []).append(old)
    merged = [row for _, group in sorted((kept | rows).items()) for row in group]
    table = "\n".join([head, "|---" * head.count(" | ") + "|---|", *merged])
    write_atomically(PAGE, f"{before}{begin}{table}\n{end}{after}".encode())


if __name__ == "__main__":
    words = sys.argv[1:]
    given = [word for word in words if word not in ("tuning", "l2")]
    main(given, tuning="tuning" in words, l2="l2" in words)
