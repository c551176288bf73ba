"""The threat model: what may go wrong, and the status of each threat by the verdicts of its rows.

`threats.toml` beside the policy lists components, data flows and threats. Each threat names the rows
that test its mitigations; one that no row tests is uncovered. Needs no torch.
"""

from securemnist.threat_model.model import COUNTING, ThreatModel, load, parse, testing_rows
from securemnist.threat_model.status import Judged, Status, judge

__all__ = ["COUNTING", "Judged", "Status", "ThreatModel", "judge", "load", "parse", "testing_rows"]
