"""What a measure is: settings that a row binds, and a function from a lab to a Measurement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from securemnist.attacks.base import Attack
from securemnist.errors import UsageError
from securemnist.evaluation.context import Lab
from securemnist.evaluation.doubts import about_answers
from securemnist.evaluation.ladders import LADDER, make_stages, proofs_after
from securemnist.evaluation.pace import CROWN_PASSES, INTERVAL_PASSES, Pace
from securemnist.results.families import Family
from securemnist.results.findings import Measurement
from securemnist.results.intervals import share_interval
from securemnist.threats import Threat, make_threat
from securemnist.types import CLASSES

# Of MNIST; how many another data set has is not known before it is read.
TEST_DIGITS = 10_000
DEFAULT_TIER = "standard"
# A hundred times the tolerance of the referee, by which a smaller ball would be ruled.
SMALLEST_EPS = 1e-4
_QUICK = 10.0  # seconds of a measure that has no estimate
# An accuracy that a model which guesses reaches, too.
CHANCE = 1 / CLASSES


class Settings(BaseModel):
    """Base of every measure's settings: strict, no unknown key."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class DigitSettings(Settings):
    """A measure on `digits` test digits; None: all there are."""

    digits: int | None = None

    @field_validator("digits")
    @classmethod
    def _some(cls, digits: int | None) -> int | None:
        if digits is not None and digits < 1:
            raise ValueError(f"expected at least 1 digit, got {digits}")
        return digits

    @property
    def expected_digits(self) -> int:
        """How many they will be, for an estimate of the time."""
        return self.digits or TEST_DIGITS


class AnswerSettings(DigitSettings):
    """A measure of what the model answers. `randomised`: it answers at random on purpose.

    Then the answers may vary from one call to the next, and the interval decides on all digits, too.
    """

    randomised: bool = False


class ThreatSettings(DigitSettings):
    """A measure within one threat."""

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
                f"expected eps of at least {SMALLEST_EPS:g}, got {eps:g}: a smaller ball holds no other "
                "image to speak of; raise eps, or ask for clean_accuracy"
            )
        return threat

    def the_threat(self) -> Threat:
        """The threat value that the settings name."""
        return make_threat(self.threat["norm"], self.threat["eps"])


class AttackSettings(ThreatSettings):
    """A measure of one attack, or of the ladder, within one threat.

    A ladder without a budget has that of the row's tier. `seconds`: a time budget; digits it does not
    suffice for are not attempted and do not count. `randomised`: the model answers at random on purpose;
    it is attacked by the mean of many answers and counted answer by answer. `until`: a share; the search
    ends as soon as it is certain on which side of it the number will lie. It has no effect beside the
    other two, under which nothing is certain before the end.
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
            make_stages(attack)
        except UsageError as error:
            raise ValueError(str(error)) from error
        return attack

    @model_validator(mode="after")
    def _reaches(self) -> AttackSettings:
        """Steps that together are shorter than eps never reach the edge of the ball."""
        eps = self.threat["eps"]
        for attack in self.the_attacks():
            size, steps = getattr(attack, "step_size", None), getattr(attack, "steps", 1)
            if not (isinstance(size, int | float) and isinstance(steps, int)):
                continue  # the user's own attack may mean something else by these names
            if size * steps < eps * (1 - 1e-9):  # thirds do not add up
                raise ValueError(
                    f"expected steps that reach eps ({eps:g}), got {steps} of {size:g}; raise steps or "
                    "step_size, or leave step_size out"
                )
        return self

    def the_attacks(self) -> tuple[Attack, ...]:
        """The attack values that the settings name: one, or the stages of the ladder."""
        return make_stages(self.attack)

    @property
    def proofs_after(self) -> int | None:
        """How many of the attacks come before CROWN's proofs; None where nothing is proved."""
        return proofs_after(self.attack)

    @property
    def attack_name(self) -> str:
        """As printed: `PGD-40`, `ladder (full)`."""
        if self.attack["use"] == LADDER:
            return f"{LADDER} ({self.attack['budget']})"
        return self.the_attacks()[0].name

    @property
    def one_step(self) -> bool:
        """Whether no stage of it is a search."""
        return all(attack.one_step for attack in self.the_attacks())

    def passes(self) -> float:
        """Forward-and-backward passes that a surviving digit costs."""
        return sum(attack.passes() for attack in self.the_attacks())

    def seconds_an_image(self, pace: Pace) -> float:
        """The mean over images, of which some are proved or broken long before the last attack."""
        shares, attacks, before = (
            pace.shares(self.the_threat()),
            self.the_attacks(),
            self.proofs_after,
        )
        if before is None:
            return pace.seconds * (1 + self.passes() * shares.standing)
        scouts = sum(attack.passes() for attack in attacks[:before])
        searches = CROWN_PASSES + sum(attack.passes() for attack in attacks[before:])
        return pace.seconds * (INTERVAL_PASSES + scouts * shares.unproved + searches * shares.open)


@dataclass(frozen=True)
class Measure:
    """A measure: its function, its settings, its family (a section of the report, a pytest marker).

    `run(lab, settings, seed)` returns a Measurement. `estimate(settings, pace)` gives seconds. `good` is
    the better direction, and so the threshold of a row: more (`at_least`) or less (`at_most`).
    `limits` is the range of a threshold; its easy end is refused, since no model could miss it.
    `search`: it searches for adversarial examples, which stored ones can be added to.
    """

    run: Callable[[Lab, Any, int], Measurement]
    settings: type[Settings]
    family: Family
    estimate: Callable[[Any, Pace], float] = lambda *_: _QUICK
    good: Literal["at_least", "at_most"] = "at_least"
    limits: tuple[float, float] = (CHANCE, 1.0)
    unit: Literal["share", "ratio", "count"] = "share"
    search: bool = False

    def bind(self, settings: Mapping[str, Any], tier: str = DEFAULT_TIER) -> Settings:
        """The settings of a row of this tier; pydantic.ValidationError where they do not fit."""
        return self.settings.model_validate(dict(settings), context={"tier": tier})


def unreliable(lab: Lab, settings: AnswerSettings) -> str:
    """Why what the model answers is no number of its own; empty where it is."""
    doubts = about_answers(lab, randomised=settings.randomised)
    return "; ".join(f"{doubt.name}, {doubt.reason}" for doubt in doubts)


def share(
    hits: int, n: int, *, complete: bool, seed: int, seconds: float = 0.0, **more: Any
) -> Measurement:
    """The measurement of a share of digits, with its exact 95 % interval."""
    low, high = share_interval(hits, n)
    return Measurement(
        value=hits / n,
        low=low,
        high=high,
        n=n,
        complete=complete,
        seconds=seconds,
        seed=seed,
        **more,
    )
