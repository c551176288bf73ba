"""Evidence: what a measure records beside its number, one dataclass for each kind."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from securemnist.results.evidence.answers import BackdoorEvidence, CleanEvidence
from securemnist.results.evidence.attack import AttackEvidence
from securemnist.results.evidence.base import OtherEvidence
from securemnist.results.evidence.certificates import CertifiedEvidence
from securemnist.results.evidence.latency import LatencyEvidence
from securemnist.results.evidence.service import ServiceEvidence
from securemnist.results.evidence.static import StaticEvidence

_Measured = CleanEvidence | AttackEvidence | CertifiedEvidence | BackdoorEvidence
AnyEvidence = Annotated[
    _Measured | LatencyEvidence | StaticEvidence | ServiceEvidence | OtherEvidence,
    Field(discriminator="kind"),
]
