"""Inference time in batches of 1,000, and the time of its arithmetic alone."""

from __future__ import annotations

import dataclasses
from functools import partial

import torch
from torch import nn

from benchmarks.scaling import gemm_rate
from benchmarks.timing import interleaved
from securemnist import data
from securemnist.batches import channels_last
from securemnist.models import loading
from securemnist.runtime.malloc import keep_freed_memory

BATCH, ROUNDS = 1_000, 21
MODELS = ("baseline", "network_c", "network_d", "certified")


@torch.no_grad()
def arithmetic(model: nn.Module, image: torch.Tensor) -> int:
    """Multiplications and additions of the convolutions and linear maps on one image, in FLOP."""
    counted: list[int] = []

    def count(layer: nn.Module, _: object, out: torch.Tensor) -> None:
        weight = layer.get_parameter("weight")
        counted.append(2 * weight[0].numel() * out[0].numel())

    layers = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        model(image)
    finally:
        for hook in hooks:
            hook.remove()
    return sum(counted)


def report() -> list[str]:
    """Markdown: microseconds per image, and those of its arithmetic alone."""
    print("inference", flush=True)
    keep_freed_memory()  # as `assess` does
    x = channels_last(data.load().test[:BATCH].images())
    models = {name: loading.resolve(name) for name in MODELS}
    rate = gemm_rate()
    with torch.no_grad():
        timings = interleaved(
            {name: partial(subject.model, x) for name, subject in models.items()}, ROUNDS
        )
    lines = [
        f"### Inference in batches of {BATCH:,}",
        "",
        "| model | network | MFLOP per image | arithmetic alone, us | us per image (range) |",
        "|---|---|---|---|---|",
    ]
    for name, subject in models.items():
        flop = arithmetic(subject.model, x[:1])
        scale = 1e6 / BATCH
        found = dataclasses.replace(
            timings[name], seconds=tuple(scale * taken for taken in timings[name].seconds)
        )
        shown = f"{found.median:.0f} ({min(found.seconds):.0f}-{max(found.seconds):.0f})"
        floor = flop / rate * 1e6
        lines.append(
            f"| {name} | {subject.architecture} | {flop / 1e6:.1f} | {floor:.0f} | {shown} |"
        )
    return [
        *lines,
        "",
        f"Matrix products run at {rate / 1e9:.0f} GFLOP/s here.",
        "",
    ]
