"""Accuracy under corruptions: the mean over their kinds and severities, and of the worst kind.

Images, kinds and random numbers are those of `corruptions`. Both rows share the answers.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from dataclasses import dataclass

import torch
from pydantic import Field, field_validator, model_validator

from securemnist.corruptions import (
    CORRUPTIONS,
    MOST_SEVERE,
    Corruption,
    benchmark_for,
    kinds_for,
)
from securemnist.data.thumbnail import thumbnail
from securemnist.evaluation.context import Context, Sample
from securemnist.evaluation.doubts.changed_images import Asked
from securemnist.input_spec import InputSpec
from securemnist.measures.base import (
    AnswerSettings,
    Measure,
    answer_seconds,
    as_value_error,
    interval_measurement,
    unreliable_reason,
)
from securemnist.models.predictions import is_wrong, tied
from securemnist.results.evidence.images import Picture
from securemnist.results.evidence.natural import CorruptionEvidence, CorruptionResult
from securemnist.results.evidence.tables import CorruptionTable
from securemnist.results.families import NATURAL
from securemnist.results.findings import Measurement
from securemnist.results.intervals import share_interval

_KINDS = max(map(len, CORRUPTIONS.values()))
_PART_VALUES = 2**24  # values of the images that are held at once
_PICTURE_SIDE = 32  # pixels: there are many pictures
_SECONDS = 3e-4  # of one corruption of one image of MNIST


class CorruptionSettings(AnswerSettings):
    """`benchmark`: "mnist-c" or "cifar-10-c", by default what is usual for the number of channels.

    `kinds`: some of its corruptions; default: all that apply. `severities`: of 1 to 5; default: all.
    """

    benchmark: str | None = None
    kinds: list[str] | None = Field(default=None, min_length=1)
    severities: list[int] = Field(
        default_factory=lambda: list(range(1, MOST_SEVERE + 1)),
        min_length=1,
        max_length=MOST_SEVERE,
    )

    @field_validator("benchmark")
    @classmethod
    def _known(cls, benchmark: str | None) -> str | None:
        if benchmark is not None and benchmark not in CORRUPTIONS:
            raise ValueError(f"expected {' or '.join(CORRUPTIONS)}, got {benchmark!r:.40}")
        return benchmark

    @model_validator(mode="after")
    def _valid(self) -> CorruptionSettings:
        """Raise ValueError for an unknown kind or severity, and for one that is named twice."""
        for name, values in (("kinds", self.kinds or []), ("severities", self.severities)):
            if len(set(values)) < len(values):
                raise ValueError(f"expected different {name}, got one twice; remove it")
        benchmarks = CORRUPTIONS if self.benchmark is None else {self.benchmark}
        with as_value_error():
            for severity in self.severities:
                Corruption(kind="fog", severity=severity)
            for kind in self.kinds or ():
                known = next((one for one in benchmarks if kind in CORRUPTIONS[one]), None)
                Corruption(kind=kind, benchmark=known or next(iter(benchmarks)))
        return self

    def chosen(self, spec: InputSpec) -> tuple[str, list[str], dict[str, str]]:
        """The benchmark, its kinds to measure, and for each kind left out why it does not apply.

        UsageError for a kind that was asked for and does not apply.
        """
        benchmark = self.benchmark or benchmark_for(spec.channels)
        kinds, left_out = kinds_for(benchmark, spec.channels)
        if self.kinds is None:
            return benchmark, kinds, left_out
        for kind in self.kinds:
            Corruption(kind=kind, benchmark=benchmark).check_fits(spec.channels)
        return benchmark, self.kinds, {}

    @property
    def answers_an_image(self) -> int:
        """Questions to the model about each image, at most."""
        return 1 + len(self.kinds or range(_KINDS)) * len(self.severities)


@dataclass(frozen=True)
class _Answers:
    """Answers to n corrupted images: `right` boolean (kinds, severities, n), and pictures of one.

    `asked`: some of these images, and their logits.
    """

    right: torch.Tensor
    ties: int
    pictures: list[list[Picture]]
    asked: tuple[torch.Tensor, ...]


def corruption_accuracy(context: Context, settings: CorruptionSettings, seed: int) -> Measurement:
    """Share of corrupted images that are classified right: the mean over kinds and severities.

    Its interval is that of a share of as many images as the sample has, which is wide enough: the mean
    of several answers to an image varies no more than one answer.
    """
    answers, evidence, complete = _measured(context, settings, seed)
    n = answers.right.shape[2]
    value = float(answers.right.double().mean())
    return interval_measurement(
        value,
        _mean_interval(value, n),
        n,
        complete=complete,
        evidence=evidence,
        inconclusive=unreliable_reason(context, settings, *answers.asked),
    )


def worst_corruption_accuracy(
    context: Context, settings: CorruptionSettings, seed: int
) -> Measurement:
    """Accuracy under the kind of corruption with the lowest one, the mean over its severities.

    `low` is the lowest bound of any kind, which a pass needs for every one.
    """
    answers, evidence, complete = _measured(context, settings, seed)
    n = answers.right.shape[2]
    values = answers.right.double().mean((1, 2)).tolist()
    worst = min(range(len(values)), key=lambda k: (values[k], k))
    results = evidence.corruptions or []
    shown = [
        one if k == worst else dataclasses.replace(one, pictures=[])
        for k, one in enumerate(results)
    ]
    low = min(_mean_interval(value, n)[0] for value in values)
    return interval_measurement(
        values[worst],
        (low, _mean_interval(values[worst], n)[1]),
        n,
        complete=complete,
        evidence=dataclasses.replace(evidence, worst=results[worst].kind, corruptions=shown),
        inconclusive=unreliable_reason(context, settings, *answers.asked),
    )


def _mean_interval(value: float, n: int) -> tuple[float, float]:
    """The interval of a mean of n numbers in [0, 1]: that of n answers, hits rounded outwards."""
    hits = value * n
    low = share_interval(math.floor(hits + 1e-9), n)[0]
    return low, share_interval(math.ceil(hits - 1e-9), n)[1]


def _measured(
    context: Context, settings: CorruptionSettings, seed: int
) -> tuple[_Answers, CorruptionEvidence, bool]:
    """The answers, the evidence, and whether the number is exact for these random numbers."""
    sample = context.sample(settings.images, seed)
    benchmark, kinds, left_out = settings.chosen(context.data.spec)
    chosen = [
        [
            Corruption(kind=kind, severity=severity, benchmark=benchmark)
            for severity in settings.severities
        ]
        for kind in kinds
    ]
    key = ("corruptions", sample.order, seed, settings.randomised, *map(tuple, chosen))
    answers = context.cached(key, lambda: _answers(context, sample, chosen, seed))
    clean = context.clean_logits(sample)
    evidence = CorruptionEvidence(
        benchmark=benchmark,
        severities=settings.severities,
        corruptions=[
            CorruptionResult(kind=kind, accuracy=shares.tolist(), pictures=pictures)
            for kind, shares, pictures in zip(
                kinds, answers.right.double().mean(2), answers.pictures, strict=True
            )
        ],
        clean=float((~is_wrong(clean, sample.samples.labels)).double().mean()),
        ties=answers.ties,
        picture=int(sample.places[0]),
        left_out=left_out,
        answers=CorruptionTable.of(
            answers.right.numpy(), labels=sample.samples.labels.numpy(), **sample.record
        ),
    )
    return answers, evidence, sample.complete and not settings.randomised


def _answers(
    context: Context, sample: Sample, chosen: list[list[Corruption]], seed: int
) -> _Answers:
    """The model's answers to every corruption of every image, part by part."""
    n, total = len(sample), sum(map(len, chosen))
    part = max(1, _PART_VALUES // context.data.spec.size)
    right = torch.empty((len(chosen), len(chosen[0]), n), dtype=torch.bool)
    pictures: list[list[Picture]] = [[] for _ in chosen]
    ties, done, asked = 0, 0, Asked(context)
    for start in range(0, n, part):
        samples = sample.samples[start : start + part]
        x, y = samples.images(), samples.labels
        places = sample.places[start : start + part].tolist()
        for k, kind in enumerate(chosen):
            for s, corruption in enumerate(kind):
                corrupted = corruption(x, places, seed)
                logits = asked.ask(corrupted)
                right[k, s, start : start + len(y)] = ~is_wrong(logits, y)
                ties += int(tied(logits, y).sum())
                if not start:
                    pictures[k].append(_picture(corrupted[0]))
                done += len(y)
                context.progress(corruption.kind.replace("_", " "), done, n * total)
    return _Answers(right, ties, pictures, asked.pair)


def _picture(image: torch.Tensor) -> Picture:
    """A picture of an image, reduced to 32 pixels a side."""
    longest = max(image.shape[1:])
    if longest > _PICTURE_SIDE:
        size = [max(1, round(side * _PICTURE_SIDE / longest)) for side in image.shape[1:]]
        image = torch.nn.functional.interpolate(image[None], size, mode="area")[0]
    return thumbnail(image)


_estimate = functools.partial(answer_seconds, beside=_SECONDS)
CORRUPTION_ACCURACY = Measure(corruption_accuracy, CorruptionSettings, NATURAL, _estimate)
WORST_CORRUPTION_ACCURACY = Measure(
    worst_corruption_accuracy, CorruptionSettings, NATURAL, _estimate
)
