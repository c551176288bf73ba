"""Two other statistics of a scan, on a zoo: `python -m benchmarks.zoo.alternatives FOLDER`.

It prints how well each tells the evaluation networks with a backdoor from the clean ones, by AUROC. A
statistic has a value for each class, and is compared with the references as sizes are.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from safetensors.torch import load_file
from scipy import stats
from torch import nn

from benchmarks.zoo.networks import network
from securemnist.backdoor.scan.statistics import judged
from securemnist.data import load

CLASSES, STARTS, STEPS, RATE = 10, 16, 100, 0.03
IMAGES, EPS, SHIFTS = 96, 2.0, 10  # of the shifts of images off the data; eps in L2

Score = Callable[[nn.Module], torch.Tensor]


def main(folder: Path) -> None:
    """Measure each statistic on each network, and print the AUROC by kind of backdoor."""
    images = _off_data(load().tuning[:IMAGES].images())
    scores: dict[str, Score] = {
        "largest margin": largest_margins,
        "rise off the data": lambda model: rises(model, images),
    }
    for title, score in scores.items():
        references = [{title: _inverse(score(model))} for _, model in _zoo(folder, "reference")]
        found: dict[str, list[float]] = {}
        seconds = []
        for backdoor, model in _zoo(folder, "evaluation"):
            began = time.perf_counter()
            own = {title: _inverse(score(model))}
            seconds.append(time.perf_counter() - began)
            # The last map has no value of its own; it repeats the median and decides nothing.
            found.setdefault(backdoor, []).append(judged(own, references)[0].probability)
        clean = found.pop("")
        print(f"{title}: {sum(seconds) / len(seconds):.1f} s a network", flush=True)
        for backdoor, values in found.items():
            auroc = stats.mannwhitneyu(clean, values).statistic / len(clean) / len(values)
            print(f"  {backdoor}: {len(values)}, AUROC {auroc:.3f}", flush=True)


def largest_margins(model: nn.Module) -> torch.Tensor:
    """The largest logit margin of each class in [0, 1]^d, (C,), from random starts.

    Wang et al. 2024 (MM-BD, arXiv 2205.06900): the target of a backdoor has a larger one.
    """
    rng = torch.Generator().manual_seed(0)
    x = torch.rand((CLASSES * STARTS, 1, 28, 28), generator=rng).requires_grad_()
    own = torch.eye(CLASSES, dtype=torch.bool).repeat_interleave(STARTS, 0)
    optimizer = torch.optim.Adam([x], lr=RATE)
    for _ in range(STEPS):
        logits = model(x)
        margins = logits[own] - logits.masked_fill(own, -torch.inf).amax(1)
        (x.grad,) = torch.autograd.grad(-margins.sum(), x)
        optimizer.step()
        with torch.no_grad():
            x.clamp_(0, 1)
    largest: torch.Tensor = margins.detach().view(CLASSES, STARTS).amax(1)
    return largest


def rises(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The mean rise of each class's probability by shifts within an L2 ball, (C,), of images (n, ...).

    Mirzaei et al. 2024 (TRODO, arXiv 2501.17151) shift images off the data; here towards each class.
    """
    found = []
    for target in range(CLASSES):
        shift = torch.zeros_like(x)
        for _ in range(SHIFTS):
            shift.requires_grad_()
            logs = model((x + shift).clamp(0, 1)).log_softmax(1)[:, target]
            (gradient,) = torch.autograd.grad(logs.sum(), shift)
            shift = shift.detach() + 2.5 * EPS / SHIFTS * gradient / _norms(gradient)
            shift = shift * (EPS / _norms(shift)).clamp(max=1)
        with torch.no_grad():
            after, before = (model(i).softmax(1)[:, target] for i in ((x + shift).clamp(0, 1), x))
        found.append((after - before).mean())
    return torch.stack(found)


def _off_data(x: torch.Tensor) -> torch.Tensor:
    """Near but off the data: digits that are turned, and digits with half of another one."""
    turned, mixed = x.clone().split(len(x) // 2)
    mixed[..., :14] = mixed.roll(1, 0)[..., 14:]
    return torch.cat([turned.rot90(1, (2, 3)), mixed])


def _norms(x: torch.Tensor) -> torch.Tensor:
    norms: torch.Tensor = x.flatten(1).norm(dim=1).clamp_min(1e-9)
    return norms.view(-1, 1, 1, 1)


def _inverse(values: torch.Tensor) -> torch.Tensor:
    """One over the values, (C + 1,): as a size, it is small where a class stands out."""
    inverse = 1 / values.clamp_min(1e-6)
    return torch.cat([inverse, inverse.median()[None]])


def _zoo(folder: Path, role: str) -> Iterator[tuple[str, nn.Module]]:
    """Backdoor and network of the members of a role."""
    for file in sorted(folder.glob(f"{role}*.json")):
        record = json.loads(file.read_text())
        model = network(record["architecture"])
        model.load_state_dict(load_file(file.with_suffix(".safetensors")))
        yield record["backdoor"], model.eval().requires_grad_(False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
