"""Square: random search without gradients (Andriushchenko et al. 2020, arXiv 1912.00049).

Each step is one query: a random square of the image is changed, and the change is kept if it
increases the margin loss. Squares shrink by the paper's schedule, rescaled to the number of queries.
Images out of reach leave early (`reach`). In L-infinity all images get squares at the same places, as
in the authors' code, each with its own signs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

from securemnist.attacks.active_batch import ActiveBatch, QueryAttack
from securemnist.attacks.base import AttackInput
from securemnist.attacks.reach import Reach
from securemnist.attacks.square_incremental import incremental_search
from securemnist.attacks.square_search import SquarePlan, SquareSearch
from securemnist.attacks.validation import check_setting, check_shares


@final
@dataclass(frozen=True, kw_only=True)
class Square(QueryAttack):
    """Random search by squares, without gradients (Andriushchenko et al., arXiv 1912.00049).

    At most `queries` queries per sample; `start` in (0, 1] is the paper's p_init. `whole`: images out of
    reach are not left early.
    """

    forms: ClassVar[tuple[str, ...]] = ("ball",)
    later_settings: ClassVar[tuple[str, ...]] = ("whole",)
    queries: int = 5000
    start: float = 0.8
    whole: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_shares(start=self.start)
        check_setting(type(self.whole) is bool, "whole", "as true or false", self.whole)

    def _search(self, inputs: AttackInput) -> ActiveBatch[Any]:
        plan = SquarePlan.drawn(inputs, self.queries, self.start)
        reach = Reach(self.queries, whole=self.whole or plan.moves_on_ties)
        return incremental_search(inputs, plan, reach) or SquareSearch(inputs, plan, reach)
