"""Base classes of measures: settings that a row binds, and the Measure that uses them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from securemnist.errors import UsageError
from securemnist.evaluation.context import Context
from securemnist.evaluation.doubts import prediction_doubts
from securemnist.evaluation.ladders import LADDER, Ladder, make_ladder
from securemnist.evaluation.pace import CROWN_PASSES, INTERVAL_PASSES, Pace
from securemnist.input_spec import MOST_CLASSES
from securemnist.results.families import Family
from securemnist.results.findings import Measurement
from securemnist.results.intervals import share_interval
from securemnist.threats import Threat, make_threat

DEFAULT_TIER = "standard"
# A hundred times the tolerance of the referee, which would dominate a smaller eps.
SMALLEST_EPS = 1e-4
_QUICK = 10.0  # seconds of a measure that has no estimate
# Accuracy of guessing among the most classes that data may have; `check_data` knows their number.
LEAST_CHANCE = 1 / MOST_CLASSES


class Settings(BaseModel):
    """Base class of every measure's settings: strict types, no unknown key."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class ImageSettings(Settings):
    """Settings of a measure on `images` test images; None: the whole test set."""

    images: int | None = None

    @field_validator("images")
    @classmethod
    def _some(cls, images: int | None) -> int | None:
        if images is not None and images < 1:
            raise ValueError(f"expected at least 1 image, got {images}")
        return images

    def expected_images(self, pace: Pace) -> int:
        """Number of images, for a time estimate."""
        return self.images or pace.test_images


class AnswerSettings(ImageSettings):
    """Settings of a measure of predictions. `randomised`: predictions are random on purpose.

    They may then vary from one call to the next, and the interval decides for the whole test set,
    too.
    """

    randomised: bool = False


class ThreatSettings(ImageSettings):
    """Settings of a measure within one threat."""

    threat: dict[str, Any]

    @field_validator("threat")
    @classmethod
    def _known_threat(cls, threat: dict[str, Any]) -> dict[str, Any]:
        if set(threat) != {"norm", "eps"}:
            raise ValueError(f"expected a threat with norm and eps, got {sorted(threat)}")
        try:
            eps = make_threat(threat["norm"], threat["eps"]).eps
        except UsageError as error:
            raise ValueError(str(error)) from error
        if eps < SMALLEST_EPS:
            raise ValueError(
                f"expected eps of at least {SMALLEST_EPS:g}, got {eps:g}: a smaller ball is within the "
                "tolerance of the referee; raise eps, or use clean_accuracy"
            )
        return threat

    def threat_value(self) -> Threat:
        """The threat, as a value of `threats`."""
        return make_threat(self.threat["norm"], self.threat["eps"])


class AttackSettings(ThreatSettings):
    """Settings of one attack, or of a ladder, within one threat.

    The default budget of a ladder is that of the row's tier. `seconds`: a time budget; images that
    it leaves out do not count. `randomised`: attacks use the mean of several outputs, and accuracy
    counts single outputs.

    `until`: a share; the search ends as soon as the number is certain to lie on one side of it. It
    has no effect beside `seconds` or `randomised`.
    """

    attack: dict[str, Any]
    seconds: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    randomised: bool = False
    until: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)

    @field_validator("attack")
    @classmethod
    def _known_attack(cls, attack: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if attack.get("use") == LADDER:
            attack = {"budget": (info.context or {}).get("tier", DEFAULT_TIER), **attack}
        try:
            make_ladder(attack)
        except UsageError as error:
            raise ValueError(str(error)) from error
        return attack

    @model_validator(mode="after")
    def _reaches(self) -> AttackSettings:
        """Raise ValueError for an attack whose steps together are shorter than eps."""
        eps = self.threat["eps"]
        for attack in self.ladder.attacks:
            size, steps = getattr(attack, "step_size", None), getattr(attack, "steps", 1)
            if not (isinstance(size, int | float) and isinstance(steps, int)):
                continue  # the user's own attack may mean something else by these names
            if size * steps < eps * (1 - 1e-9):  # 3 * (1 / 3) may round below 1
                raise ValueError(
                    f"expected steps that reach eps ({eps:g}), got {steps} of {size:g}; raise steps or "
                    "step_size, or leave step_size out"
                )
        return self

    @property
    def ladder(self) -> Ladder:
        """The attacks, one or several, and the place of their certificates."""
        return make_ladder(self.attack)

    @property
    def attack_name(self) -> str:
        """Display name: `PGD-40`, `ladder (full)`."""
        if self.attack["use"] == LADDER:
            return f"{LADDER} ({self.attack['budget']})"
        return self.ladder.attacks[0].name

    @property
    def one_step(self) -> bool:
        """Whether every attack takes a single step."""
        return all(attack.one_step for attack in self.ladder.attacks)

    def seconds_an_image(self, pace: Pace) -> float:
        """Mean seconds of an image; some are broken or certified long before the last attack."""
        shares, ladder = pace.shares(self.threat_value()), self.ladder
        scouts = sum(attack.passes() for attack in ladder.scouts)
        searches = sum(attack.passes() for attack in ladder.searches)
        if not ladder.proves:
            return pace.seconds * (1 + (scouts + searches) * shares.surviving)
        before_crown = INTERVAL_PASSES + scouts * shares.unproved
        return pace.seconds * (before_crown + (CROWN_PASSES + searches) * shares.undecided)


@dataclass(frozen=True)
class Measure:
    """A measure: its function, its settings, its family (a section of the report, a pytest marker).

    `run(context, settings, seed)` returns a Measurement. `estimate(settings, pace)` returns seconds.
    `good` is the direction of thresholds: `at_least` where more is better, else `at_most`. `limits`
    is the range of a threshold; one at the easy end could not fail. `search`: it searches for
    adversarial examples, and stored examples can be added to the search. `weights`: it needs the
    network itself, and not only its answers.
    """

    run: Callable[[Context, Any, int], Measurement]
    settings: type[Settings]
    family: Family
    estimate: Callable[[Any, Pace], float] = lambda *_: _QUICK
    good: Literal["at_least", "at_most"] = "at_least"
    limits: tuple[float, float] = (LEAST_CHANCE, 1.0)
    unit: Literal["share", "ratio", "count"] = "share"
    search: bool = False
    weights: bool = False


def unreliable_reason(context: Context, settings: AnswerSettings) -> str:
    """Why predictions depend on the draw or on the batch; empty where they do not."""
    doubts = prediction_doubts(context, randomised=settings.randomised)
    return "; ".join(f"{doubt.name}, {doubt.reason}" for doubt in doubts)


def share_measurement(
    hits: int, n: int, *, complete: bool, proved: int | None = None, **more: Any
) -> Measurement:
    """Measurement of the share hits / n, with its exact 95 % interval (Clopper & Pearson).

    `proved`: the number of certified images; it decides by the lower bound of its share, too.
    """
    low, high = share_interval(hits, n)
    if proved is not None:
        certified_low = proved / n if complete else share_interval(proved, n)[0]
        more |= {"certified": proved / n, "certified_low": certified_low}
    return Measurement(
        value=hits / n, low=low, high=high, n=n, complete=complete, seconds=0.0, **more
    )


def count_measurement(count: int, n: int, *, began: float, **more: Any) -> Measurement:
    """Measurement of an exact count among `n` that were looked at, timed from `began`."""
    value, seconds = float(count), round(time.perf_counter() - began, 3)
    return Measurement(
        value=value,
        low=value,
        high=value,
        n=n,
        complete=True,
        seconds=seconds,
        unit="count",
        **more,
    )
