"""Cost of our attacks: arithmetic, number of samples, memory."""

from __future__ import annotations

import subprocess  # nosec B404 # fixed lists, no shell
import sys
import time
from collections.abc import Callable
from functools import partial

import torch

from benchmarks.timing import Timing, interleaved
from securemnist import data
from securemnist.attacks import FGSM, PGD
from securemnist.attacks.base import Attack
from securemnist.models import loading
from securemnist.threats import Linf
from securemnist.train.loop import accuracy_of

EPS = 0.3
SIZES = (1_250, 2_500, 5_000, 10_000)
ROUNDS = 3
# Network A forward, and the same again for the gradient by the pixels; an image, in FLOP.
FORWARD = 8.5e6
_PEAK = """
import resource, sys
from benchmarks.scaling import run
run(int(sys.argv[1]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def run(images: int, attack: Attack | None = None) -> None:
    """FGSM (or `attack`) on the baseline's first samples, and the prediction on its images."""
    test = data.load().test[:images]
    model, x, y = loading.resolve("baseline").model, test.images(), test.labels
    rng = torch.Generator().manual_seed(0)
    x_adv = (attack or FGSM()).propose(model, x, y, threat=Linf(EPS), rng=rng)
    accuracy_of(model, x_adv, y)


def gemm_rate() -> float:
    """Float32 matrix products, FLOP a second: the best of a few."""
    size = 1536
    a, b = torch.rand(size, size), torch.rand(size, size)
    best = 0.0
    for _ in range(12):
        began = time.perf_counter()
        torch.mm(a, b)
        best = max(best, 2 * size**3 / (time.perf_counter() - began))
    return best


def straightness(points: dict[int, float]) -> tuple[float, float]:
    """Least squares fit, seconds = a + b n: seconds per thousand samples, largest relative residual."""
    n = torch.tensor(list(points), dtype=torch.float64)
    seconds = torch.tensor(list(points.values()), dtype=torch.float64)
    design = torch.stack([torch.ones_like(n), n], 1)
    a, b = torch.linalg.lstsq(design, seconds[:, None]).solution.squeeze(1).tolist()
    off = float(((a + b * n - seconds).abs() / seconds).max())
    return b * 1000, off


def _peak_mebibytes(images: int) -> float:
    command = [sys.executable, "-c", _PEAK, str(images)]
    done = subprocess.run(  # nosec B603 # a program of ours
        command, check=True, capture_output=True, text=True
    )
    return int(done.stdout.split()[-1]) / 1024


def _cost(title: str, attack: Attack, sizes: tuple[int, ...]) -> tuple[dict[int, Timing], str]:
    sides: dict[str, Callable[[], object]] = {f"{n:,}": partial(run, n, attack) for n in sizes}
    timings = dict(zip(sizes, interleaved(sides, ROUNDS).values(), strict=True))
    slope, off = straightness({n: timing.median for n, timing in timings.items()})
    line = (
        f"{title}: {slope:.3f} s per thousand samples; the largest residual of a linear fit "
        f"is {off:.0%}."
    )
    return timings, line


def report() -> list[str]:
    """Markdown: arithmetic, cost over samples, peak memory."""
    print("scaling", flush=True)
    rate = gemm_rate()
    fgsm, straight = _cost("FGSM", FGSM(), SIZES)
    pgd, pgd_straight = _cost("PGD-10", PGD(steps=10), SIZES[:3])
    floor = 3 * FORWARD * SIZES[-1] / rate
    seconds = fgsm[SIZES[-1]].median
    lines = [
        "### Cost of an attack: arithmetic, number of samples, memory",
        "",
        "Baseline, eps 0.3; seconds include the prediction on the adversarial images.",
        "",
        "| samples | FGSM | PGD-10 on the samples not yet broken |",
        "|---|---|---|",
    ]
    for n in SIZES:
        lines.append(f"| {n:,} | {fgsm[n]} | {pgd.get(n, '')} |")
    peaks = [(n, _peak_mebibytes(n)) for n in (SIZES[0], SIZES[-1])]
    memory = ", ".join(f"{peak:,.0f} MiB for {n:,} samples" for n, peak in peaks)
    return [
        *lines,
        "",
        f"{straight} {pgd_straight}",
        "",
        f"Matrix products run at {rate / 1e9:.0f} GFLOP/s here. Forward pass, gradient by the pixels",
        f"and prediction are {3 * FORWARD / 1e6:.1f} MFLOP per sample. That takes at least",
        f"{floor:.2f} s for {SIZES[-1]:,} samples; FGSM reaches {floor / seconds:.0%} of that",
        f"speed. Peak memory of the process, with Python and torch: {memory}.",
        "",
    ]
