"""The setting of proofs by branch and bound, of every measure that has them."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from securemnist.measures.base import ImageSettings
from securemnist.threats import Threat


class ProofSettings(ImageSettings):
    """Settings of a measure with certificates. `proof_seconds`: a time budget of branch and bound.

    It proves or breaks images that attacks and other certificates leave open. 0: it does not run.
    """

    proof_seconds: float = Field(default=0.0, ge=0, allow_inf_nan=False)

    def check_proofs(self, within: Sequence[Threat], *, randomised: bool) -> None:
        """Raise ValueError for seconds of proofs that could prove nothing."""
        if not self.proof_seconds:
            return
        if len(within) > 1 or not within[0].branches:
            got = f"{len(within)} threats" if len(within) > 1 else f"{within[0].norm!r}"
            raise ValueError(
                f"expected proof_seconds within one threat of the norm linf, got {got}; remove "
                "proof_seconds"
            )
        if randomised:
            raise ValueError(
                "expected proof_seconds without randomised outputs, got both: the mean of a few draws "
                "proves nothing; remove proof_seconds"
            )
