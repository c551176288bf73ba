"""The first policy of a repository: rows proposed from one measurement of its model.

Thresholds are proposed from a first measurement on the tuning split, never on the test samples. They
hold a model where it stands, until its owners decide what is enough. No row is left out because the
model cannot meet it: such a row is written, fails, and is waived until a date.
"""

from securemnist.initial_policy.measured import Row, measure
from securemnist.initial_policy.proposals import PROPOSALS, STATIC_BASELINE, Proposal
from securemnist.initial_policy.text import policy

__all__ = ["PROPOSALS", "STATIC_BASELINE", "Proposal", "Row", "measure", "policy"]
