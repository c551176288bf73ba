"""Latency ratio: the time of the model over that of a calibration kernel, measured in turns.

Seconds depend on the machine and its load; a ratio of interleaved timings depends on them little.
The kernel is network A with fixed weights, so 1.0 means as fast as network A.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator, Sequence

import torch
from pydantic import ValidationInfo, field_validator

from securemnist.endpoint.network import RemoteModel
from securemnist.errors import NotApplicable, UsageError
from securemnist.evaluation.context import Context
from securemnist.evaluation.pace import Pace
from securemnist.measures.base import Measure, Settings, interval_measurement
from securemnist.measures.inputs import other_model
from securemnist.models import loading
from securemnist.models.architectures import ConvNetA
from securemnist.references import published
from securemnist.results.evidence.latency import LatencyEvidence
from securemnist.results.families import LATENCY
from securemnist.results.findings import Measurement
from securemnist.results.intervals import median_interval
from securemnist.runtime import denormals
from securemnist.types import Images

# Target seconds of a round, which repeats calls: a single call is too short for the clock.
_ROUND_SECONDS = 0.02
_WARM_UP = 3
# Calls take different images, at least so many where the test set has them, and two batches.
_IMAGES = 256
_LARGEST_RATIO = 1e4
# Fewest rounds for which a 95 % interval of their median exists.
_FEWEST_ROUNDS = 6
ROUNDS = 21


class LatencySettings(Settings):
    """`batch`: images a call; `rounds`: pairs of timings; `against`: a model instead of the kernel."""

    batch: int = 1
    rounds: int = ROUNDS
    against: str | None = None

    @field_validator("batch", "rounds")
    @classmethod
    def _some(cls, number: int, info: ValidationInfo) -> int:
        fewest = _FEWEST_ROUNDS if info.field_name == "rounds" else 1
        if not fewest <= number <= 10_000:
            raise ValueError(f"expected {info.field_name} from {fewest} to 10000, got {number}")
        return number

    def inputs(self, context: Context) -> dict[str, str]:
        """The weights of the reference."""
        spec = self.against
        return {} if spec is None else {spec: other_model(context, spec).digest}


def latency_ratio(context: Context, settings: LatencySettings, _seed: int) -> Measurement:
    """The latency ratio of the subject to the calibration kernel (or `against`)."""
    other = _other(settings.against, context)
    name = settings.against or "network A, fixed weights"
    return against(context, other, name, settings.batch, settings.rounds)


def against(
    context: Context,
    other: torch.nn.Module,
    name: str,
    batch: int,
    rounds: int = ROUNDS,
) -> Measurement:
    """Median time of a batch on the subject, divided by that on another model, called `name`.

    Each call takes the next batch of test images: time may depend on the image, or on those before.
    The interval is the distribution-free one of the median over rounds, and its bound decides.
    Raises NotApplicable under pytest-xdist, where other tests run at the same time.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        raise NotApplicable(
            "latency needs an otherwise idle machine; run without pytest-xdist (-n)"
        )
    if isinstance(other, RemoteModel) or context.subject.remote is not None:
        raise NotApplicable(
            "no weights: the network of an endpoint cannot be timed apart from its way"
        )
    if batch > len(context.data.test):
        raise UsageError(
            f"expected a batch of at most {len(context.data.test)} images, got {batch}; lower `batch`"
        )
    x = context.data.test[: max(2 * batch, _IMAGES)].images().to(context.subject.device)
    batches = x.split(batch)[: len(x) // batch]
    with denormals.preserved():  # denormals are not flushed in deployment
        model, kernel = _samples(context.subject.model, other, batches, rounds)
    ratios = sorted(a / b for a, b in zip(model, kernel, strict=True))
    per_image = sorted(model)[len(model) // 2] / batch * 1e6
    return interval_measurement(
        ratios[len(ratios) // 2],
        median_interval(ratios),
        rounds,
        complete=False,
        unit="ratio",
        evidence=LatencyEvidence(
            samples={"model": model, "kernel": kernel},
            microseconds_per_image=round(per_image, 2),
            batch=batch,
            against=name,
            published=published.inference_times() if context.data.pinned else [],
        ),
    )


def _other(spec: str | None, context: Context) -> torch.nn.Module:
    if spec is not None:
        return other_model(context, spec).model
    device, form = context.subject.device, context.data.spec
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = ConvNetA(form)
    return loading.from_model(network, name="kernel", device=device, input_spec=form).model


def _samples(
    model: torch.nn.Module, kernel: torch.nn.Module, batches: Sequence[Images], rounds: int
) -> tuple[list[float], list[float]]:
    """Mean seconds of a call of each in a round, in turns, after a warm-up."""
    sides = [(network, itertools.cycle(batches)) for network in (model, kernel)]
    repeats = [_repeats(*side) for side in sides]
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for side, count, seconds in zip(sides, repeats, times, strict=True):
            seconds.append(_timed(*side, count))
    return times


def _repeats(model: torch.nn.Module, images: Iterator[Images]) -> int:
    """Number of calls in a round; also warms the model up."""
    single = min(_timed(model, images, 1) for _ in range(_WARM_UP))
    return max(1, round(_ROUND_SECONDS / max(single, 1e-6)))


@torch.no_grad()
def _timed(model: torch.nn.Module, images: Iterator[Images], count: int) -> float:
    began = time.perf_counter()
    for x in itertools.islice(images, count):
        model(x)
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
