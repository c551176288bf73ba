"""FGSM and PGD-40 of securemnist and its peers, interleaved; only equal accuracies are compared."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch

from benchmarks import peers
from benchmarks.timing import Timing, interleaved, ratio
from securemnist import data
from securemnist.attacks import FGSM, PGD
from securemnist.attacks.base import BATCH, Attack
from securemnist.models import loading
from securemnist.models.architectures import build
from securemnist.threats import Linf
from securemnist.train.loop import accuracy_of

BATCHES = (64, 128, 256, 1000)
TRIAL = 1000
EPS = 0.3
STEPS, STEP_SIZE = 40, 0.01875


def plain_copy(name: str) -> torch.nn.Module:
    """The network as a user of the peer would have it: NCHW weights with gradients."""
    ours = loading.resolve(name)
    theirs = build(ours.architecture)
    theirs.load_state_dict(ours.model.state_dict())
    return theirs.eval()


def best_batch(peer: peers.Peer, x: torch.Tensor, y: torch.Tensor, name: str) -> int:
    """The batch size at which a peer is fastest on a few images; the first round warms up."""
    sizes = [size for size in BATCHES if size <= len(x)]
    timings = interleaved({f"{name} batch {b}": partial(peer(b), x, y) for b in sizes}, 2)
    return min(zip(timings.values(), sizes, strict=True), key=lambda pair: min(pair[0].seconds))[1]


def ours(model: torch.nn.Module, attack: Attack) -> peers.Run:
    """Our attack as a function from images and labels to adversarial images."""

    def run(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return attack.propose(model, x, y, threat=Linf(EPS), rng=torch.Generator().manual_seed(0))

    return run


def compare(
    title: str,
    attack: Attack,
    model: torch.nn.Module,
    plain: torch.nn.Module,
    theirs: dict[str, peers.Peer],
    images: int,
    rounds: int,
) -> list[str]:
    """Markdown of one comparison on the first `images` test images: seconds, ratio, accuracy.

    Each side attacks and reads its images again with its own copy of the network: `model` as we keep
    it, `plain` as the peers' users do.
    """
    print(title, flush=True)
    test = data.load().test[:images]
    x, y = test.images(), test.labels
    trial = min(TRIAL, images // 2)
    chosen = {n: best_batch(peer, x[:trial], y[:trial], n) for n, peer in theirs.items()}
    runs = {"securemnist": ours(model, attack)}
    runs |= {n: peer(chosen[n]) for n, peer in theirs.items()}
    left: dict[str, float] = {}
    adversarial: dict[str, torch.Tensor] = {}

    def read_again(side: str) -> float:
        if side == "securemnist":
            return accuracy_of(model, adversarial[side], y)
        with torch.no_grad():
            parts = [plain(part).argmax(1) for part in adversarial[side].split(chosen[side])]
        return float((torch.cat(parts) == y).float().mean())

    def attack_and_read(side: str) -> Callable[[], None]:
        def work() -> None:
            adversarial[side] = runs[side](x, y)
            left[side] = read_again(side)

        return work

    timings = interleaved({side: attack_and_read(side) for side in runs}, rounds)
    lines = [
        f"### {title}",
        "",
        "| library | batch | seconds (range) | securemnist is faster by | accuracy |",
    ]
    lines.append("|---|---|---|---|---|")
    for side, timing in timings.items():
        lines.append(
            _row(side, chosen.get(side, BATCH), timing, timings["securemnist"], left[side])
        )
    lines += ["", f"Best peer: {_best(timings)}."]
    if isinstance(attack, FGSM):
        same = float(
            (adversarial["securemnist"] - adversarial["ART"]).abs().lt(1e-6).float().mean()
        )
        lines[-1] += f" Pixels equal to ART's: {same:.4%}."
    return [*lines, ""]


def _row(side: str, batch: int, timing: Timing, own: Timing, left: float) -> str:
    faster = "" if side == "securemnist" else ratio(timing, own)
    return f"| {side} | {batch} | {timing} | {faster} | {left:.4f} |"


def _best(timings: dict[str, Timing]) -> str:
    rivals = {side: timing for side, timing in timings.items() if side != "securemnist"}
    best = min(rivals, key=lambda side: rivals[side].median)
    return f"{best}, we are {ratio(rivals[best], timings['securemnist'])} faster"


def report() -> list[str]:
    """All comparisons of attacks."""
    base, hard = plain_copy("baseline"), plain_copy("hardened")
    our_base, our_hard = (loading.resolve(name).model for name in ("baseline", "hardened"))
    pgd = PGD(steps=STEPS, step_size=STEP_SIZE)
    return [
        *compare(
            f"FGSM, baseline, 10,000 images, eps {EPS}",
            *(FGSM(), our_base, base, peers.fgsm_peers(base, EPS), 10_000, 3),
        ),
        *compare(
            f"PGD-{STEPS}, baseline, 512 images, eps {EPS}",
            *(pgd, our_base, base, peers.pgd_peers(base, EPS, STEPS, STEP_SIZE), 512, 3),
        ),
        *compare(
            f"PGD-{STEPS}, hardened, 512 images, eps {EPS}",
            *(pgd, our_hard, hard, peers.pgd_peers(hard, EPS, STEPS, STEP_SIZE), 512, 3),
        ),
    ]
