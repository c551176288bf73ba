"""The first requests to an endpoint: kind, precision, determinism and speed of its answers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from securemnist.endpoint.equal_answers import differs
from securemnist.endpoint.pixels import LEVELS, Pixels
from securemnist.endpoint.queries import Queries
from securemnist.endpoint.score_kind import are_probabilities, decimals_of
from securemnist.errors import ModelError

REPEATS = 5
_STATUS_OF_SIZE = ("status 400", "status 413", "status 422")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the probe found.

    `probabilities`: scores in [0, 1] that sum to 1; None where there are labels only. `decimals` of the
    scores, None where they are not rounded. `deterministic`: five equal answers to one image. `batch`:
    images a request. `rounds_inputs`: the service itself rounds floats to 8 bits. `seconds`: of a
    request with one image, median; `seconds_an_image`: in the largest batch.
    """

    classes: int
    labels_only: bool
    probabilities: bool | None
    decimals: int | None
    deterministic: bool
    batch: int
    batch_note: str
    rounds_inputs: bool
    seconds: float
    seconds_an_image: float

    def to_json(self) -> dict[str, Any]:
        """What describes the service, without times, for a report."""
        return {
            "answers": self.answers,
            "decimals": self.decimals,
            "deterministic": self.deterministic,
            "images a request": self.batch,
        }

    @property
    def answers(self) -> str:
        if self.labels_only:
            return "labels only"
        return "probabilities" if self.probabilities else "logits"

    def lines(self, pixels: Pixels) -> list[str]:
        rounding = (
            "not rounded" if self.decimals is None else f"rounded to {self.decimals} decimals"
        )
        inputs = "8 bits a value" if pixels.levels else "floats"
        inputs += " as PNG" if pixels.form == "png" else ""
        inputs += ", which the service rounds to 8 bits" if self.rounds_inputs else ""
        images = "image" if self.batch == 1 else "images"
        stable = (
            "equal answers to equal images"
            if self.deterministic
            else "VARYING answers to one image"
        )
        return [
            f"answers: {self.answers}" + ("" if self.labels_only else f", {rounding}"),
            f"inputs: {inputs}; {self.classes} classes; {stable}",
            f"batch: {self.batch} {images} a request{self.batch_note}; {1000 * self.seconds:.0f} ms for "
            f"one image, {1 / self.seconds_an_image:,.0f} images a second in batches",
        ]


def probe(queries: Queries, pixels: Pixels, x: np.ndarray, kind: str) -> Facts:
    """Ask about images `x` float32 (n, C, H, W); sets `queries.batch` to what the service takes.

    ModelError where the answers do not fit the description, NoAnswer where there are none.
    """
    numbers = pixels.numbers(x[:8])
    first, seconds = _repeated(queries, numbers[:1])
    singles = np.concatenate([queries.one_request(one[None]) for one in numbers])
    labels_only = singles.ndim == 1
    decimals = (
        None
        if labels_only
        else decimals_of(np.concatenate([singles, _unsure(queries, pixels, x[:8])]))
    )
    probabilities = None if labels_only else are_probabilities(singles, decimals, kind)
    batch_note, an_image = _fit_batch(queries, numbers, singles, decimals)
    return Facts(
        classes=len(queries.reader.classes),
        labels_only=labels_only,
        probabilities=probabilities,
        decimals=decimals,
        deterministic=not bool(differs(first, first[:1], decimals).any()),
        batch=queries.batch,
        batch_note=batch_note,
        rounds_inputs=pixels.levels is None and _rounds(queries, pixels, x[:1]),
        seconds=seconds,
        seconds_an_image=min(an_image, seconds),
    )


def _repeated(queries: Queries, one: np.ndarray) -> tuple[np.ndarray, float]:
    """Five answers to one image, and the median seconds of a request."""
    answers, seconds = [], []
    for _ in range(REPEATS):
        began = time.perf_counter()
        answers.append(queries.one_request(one))
        seconds.append(time.perf_counter() - began)
    return np.concatenate(answers), sorted(seconds)[REPEATS // 2]


def _unsure(queries: Queries, pixels: Pixels, x: np.ndarray) -> np.ndarray:
    """Answers to means of two images each: scores of 0 and 1 do not say how others are rounded."""
    means = pixels.numbers((x + np.roll(x, 1, 0)) / 2)
    return np.concatenate([queries.one_request(one[None]) for one in means])


def _fit_batch(
    queries: Queries, numbers: np.ndarray, singles: np.ndarray, decimals: int | None
) -> tuple[str, float]:
    """Halve the batch until it is taken; what was found, and seconds an image in it.

    A service whose answers in a batch differ from those alone is asked one image at a time.
    """
    wanted = queries.batch
    while queries.batch > 1:
        places = np.arange(queries.batch) % len(numbers)
        began = time.perf_counter()
        try:
            together = queries.one_request(numbers[places])
        except ModelError as error:
            if not any(status in str(error) for status in _STATUS_OF_SIZE):
                raise
            queries.batch //= 2
            continue
        seconds = (time.perf_counter() - began) / queries.batch
        if bool(differs(together, singles[places], decimals).any()):
            queries.batch = 1
            return ", because answers in a batch differ from those alone", np.inf
        return "" if queries.batch == wanted else f" ({wanted} were refused)", seconds
    return "" if wanted == 1 else f" ({wanted} were refused)", np.inf


def _rounds(queries: Queries, pixels: Pixels, one: np.ndarray) -> bool:
    """Whether a change of a quarter of a level has no effect, and one of eight levels has."""
    grey = np.rint(one * LEVELS).clip(16, LEVELS - 16) / LEVELS
    shifts = (0.0, 0.25 / LEVELS, 8 / LEVELS)
    at, near, far = (
        queries.one_request(pixels.numbers((grey + shift).astype(np.float32))) for shift in shifts
    )
    return bool((at == near).all() and (at != far).any())
