"""Evidence: what a measure records beside its number, one dataclass for each kind."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from securemnist.results.evidence.answers import BackdoorEvidence, CleanEvidence
from securemnist.results.evidence.attack import AttackEvidence
from securemnist.results.evidence.base import OtherEvidence
from securemnist.results.evidence.certificates import CertifiedEvidence
from securemnist.results.evidence.defence import DefenceEvidence
from securemnist.results.evidence.latency import LatencyEvidence
from securemnist.results.evidence.natural import (
    CalibrationEvidence,
    CorruptionEvidence,
    OutlierEvidence,
    SpatialEvidence,
)
from securemnist.results.evidence.privacy import ExtractionEvidence, MembershipEvidence
from securemnist.results.evidence.service import ServiceEvidence
from securemnist.results.evidence.static import StaticEvidence
from securemnist.results.evidence.supply_chain import SupplyChainEvidence
from securemnist.results.evidence.threats import ThreatEvidence

_Measured = CleanEvidence | AttackEvidence | DefenceEvidence | CertifiedEvidence | BackdoorEvidence
_Natural = CorruptionEvidence | SpatialEvidence | CalibrationEvidence | OutlierEvidence
_Private = MembershipEvidence | ExtractionEvidence
_Counted = StaticEvidence | ServiceEvidence | SupplyChainEvidence | ThreatEvidence
AnyEvidence = Annotated[
    _Measured | _Natural | _Private | LatencyEvidence | _Counted | OtherEvidence,
    Field(discriminator="kind"),
]
