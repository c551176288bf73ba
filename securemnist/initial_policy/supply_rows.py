"""The first rows of the supply chain: what fails today is waived, and the data are recorded."""

from __future__ import annotations

from securemnist.data import DataSet, recording
from securemnist.initial_policy.margins import Bound
from securemnist.initial_policy.proposals import Proposal
from securemnist.measures import supply_chain
from securemnist.results.evidence.supply_chain import SupplyChainEvidence
from securemnist.results.findings import Measurement
from securemnist.supply_chain import data_digests, data_record
from securemnist.types import Progress


def bound(proposal: Proposal, measurement: Measurement) -> Bound:
    """The threshold of the proposal, with the number and the first of the checks that do not hold.

    A count may not grow from one version to the next; the age of a list may, by half of its bound.
    """
    evidence = measurement.evidence
    checks = evidence.checks if isinstance(evidence, SupplyChainEvidence) else None
    wrong = [check for check in checks or () if not check.holds]
    problem = ""
    if measurement.value > proposal.at_most:
        problem = f"{measurement.value:g} is above {proposal.at_most:g}"
    if problem and wrong:
        first = wrong[0]
        problem += f"; {first.name} ({first.place}): expected {first.expected}, found {first.found}"
    return Bound(
        threshold=proposal.at_most,
        max_drop=proposal.at_most // 2,
        problem=problem,
        # A count that grows is not waived; an age grows by itself.
        worst=measurement.value if problem and not proposal.at_most else None,
    )


def recorded(data: DataSet, progress: Progress) -> tuple[bytes, Measurement]:
    """The record of all splits as a file, and the measurement of the data against it."""
    record = recording.record(data, progress=progress)
    # The data were read just now: to read them again would find the same.
    checks = data_digests.checks(record, record)
    measurement = supply_chain.counted(checks, f"{data.name} as recorded")
    return data_record.dumps(record), measurement
