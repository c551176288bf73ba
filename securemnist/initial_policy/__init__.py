"""The first policy of a repository: rows with thresholds from one measurement of its model.

The measurement uses the tuning split, or the test split of data without training samples. The
thresholds keep the model at its present level, until its owners decide what is enough. A row that
the model cannot meet is still written: it fails, and is waived until a date.
"""

from securemnist.initial_policy.known_system import KnownSystem
from securemnist.initial_policy.measured import Row, check, measure, proposals
from securemnist.initial_policy.proposals import (
    DATA_RECORD,
    PROPOSALS,
    STATIC_BASELINE,
    Proposal,
)
from securemnist.initial_policy.queries import expected as expected_queries
from securemnist.initial_policy.text import policy
from securemnist.initial_policy.threats import threat_model

__all__ = [
    "DATA_RECORD",
    "PROPOSALS",
    "STATIC_BASELINE",
    "KnownSystem",
    "Proposal",
    "Row",
    "check",
    "expected_queries",
    "measure",
    "policy",
    "proposals",
    "threat_model",
]
