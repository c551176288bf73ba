"""Latency as a ratio: the model against a fixed piece of work, interleaved in one process.

A second depends on the machine and its neighbours; a ratio of two things timed in turn hardly does. The
calibration kernel is network A with fixed weights, so 1.0 means: as fast as network A, here and now.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import torch
from pydantic import ValidationInfo, field_validator

from securemnist.errors import NotApplicable, UsageError
from securemnist.evaluation.context import Lab
from securemnist.evaluation.pace import Pace
from securemnist.measures.base import Measure, Settings
from securemnist.models import loading
from securemnist.models.architectures import build
from securemnist.references import published
from securemnist.results.families import LATENCY
from securemnist.results.findings import Measurement
from securemnist.results.intervals import median_interval
from securemnist.runtime import denormals
from securemnist.types import Images

# A single call is too short for a clock; a round repeats it for about this long.
_ROUND_SECONDS = 0.02
_WARM_UP = 3
_LARGEST_RATIO = 1e4
# Below six rounds the interval of their median is not one of 95 %.
_FEWEST_ROUNDS = 6


class LatencySettings(Settings):
    """`batch` images a call; `rounds` pairs of timings; `against` another model instead of the kernel."""

    batch: int = 1
    rounds: int = 21
    against: str | None = None

    @field_validator("batch", "rounds")
    @classmethod
    def _some(cls, number: int, info: ValidationInfo) -> int:
        fewest = _FEWEST_ROUNDS if info.field_name == "rounds" else 1
        if not fewest <= number <= 10_000:
            raise ValueError(f"expected {info.field_name} from {fewest} to 10000, got {number}")
        return number


def latency_ratio(lab: Lab, settings: LatencySettings, seed: int) -> Measurement:
    """Median time of a batch by the model over that of the calibration kernel (or `against`).

    The interval is the distribution-free one of the median of the rounds' ratios; its bound decides.
    Raises NotApplicable under pytest-xdist, where other tests run at the same time.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        raise NotApplicable("latency needs the machine for itself; run without pytest-xdist (-n)")
    if settings.batch > len(lab.data.test):
        raise UsageError(
            f"expected a batch of at most {len(lab.data.test)} digits, got {settings.batch}; mend it"
        )
    began = time.perf_counter()
    x = lab.data.test[: settings.batch].images().to(lab.subject.device)
    other = _other(settings.against, lab.subject.device)
    with denormals.kept():  # as it is deployed
        model, kernel = _samples(lab.subject.model, other, x, settings.rounds)
    ratios = sorted(a / b for a, b in zip(model, kernel, strict=True))
    low, high = median_interval(ratios)
    per_image = sorted(model)[len(model) // 2] / settings.batch * 1e6
    return Measurement(
        value=ratios[len(ratios) // 2],
        low=low,
        high=high,
        n=settings.rounds,
        complete=False,
        seconds=time.perf_counter() - began,
        seed=seed,
        unit="ratio",
        evidence={
            "samples": {"model": model, "kernel": kernel},
            "microseconds_per_image": round(per_image, 2),
            "batch": settings.batch,
            "against": settings.against or "network A, fixed weights",
            "published": published.inference_times(),
        },
    )


def _other(spec: str | None, device: str) -> torch.nn.Module:
    if spec is not None:
        return loading.resolve(spec, device=device).model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build("A")
    return loading.from_model(network, name="kernel", device=device).model


def _samples(
    model: torch.nn.Module, kernel: torch.nn.Module, x: Images, rounds: int
) -> tuple[list[float], list[float]]:
    """Seconds of one call of each, A B A B ..., after a warm-up."""
    sides = model, kernel
    repeats = [_repeats(side, x) for side in sides]
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for side, count, taken in zip(sides, repeats, times, strict=True):
            taken.append(_timed(lambda side=side: side(x), count))  # type: ignore[misc]
    return times


def _repeats(model: torch.nn.Module, x: Images) -> int:
    """How often a round calls the model; warms it up on the way."""
    single = min(_timed(lambda: model(x), 1) for _ in range(_WARM_UP))
    return max(1, round(_ROUND_SECONDS / max(single, 1e-6)))


@torch.no_grad()
def _timed(call: Callable[[], object], count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        call()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return (time.perf_counter() - began) / count


def _estimate(settings: LatencySettings, pace: Pace) -> float:
    return settings.rounds * 2 * max(_ROUND_SECONDS, settings.batch * pace.seconds / 2)


LATENCY_RATIO = Measure(
    latency_ratio,
    LatencySettings,
    LATENCY,
    _estimate,
    good="at_most",
    limits=(0.0, _LARGEST_RATIO),
    unit="ratio",
)
