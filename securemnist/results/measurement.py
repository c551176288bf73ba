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
from securemnist.results.json_model import JsonModel
from securemnist.results.value_types import Count, Flag, Integer, Number
from securemnist.results.verdicts import Doubt


def _not_stored(value: Any) -> None:
    """ValueError for a file that holds `examples`: they are no part of the JSON."""
    if value is not None:
        raise ValueError("expected no examples in a file; remove them")


@dataclass(frozen=True, kw_only=True)
class Measurement(JsonModel):
    """What was seen.

    `value` is the point estimate (a share in [0, 1], a ratio or a count, see `unit`);
    [low, high] a 95 % interval for new digits. `complete` says that the whole pinned set was
    measured: then the exact value decides, else the interval's bound does.
    `survived` marks a number that rests on attacks that failed; doubts apply to it alone.
    `certified` (with its own lower bound) is the share that a proof covers.
    `inconclusive` says why the row cannot pass whatever the number is; a number may still fail it.
    `examples` are the images behind broken digits, which a run may keep in a file; they are no part
    of the JSON.
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
    evidence: AnyEvidence = field(default=OtherEvidence(), repr=False)
    examples: Annotated[Any, BeforeValidator(_not_stored), Field(exclude=True)] = field(
        default=None, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """A mapping as evidence, as a measure of the user's own may give it, is OtherEvidence."""
        if isinstance(self.evidence, Mapping):
            object.__setattr__(self, "evidence", OtherEvidence(table=dict(self.evidence)))

    @property
    def sensitivity(self) -> str:
        """`attack sensitivity 63/64 planted examples found`; "" where none were planted."""
        found = self.evidence.sensitivity if isinstance(self.evidence, AttackEvidence) else None
        if found is None:
            return ""
        return f"attack sensitivity {found.found}/{found.planted} planted examples found"

    @property
    def ties(self) -> str:
        """`3 digits count as wrong: ...`; "" where the true class shares its logit with no other."""
        kinds = AttackEvidence | CleanEvidence
        count = self.evidence.ties if isinstance(self.evidence, kinds) else 0
        if not count:
            return ""
        digits = "1 digit counts" if count == 1 else f"{count:,} digits count"
        return f"{digits} as wrong: the true class ties with another class"

    @property
    def stopped(self) -> bool:
        """Whether the search ended as soon as its verdict was certain."""
        return isinstance(self.evidence, AttackEvidence) and self.evidence.stopped is not None

    @property
    def bracket(self) -> str:
        """Between what the truth lies; "" where that is no more than the number says."""
        proved = f"{self.certified or 0:.4f} proved, {self.value:.4f}"
        if self.stopped:
            return (
                f"ended when the verdict was certain: the truth lies in [{proved} not broken yet]"
            )
        if self.survived and self.certified is not None:
            return f"the truth lies in [{proved} survived]"
        return ""
