"""Why a sample leaves a row open, and how many images would settle it."""

from __future__ import annotations

from securemnist.results.evidence.answers import BackdoorEvidence, CleanEvidence
from securemnist.results.intervals import settling_size
from securemnist.results.measurement import Measurement


def reason(threshold: float, measured: Measurement) -> str:
    """Why a sample does not settle the row, and how many images would at the measured share."""
    interval = f"[{measured.low:.4f}, {measured.high:.4f}]"
    inside = f"the threshold {threshold:g} lies inside {interval}"
    if measured.unit != "share":
        return inside
    evidence, confidence = measured.evidence, 0.95
    if isinstance(evidence, CleanEvidence) and evidence.worst_class is not None:
        return f"{inside}; every class counts, so measure more images of the smallest class"
    if isinstance(evidence, BackdoorEvidence):
        if evidence.source is not None:
            return f"{inside}; every pair of classes counts, so measure more images of each class"
        # The bounds of all targets hold jointly (Bonferroni), as in the measure.
        confidence = 1 - 0.05 / len(evidence.per_target_asr or [None])
    needed = settling_size(measured.value, threshold, most=1_000_000, confidence=confidence)
    if needed is None:
        return f"{inside}; no sample would settle it, measure the complete set"
    return f"{inside}; about {max(needed, measured.n + 1):,} images would settle it"
