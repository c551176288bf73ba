"""Findings judged again after a replay of stored adversarial examples.

For a comparison of two versions: the examples of both are tried on both. So neither looks robust
only because its own search missed what the other search found.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from securemnist.evaluation.context import Context
from securemnist.evaluation.replay import Replay
from securemnist.measures.table import find
from securemnist.results.confusion import per_class
from securemnist.results.evidence.attack import AttackEvidence, StageResult
from securemnist.results.evidence.tables import OutcomeTable
from securemnist.results.findings import Finding, Measurement, Verdict
from securemnist.results.intervals import share_interval
from securemnist.results.per_image import CERTIFIED, UNBROKEN
from securemnist.runtime.float32 import exact_float32
from securemnist.threats import threats_of


@exact_float32()
def rejudge_with_replay(context: Context, finding: Finding, replay: Replay) -> Finding:
    """The finding of a search, judged again after a last stage of stored examples.

    Other rows, unmeasured rows and rows of a randomised or defended model are returned unchanged. A
    broken certified image makes the row an ERROR.
    """
    row, measurement = finding.requirement, finding.measurement
    measure = find(row.measure)
    random = context.subject.randomised or row.settings.get("randomised")
    other_model = random or row.settings.get("defence")
    searched = measure is not None and measure.search and not other_model
    evidence = measurement.evidence if measurement is not None else None
    if measurement is None or not searched or not isinstance(evidence, AttackEvidence):
        return finding
    table = evidence.outcomes
    if table is None or table.attacked is None:
        return finding
    began = time.perf_counter()
    codes = table.codes
    unbroken = np.flatnonzero(np.isin(codes, UNBROKEN)).tolist()
    broken: dict[int, int] = {}
    for threat in threats_of(row.settings):
        left = [index for index in unbroken if index not in broken]
        broken |= _broken(context, table, left, threat, replay)
    labels: Mapping[str, Any] = {"claim": finding.claim, "family": finding.family}
    if any(codes[index] == CERTIFIED for index in broken):
        reason = (
            "expected certified images to withstand stored adversarial examples, got some broken; this "
            "is an error of the certificates, report it"
        )
        judged = row.unmeasured(Verdict.ERROR, reason, **labels)
    else:
        seconds = round(time.perf_counter() - began, 3)
        counts = StageResult(replay.name, len(unbroken), len(broken), 0, seconds)
        after = _with_stage(measurement, evidence, table, broken, counts)
        judged = row.judge(after, **labels)
    return dataclasses.replace(judged, in_scope=finding.in_scope, replay=finding.replay)


def _broken(
    context: Context, table: OutcomeTable, unbroken: list[int], threat: Any, replay: Replay
) -> dict[int, int]:
    """Indices (in the row's sample) of the broken images, and their new predictions."""
    places = torch.tensor(table.test_places[unbroken], dtype=torch.long)
    if not len(places):
        return {}
    chosen, model = context.data.test[places], context.subject.model
    x, y = chosen.images().to(context.subject.device), chosen.labels.to(context.subject.device)
    ruling = replay(model, places, x, y, threat)[1]
    rulings = zip(unbroken, ruling.fooled.tolist(), ruling.predictions.tolist(), strict=True)
    return {index: prediction for index, fooled, prediction in rulings if fooled}


def _with_stage(
    measurement: Measurement,
    evidence: AttackEvidence,
    table: OutcomeTable,
    broken: Mapping[int, int],
    counts: StageResult,
) -> Measurement:
    """The measurement with one more stage, which broke the images `broken`."""
    codes, attacked = table.codes.copy(), np.array(table.attacked)
    codes[list(broken)] = len(table.stages)
    attacked[list(broken)] = list(broken.values())
    unbroken = int(np.isin(codes, UNBROKEN).sum())
    low, high = share_interval(unbroken, measurement.n)
    after = dataclasses.replace(
        evidence,
        outcomes=dataclasses.replace(
            table, stages=[*table.stages, counts.stage], codes=codes, attacked=attacked
        ),
        waterfall=[*(evidence.waterfall or []), counts],
    )
    if (matrix := after.confusion) is not None:
        after = dataclasses.replace(after, per_class=per_class(matrix))
    value = unbroken / measurement.n
    return dataclasses.replace(measurement, value=value, low=low, high=high, evidence=after)
