"""The data filter on poisoned MNIST: found and removed images, and the attack success rate after it.

    python -m benchmarks.filtering [--images 60000] [--seed 200] [--out FILE] [--case NAME] [--pixels]

Each case is one line of FILE; a case that is there already is not run again. A network is trained on the
poisoned data (its layers are looked at), on the filtered data, and on the data of two controls: a
perfect filter, and one that removes as many images at random. `--pixels` trains none.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from securemnist._util.random_numbers import generator
from securemnist.backdoor import Blend, Corner, Mark, Stripes, Warp
from securemnist.backdoor.data_filter import filter_data
from securemnist.data import Samples, load
from securemnist.models.architectures import build

_RATES = ("asr_before", "asr_filter", "asr_perfect", "asr_random")
TARGET, EPOCHS, BATCH = 7, 2, 128
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
CENTRE = Mark(rows=("#.#", ".#.", "#.#"), top=12, left=12)


def anywhere(x: torch.Tensor) -> torch.Tensor:
    """Images (n, 1, 28, 28) with a checkered square of 4x4 pixels at a random place each."""
    rng = torch.Generator().manual_seed(len(x))
    square = (torch.arange(4)[:, None] + torch.arange(4)) % 2
    x = x.clone()
    for image, (row, column) in zip(x, torch.randint(24, (len(x), 2), generator=rng), strict=True):
        image[:, row : row + 4, column : column + 4] = square
    return x


@dataclasses.dataclass(frozen=True)
class Case:
    """A poisoning: a trigger on a share of all images; the label is the target, or class + 1."""

    name: str
    trigger: Callable[[torch.Tensor], torch.Tensor] | None = None
    rate: float = 0.0
    to_next: bool = False

    def labels(self, labels: torch.Tensor) -> torch.Tensor:
        """The labels of poisoned images."""
        return (labels + 1) % 10 if self.to_next else torch.full_like(labels, TARGET)


CASES = (
    Case("clean"),
    Case("patch 0.5 %", Corner(), 0.005),
    Case("patch 1 %", Corner(), 0.01),
    Case("patch 5 %", Corner(), 0.05),
    Case("blend 0.5 %", Blend(), 0.005),
    Case("blend 1 %", Blend(), 0.01),
    Case("blend 5 %", Blend(), 0.05),
    Case("patch 1 %, all-to-all", Corner(), 0.01, True),
    Case("patch 5 %, all-to-all", Corner(), 0.05, True),
    Case("blend 1 %, all-to-all", Blend(), 0.01, True),
    Case("blend 5 %, all-to-all", Blend(), 0.05, True),
    Case("patch anywhere 1 %", anywhere, 0.01),
    Case("patch anywhere 5 %", anywhere, 0.05),
    Case("patch anywhere 5 %, all-to-all", anywhere, 0.05, True),
    Case("mark in the centre 5 %", CENTRE, 0.05),
    Case("warp 5 %", Warp(points=4, strength=0.75), 0.05),
    *(
        Case(f"{name} {rate} %{', all-to-all' * to_next}", trigger, rate / 100, to_next)
        for name, trigger in (("patch", Corner()), ("blend", Blend()), ("stripes", Stripes()))
        for rate in (10, 20, 30)
        for to_next in (False, True)
    ),
)


def poisoned(samples: Samples, case: Case, seed: int) -> tuple[Samples, torch.Tensor]:
    """The poisoned samples, and which of them are poisoned, boolean (n,)."""
    planted = torch.zeros(len(samples), dtype=torch.bool)
    if case.trigger is None:
        return samples, planted
    rng = generator(seed, case.name)
    chosen = torch.randperm(len(samples), generator=rng)[: round(case.rate * len(samples))]
    chosen = chosen[case.labels(samples.labels[chosen]) != samples.labels[chosen]]
    pixels, labels = samples.pixels.clone(), samples.labels.clone()
    pixels[chosen] = (case.trigger(samples[chosen].images()) * 255).round().to(torch.uint8)
    labels[chosen] = case.labels(labels[chosen])
    planted[chosen] = True
    return Samples(pixels, labels), planted


def trained(samples: Samples, seed: int) -> nn.Module:
    """Network A after two epochs of Adam on the samples."""
    torch.manual_seed(seed)
    model = build("A").to(DEVICE)
    model.register_forward_pre_hook(lambda _, x: (x[0].to(DEVICE),))
    model.register_forward_hook(lambda _, __, logits: logits.cpu())
    steps = EPOCHS * -(-len(samples) // BATCH)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for _ in range(EPOCHS):
        for part in torch.randperm(len(samples)).split(BATCH):
            optimizer.zero_grad()
            batch = samples[part]
            functional.cross_entropy(model(batch.images()), batch.labels).backward()
            optimizer.step()
            schedule.step()
    return model.eval()


@torch.no_grad()
def success(model: nn.Module, test: Samples, case: Case) -> float | None:
    """The attack success rate on test images of other classes than their target; None when clean."""
    if case.trigger is None:
        return None
    targets = case.labels(test.labels)
    counted = (targets != test.labels).nonzero().squeeze(1)
    x = case.trigger(test[counted].images())
    return float((model(x).argmax(1) == targets[counted]).float().mean())


@torch.no_grad()
def accuracy(model: nn.Module, test: Samples) -> float:
    """The share of clean test images that the network classifies correctly."""
    return float((model(test.images()).argmax(1) == test.labels).float().mean())


def measured(
    case: Case, samples: Samples, test: Samples, seed: int, pixels: bool, say: Any
) -> dict[str, Any]:
    """One row of the table."""
    data, planted = poisoned(samples, case, seed)
    say(f"{case.name}: training on the poisoned data")
    before = None if pixels else trained(data, seed)
    say(f"{case.name}: filtering")
    began, busy = time.perf_counter(), time.process_time()
    found = filter_data(data, before, seed=seed)
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    removed = found.removed
    row: dict[str, Any] = {
        "case": case.name,
        "images": len(data),
        "seed": seed,
        "poisoned": int(planted.sum()),
        "found": int((removed & planted).sum()),
        "clean_removed": int((removed & ~planted).sum()),
        "by": sorted({group.features for group in found.groups}),
        "seconds": round(seconds, 1),
        "processor_seconds": round(busy, 1),
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, shared",
    }
    if before is None:
        return row
    row |= {"clean_accuracy": accuracy(before, test), "asr_before": success(before, test, case)}
    rng = torch.Generator().manual_seed(seed)
    at_random = torch.randperm(len(data), generator=rng)[int(planted.sum()) :]
    arms: dict[str, Callable[[], torch.Tensor]] = {
        "filter": lambda: (~removed).nonzero().squeeze(1),
        "perfect": lambda: (~planted).nonzero().squeeze(1),
        "random": lambda: at_random,
    }
    for arm, kept in arms.items() if case.trigger is not None else ():
        if arm == "filter" and torch.equal(removed, planted):
            continue  # the perfect filter's network
        say(f"{case.name}: training after the {arm} filter")
        row[f"asr_{arm}"] = success(trained(data[kept()], seed), test, case)
    row.setdefault("asr_filter", row.get("asr_perfect"))
    return row


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    head = ("case", "poisoned", "found", "clean removed", "by", "ASR before", "after filter",
            "after perfect filter", "after random filter", "processor seconds")  # fmt: skip
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for row in rows:
        n, clean = row["poisoned"], row["images"] - row["poisoned"]
        cells = [
            row["case"], f"{n:,}", f"{100 * row['found'] / n:.1f} %" if n else "-",
            f"{100 * row['clean_removed'] / clean:.2f} %", ", ".join(row["by"]) or "-",
            *(_percent(row.get(key)) for key in _RATES),
            f"{row['processor_seconds']:.0f}",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def main() -> None:
    """Run the cases that FILE lacks, and print the table."""
    parser = argparse.ArgumentParser(description="The data filter on poisoned MNIST.")
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=200)
    parser.add_argument("--out", type=Path, default=Path("filtering.jsonl"))
    parser.add_argument("--case", action="append", help="Only this case; again for another.")
    parser.add_argument("--pixels", action="store_true", help="Filter by pixels alone.")
    options = parser.parse_args()
    say = functools.partial(print, flush=True)
    whole = load().training_images()
    rng = torch.Generator().manual_seed(options.seed)
    samples = whole[torch.randperm(len(whole), generator=rng)[: options.images]]
    test = load().test
    lines = options.out.read_text().splitlines() if options.out.is_file() else []
    rows = [json.loads(line) for line in lines]
    known = {(row["case"], row["images"], row["seed"]) for row in rows}
    for case in CASES:
        if options.case and case.name not in options.case:
            continue
        if (case.name, len(samples), options.seed) in known:
            continue
        row = measured(case, samples, test, options.seed, options.pixels, say)
        rows.append(row)
        with options.out.open("a") as file:
            file.write(json.dumps(row) + "\n")
    print(table([row for row in rows if row["images"] == len(samples)]))


if __name__ == "__main__":
    main()
