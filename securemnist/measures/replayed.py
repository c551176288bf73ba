"""Replayed rows: what stored adversarial examples still break after a search has ended.

For two versions side by side: what broke either of them is tried on both, so that neither looks
robust only because its own search missed what the other's has found.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from securemnist.evaluation.context import Lab
from securemnist.evaluation.outcomes import Fall, per_class
from securemnist.evaluation.replay import Replay
from securemnist.measures.table import MEASURES
from securemnist.referee import rule
from securemnist.results.findings import Finding, Measurement, Verdict
from securemnist.results.intervals import share_interval
from securemnist.results.per_image import (
    CERTIFIED,
    STANDING,
    decode_outcomes,
    decode_places,
    encode,
)
from securemnist.runtime.float32 import exact_float32
from securemnist.threats import make_threat


@exact_float32()
def replayed(lab: Lab, finding: Finding, replay: Replay) -> Finding:
    """The finding of a search, judged again after a last stage of stored examples.

    Rows that are no search, that were not measured, or whose model answers at random come back as they
    are. A certified digit that falls makes the row an ERROR of ours.
    """
    row, seen = finding.requirement, finding.measurement
    measure = MEASURES.get(row.measure)
    searched = measure is not None and measure.search and not row.settings.get("randomised")
    if seen is None or not searched or "outcomes" not in seen.evidence:
        return finding
    began = time.perf_counter()
    table = seen.evidence["outcomes"]
    _, codes = decode_outcomes(table)
    digits = np.flatnonzero(np.isin(codes, STANDING)).tolist()
    broken = _broken(lab, table, digits, make_threat(**row.settings["threat"]), replay)
    words: Mapping[str, Any] = {"claim": finding.claim, "family": finding.family}
    if any(codes[digit] == CERTIFIED for digit in broken):
        reason = (
            "expected certified digits to withstand stored adversarial examples, got some broken; this "
            "is an error of the certificates, report it"
        )
        made = row.unmeasured(Verdict.ERROR, reason, **words)
    else:
        seconds = round(time.perf_counter() - began, 3)
        fall = Fall(replay.name, len(digits), len(broken), 0, seconds)
        made = row.judge(_after(seen, broken, fall), **words)
    return dataclasses.replace(made, in_scope=finding.in_scope, replay=finding.replay)


def _broken(
    lab: Lab, table: Mapping[str, Any], digits: list[int], threat: Any, replay: Replay
) -> dict[int, int]:
    """Which of the digits (indices of the row's sample) fall, and what they are then read as."""
    named = decode_places(table["places"])
    places = torch.tensor(named[digits] if len(named) else digits, dtype=torch.long)
    if not len(places):
        return {}
    chosen, model = lab.data.test[places], lab.subject.model
    x, y = chosen.images().to(lab.subject.device), chosen.labels.to(lab.subject.device)
    proposals = replay(model, places, x, y, threat)
    ruling = rule(model, x, y, proposals, norm=threat.norm, eps=threat.eps)
    told = zip(digits, ruling.fooled.tolist(), ruling.predictions.tolist(), strict=True)
    return {digit: read for digit, fooled, read in told if fooled}


def _after(seen: Measurement, broken: Mapping[int, int], fall: Fall) -> Measurement:
    """The measurement with one more stage, in which the `broken` digits fell."""
    table = seen.evidence["outcomes"]
    labels, codes = decode_outcomes(table)
    matrix = [list(line) for line in seen.evidence["confusion"]]
    for digit, read in broken.items():
        codes[digit] = len(table["stages"])
        label = int(labels[digit])
        matrix[label][label] -= 1
        matrix[label][read] += 1
    standing = int(np.isin(codes, STANDING).sum())
    low, high = share_interval(standing, seen.n)
    after = {"stages": [*table["stages"], fall.stage], "codes": encode(codes)}
    evidence = {
        **seen.evidence,
        "outcomes": {**table, **after},
        "waterfall": [*seen.evidence["waterfall"], fall.to_json()],
        "confusion": matrix,
        "per_class": per_class(matrix),
    }
    value = standing / seen.n
    return dataclasses.replace(seen, value=value, low=low, high=high, evidence=evidence)
