"""The ladder and torchattacks' AutoAttack: seconds and survivors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch

from benchmarks.attacks import plain_copy
from benchmarks.peers import Run, batched
from benchmarks.proof_networks import NETWORKS, train, trained
from benchmarks.timing import interleaved, ratio
from securemnist import data
from securemnist.attacks.apgd import APGD, APGDT
from securemnist.attacks.fab import FAB
from securemnist.attacks.square import Square
from securemnist.evaluation.context import Context
from securemnist.evaluation.ladder import evaluate
from securemnist.evaluation.ladder_run import LadderRun
from securemnist.evaluation.ladders import BUDGETS, Ladder
from securemnist.models import loading
from securemnist.threats import Linf

# Reference model, eps, first test images, rounds. The peer takes a second or two for an image that
# survives.
CASES = (
    ("baseline", 0.3, 500, 9),
    ("hardened", 0.3, 500, 1),
    ("certified", 0.3, 500, 1),
)
# A small network of `proof_networks`, where the cost of a step beside its arithmetic counts.
SMALL = ("strided-adversarial-0", 0.3, 200, 3)
WHOLE = (("baseline", 0.3, 10_000), ("certified", 0.3, 10_000))
PEER = "torchattacks"
# The steps of AutoAttack as it was published (Croce and Hein 2020, arXiv 2003.01690); the peer has 10.
PUBLISHED_STEPS = 100
# Images that the peer is given at a time.
PEER_BATCH = 100
# The steps, targets and queries that the peer's attacks have by default, and nothing before them.
EQUAL = Ladder(
    (), (APGD(steps=10), APGDT(steps=10), FAB(steps=10), Square(queries=5000)), proves=False
)
OURS = {"standard": BUDGETS["standard"], "full": BUDGETS["full"], "the peer's budget": EQUAL}


def autoattack(model: torch.nn.Module, eps: float, steps: int = 10) -> Run:
    """Its "standard": APGD-CE, targeted APGD and FAB-T of `steps` each, Square of 5,000 queries."""
    import torchattacks

    attack = torchattacks.AutoAttack(model, norm="Linf", eps=eps, version="standard", seed=0)
    for part in attack._autoattack.attacks[:3]:
        part.steps = steps
    return batched(attack, PEER_BATCH)


def lab_of(name: str, images: int) -> Context:
    """Model and data, cut to the first `images` test samples."""
    mnist = data.load()
    small = name in NETWORKS
    subject = loading.from_model(trained(name), name=name) if small else loading.resolve(name)
    return Context(subject, dataclasses.replace(mnist, test=mnist.test[:images]))


def climbed(context: Context, ladder: Ladder, eps: float) -> LadderRun:
    """The attacks of a ladder on all samples of a lab, with certificates if the budget has any."""
    after = len(ladder.scouts) if ladder.proves else None
    sample = context.sample(len(context.data.test), 0)
    return evaluate(context, sample, ladder.attacks, Linf(eps), 0, before_crown=after)


def compare(name: str, eps: float, images: int, rounds: int) -> list[str]:
    """Markdown of one case; each side's accuracy is that of the network on its own images."""
    title = f"Ladder, {name}, {images:,} images, eps {eps}"
    print(title, flush=True)
    context, unbroken = lab_of(name, images), {}
    small = name in NETWORKS
    theirs = trained(name).requires_grad_(True) if small else plain_copy(name)
    x, y = context.data.test.images(), context.data.test.labels

    def ours(budget: str) -> Callable[[], None]:
        def work() -> None:
            found = climbed(context, OURS[budget], eps)
            unbroken[f"securemnist {budget}"] = found.outcomes.unbroken

        return work

    def attacked(side: str, peer: Run) -> Callable[[], None]:
        def work() -> None:
            x_adv = peer(x, y)
            with torch.no_grad():
                unbroken[side] = int((theirs(x_adv).argmax(1) == y).sum())

        return work

    sides = {f"securemnist {budget}": ours(budget) for budget in OURS}
    peers = {PEER: autoattack(theirs, eps)}
    if small:  # minutes elsewhere
        peers[f"{PEER}, {PUBLISHED_STEPS} steps"] = autoattack(theirs, eps, PUBLISHED_STEPS)
    sides |= {side: attacked(side, peer) for side, peer in peers.items()}
    timings = interleaved(sides, rounds)
    lines = [f"### {title}", "", "| library | seconds | faster than the peer | survivors |"]
    lines.append("|---|---|---|---|")
    for side, timing in timings.items():
        faster = "" if side == PEER else ratio(timings[PEER], timing)
        lines.append(f"| {side} | {timing} | {faster} | {unbroken[side]} |")
    print("\n".join(lines), flush=True)
    return [*lines, ""]


def verdict(name: str, eps: float, images: int) -> list[str]:
    """Markdown of a full ladder: seconds and survivors per stage."""
    title = f"Full ladder, {name}, {images:,} images, eps {eps}"
    print(title, flush=True)
    context = lab_of(name, images)
    found = climbed(context, BUDGETS["full"], eps)
    lines = [
        f"### {title}",
        "",
        "| stage | samples | broken | certified | seconds |",
        "|---|---|---|---|---|",
    ]
    falls = found.outcomes.waterfall
    lines += [
        f"| {f.stage} | {f.entered} | {f.fell} | {f.proved} | {f.seconds:.2f} |" for f in falls
    ]
    total = sum(fall.seconds for fall in falls)
    return [*lines, "", f"{total:.1f} s, {found.outcomes.unbroken} survivors.", ""]


def report() -> list[str]:
    """All comparisons of the ladder."""
    lines = [
        "The peer's `AutoAttack` uses 10 steps per attack (its defaults), nine targets and 5,000",
        "queries. `the peer's budget` is the same for our attacks, without first attacks and",
        "certificates. `standard` and `full` take more steps. Our seconds include the referee.",
        "",
    ]
    for case in CASES:
        lines += compare(*case)
    for case in WHOLE:
        lines += verdict(*case)
    return lines


def small_report() -> list[str]:
    """The comparison on a network of 0.2 million weights, adversarially trained."""
    name = SMALL[0]
    train(name, NETWORKS[name].epochs)  # four minutes, unless it is trained already
    return compare(*SMALL)
