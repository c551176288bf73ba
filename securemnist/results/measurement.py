"""Measurement: a number with its interval, its doubts and its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from securemnist.results.evidence import AnyEvidence
from securemnist.results.evidence.answers import CleanEvidence
from securemnist.results.evidence.attack import AttackEvidence
from securemnist.results.evidence.base import OtherEvidence
from securemnist.results.evidence.certificates import CertifiedEvidence
from securemnist.results.evidence.defence import DefenceEvidence
from securemnist.results.json_model import JsonModel
from securemnist.results.value_types import Count, Digest, Flag, Integer, Number
from securemnist.results.verdicts import LARGEST, Doubt

UNITS = ("share", "ratio", "count")
_ROUNDING = 1e-9


def _not_stored(value: Any) -> None:
    """ValueError for a file that holds `examples`: they are no part of the JSON."""
    if value is not None:
        raise ValueError("expected no examples in a file; remove them")


@dataclass(frozen=True, kw_only=True)
class Measurement(JsonModel):
    """A number with its 95 % interval, its doubts and its evidence.

    `value` is the point estimate (a share in [0, 1], a ratio or a count, see `unit`);
    [low, high] a 95 % interval for new samples. `n` samples were measured (of a ratio: rounds; of a
    count: files). `complete` says that the whole pinned set was measured: then the exact value
    decides, else the interval's bound does. `survived` marks a number that rests on attacks that
    failed; doubts apply to it alone. `certified` (with its own lower bound) is the share that
    certificates prove; None where nothing was to be proved. `inconclusive` says why the row cannot
    pass whatever the number is, empty otherwise; a number may still fail it. `inputs`: SHA-256 of each
    file, folder, data set and model that the settings name and the number is measured against, by its
    name. `examples` are the adversarial images, which a run may keep in a file; they are no part of the
    JSON.
    """

    value: Number
    low: Number
    high: Number
    n: Count
    complete: Flag
    seconds: Number
    seed: Integer
    unit: str = "share"
    survived: Flag = False
    certified: Number | None = None
    certified_low: Number | None = None
    doubts: tuple[Doubt, ...] = ()
    inconclusive: str = ""
    inputs: Mapping[str, Digest] = field(default_factory=dict)
    evidence: AnyEvidence = field(default=OtherEvidence(), repr=False)
    examples: Annotated[Any, BeforeValidator(_not_stored), Field(exclude=True)] = field(
        default=None, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """A mapping as evidence, as a measure of the user's own may give it, is OtherEvidence."""
        if isinstance(self.evidence, Mapping):
            object.__setattr__(self, "evidence", OtherEvidence(table=dict(self.evidence)))

    @property
    def impossible(self) -> str:
        """Why no measurement has these numbers; "" where one may have them."""
        known = (self.value, self.low, self.high, self.certified, self.certified_low)
        numbers = [number for number in known if number is not None]
        for number in numbers:
            if type(number) is bool or not isinstance(number, int | float):
                return f"expected a number, got {type(number).__name__}"
            if not abs(number) <= LARGEST:
                return f"expected a finite measurement up to {LARGEST:g}, got {number}"
        if self.unit not in UNITS:
            return f"expected a unit of {', '.join(UNITS)}, got {self.unit!r:.40}"
        if min(numbers) < 0 or (self.unit == "share" and max(numbers) > 1):
            expected = "shares in [0, 1]" if self.unit == "share" else "no negative number"
            return f"expected {expected}, got {', '.join(f'{n:g}' for n in numbers)}"
        if self.unit != "count" and not self.n >= 1:
            return f"expected a measurement of at least 1 sample, got {self.n}"
        if not self.low - _ROUNDING <= self.value <= self.high + _ROUNDING:
            return f"expected {self.value:g} within its interval, got [{self.low:g}, {self.high:g}]"
        if (self.certified_low or 0) > (self.certified or 0) + _ROUNDING:
            return f"expected a certified share of at least {self.certified_low:g}, its lower bound"
        if (self.certified or 0) > self.value + _ROUNDING:
            return (
                f"expected no more certified than {self.value:g} withstood, got {self.certified:g}"
            )
        return ""

    @property
    def has_interval(self) -> bool:
        """Whether its ends differ; a count of all images, such as `poisoned_share`, has none."""
        return self.low < self.high

    @property
    def sensitivity(self) -> str:
        """`attack sensitivity 63/64 planted examples found`; "" where none were planted."""
        found = self.evidence.sensitivity if isinstance(self.evidence, AttackEvidence) else None
        if found is None or not found.planted:
            return ""
        return f"attack sensitivity {found.found}/{found.planted} planted examples found"

    @property
    def queries_per_image(self) -> int | None:
        """Answers of an endpoint that attacks asked for each survivor; None for other models."""
        evidence = self.evidence
        return evidence.queries_per_image if isinstance(evidence, AttackEvidence) else None

    @property
    def ties(self) -> str:
        """`3 images count as wrong: ...`; "" where the true class shares its logit with no other."""
        kinds = AttackEvidence | CleanEvidence
        count = self.evidence.ties if isinstance(self.evidence, kinds) else 0
        if not count:
            return ""
        images = "1 image counts" if count == 1 else f"{count:,} images count"
        return f"{images} as wrong: the true class ties with another class"

    @property
    def stopped(self) -> bool:
        """Whether the search ended as soon as its verdict was certain."""
        return isinstance(self.evidence, AttackEvidence) and self.evidence.stopped is not None

    @property
    def settled(self) -> str:
        """`attacks went through the rounding ...`; "" where no doubt was settled."""
        kinds = AttackEvidence | DefenceEvidence
        if not (isinstance(self.evidence, kinds) and self.evidence.settled):
            return ""
        return "attacks went through the rounding that hides the gradient"

    @property
    def failure_probability(self) -> float | None:
        """The probability that a certificate of the row is wrong; None where none is by random draws."""
        evidence = self.evidence
        smoothed = evidence.smoothed if isinstance(evidence, CertifiedEvidence) else None
        return None if smoothed is None else smoothed.alpha

    @property
    def smoothing(self) -> str:
        """`certified is the smoothed classifier; ...`; "" where nothing is smoothed."""
        if self.failure_probability is None:
            return ""
        return (
            "certified is the smoothed classifier; that any certificate is wrong has a probability of "
            f"at most {self.failure_probability:g}"
        )

    @property
    def exact(self) -> bool:
        """Whether certificates prove every sample that counts, so that none is left open."""
        return self.certified is not None and self.certified >= self.value - _ROUNDING

    @property
    def bracket(self) -> str:
        """Between what the truth lies; "" where that is no more than the number says."""
        truth = f"the truth lies in [{self.certified or 0:.4f} proved, {self.value:.4f}"
        if self.stopped:
            return f"ended when the verdict was certain: {truth} not broken yet]"
        if self.survived and self.exact:
            return f"exact: each of the {self.n:,} images is proved, broken or misclassified"
        return f"{truth} survived]" if self.survived and self.certified is not None else ""
