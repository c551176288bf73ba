"""Settings of measures within threats, one or the worst of several, and of proofs within them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field, ValidationInfo, field_validator, model_validator

from securemnist.attacks.base import Attack
from securemnist.evaluation.ladders import LADDER, Ladder, make_ladder
from securemnist.evaluation.pace import CROWN_PASSES, INTERVAL_PASSES, Pace
from securemnist.evaluation.stages import Search
from securemnist.measures.base import ImageSettings, as_value_error
from securemnist.results.verdicts import DEFAULT_TIER
from securemnist.threats import Threat, make_threat, threats_of

# A hundred times the tolerance of the referee, which would dominate a smaller eps.
SMALLEST_EPS = 1e-4


class ThreatSettings(ImageSettings):
    """Settings of a measure within one threat."""

    threat: dict[str, Any]

    @field_validator("threat")
    @classmethod
    def _known_threat(cls, threat: dict[str, Any]) -> dict[str, Any]:
        _check_threat(threat)
        return threat

    @property
    def within(self) -> tuple[Threat, ...]:
        return (self.threat_value(),)

    def threat_value(self) -> Threat:
        """The threat, as a value of `threats`."""
        return make_threat(self.threat["norm"], self.threat["eps"])


def _check_threat(threat: Mapping[str, Any]) -> None:
    """Raise ValueError for a table that is no threat, or whose eps is too small to mean anything."""
    if set(threat) != {"norm", "eps"}:
        raise ValueError(f"expected a threat with norm and eps, got {sorted(threat)}")
    with as_value_error():
        eps = make_threat(threat["norm"], threat["eps"]).eps
    if eps < SMALLEST_EPS:
        raise ValueError(
            f"expected eps of at least {SMALLEST_EPS:g}, got {eps:g}: a smaller ball is within the "
            "tolerance of the referee; raise eps, or use clean_accuracy"
        )


class ProofSettings(ImageSettings):
    """Settings of a measure with certificates. `proof_seconds`: a time budget of branch and bound.

    It proves or breaks images that attacks and other certificates leave open. 0: it does not run.
    """

    proof_seconds: float = Field(default=0.0, ge=0, allow_inf_nan=False)

    def check_proofs(self, within: Sequence[Threat], *, randomised: bool) -> None:
        """Raise ValueError for seconds of proofs that could prove nothing."""
        if not self.proof_seconds:
            return
        if len(within) > 1 or not within[0].certifiable:
            got = f"{len(within)} threats" if len(within) > 1 else f"{within[0]}"
            raise ValueError(
                "expected proof_seconds within one threat of linf, l2, a patch or one pixel of l0, got "
                f"{got}; remove proof_seconds"
            )
        if randomised:
            raise ValueError(
                "expected proof_seconds without randomised outputs, got both: the mean of a few draws "
                "proves nothing; remove proof_seconds"
            )


class AttackSettings(ImageSettings):
    """Settings of one attack, or of a ladder, within one threat or the worst of several.

    `threat`: a table {norm, eps}. Or instead `threats`: several of them, or texts like "linf:0.1"; an
    image counts where it withstands all.

    The default budget of a ladder is that of the row's tier. `seconds`: a time budget; images that
    it leaves out do not count. `randomised`: attacks use the mean of several outputs, and accuracy
    counts single outputs.

    `until`: a share; the search ends as soon as the number is certain to lie on one side of it. It
    has no effect beside `seconds` or `randomised`.
    """

    threat: dict[str, Any] | None
    threats: list[dict[str, Any] | str] | None = None
    attack: dict[str, Any]
    seconds: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    randomised: bool = False
    until: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)

    @field_validator("attack")
    @classmethod
    def _known_attack(cls, attack: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if attack.get("use") == LADDER:
            attack = {"budget": (info.context or {}).get("tier", DEFAULT_TIER), **attack}
        with as_value_error():
            make_ladder(attack)
        return attack

    @model_validator(mode="before")
    @classmethod
    def _none_beside_several(cls, values: Any) -> Any:
        """Let a row with `threats` need no `threat`."""
        several = isinstance(values, dict) and "threats" in values
        return {"threat": None, **values} if several else values

    @model_validator(mode="after")
    def _known_threats(self) -> AttackSettings:
        """Raise ValueError for threats that are none, or that the attack does not work in."""
        with as_value_error():
            if self.threat is not None:
                _check_threat(self.threat)
            if not self.within:
                raise ValueError("expected 'threat', got nothing; add it")
            for threat in self.within:
                _check_threat(threat.to_json())
                for attack in self.ladder_in(threat).attacks:
                    attack.check_form(threat)
                    _check_reach(attack, threat.eps)
        return self

    @property
    def within(self) -> tuple[Threat, ...]:
        return threats_of({"threat": self.threat, "threats": self.threats})

    def ladder_in(self, threat: Threat) -> Ladder:
        """The attacks, one or several, and the place of their certificates, for this threat."""
        return make_ladder(self.attack, threat.form)

    @property
    def searches(self) -> tuple[Search, ...]:
        """The attacks within each threat."""
        ladders = [(threat, self.ladder_in(threat)) for threat in self.within]
        return tuple(Search(threat, found.attacks, found.before_crown) for threat, found in ladders)

    @property
    def ladder(self) -> Ladder:
        """The ladder in the first threat."""
        return self.ladder_in(self.within[0])

    @property
    def attacks(self) -> tuple[Attack, ...]:
        """The attacks in all threats, one after the other."""
        return tuple(a for threat in self.within for a in self.ladder_in(threat).attacks)

    @property
    def attack_name(self) -> str:
        """Display name: `PGD-40`, `ladder (full)`."""
        if self.attack["use"] == LADDER:
            return f"{LADDER} ({self.attack['budget']})"
        return self.ladder.attacks[0].name

    @property
    def one_step(self) -> bool:
        """Whether every attack takes a single step."""
        return all(attack.one_step for attack in self.attacks)

    def seconds_an_image(self, pace: Pace) -> float:
        """Mean seconds of an image; some are broken or certified long before the last attack."""
        return sum(self._seconds_within(threat, pace) for threat in self.within)

    def _seconds_within(self, threat: Threat, pace: Pace) -> float:
        shares, ladder = pace.shares(threat), self.ladder_in(threat)
        scouts = sum(attack.passes() for attack in ladder.scouts)
        searches = sum(attack.passes() for attack in ladder.searches)
        if not ladder.proves:
            return pace.seconds * (1 + (scouts + searches) * shares.surviving)
        before_crown = INTERVAL_PASSES + scouts * shares.unproved
        return pace.seconds * (before_crown + (CROWN_PASSES + searches) * shares.undecided)


def _check_reach(attack: Attack, eps: float) -> None:
    """Raise ValueError for an attack whose steps together are shorter than eps."""
    size, steps = getattr(attack, "step_size", None), getattr(attack, "steps", 1)
    if not (isinstance(size, int | float) and isinstance(steps, int)):
        return  # the user's own attack may mean something else by these names
    if size * steps < eps * (1 - 1e-9):  # 3 * (1 / 3) may round below 1
        raise ValueError(
            f"expected steps that reach eps ({eps:g}), got {steps} of {size:g}; raise steps or "
            "step_size, or leave step_size out"
        )
