"""`compare`: two versions of a model, row by row."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import cast

from torch import nn

from securemnist.api.assessment import Assessment, assess
from securemnist.api.inputs import Data, as_data
from securemnist.comparison import comparison
from securemnist.comparison.comparison import Comparison
from securemnist.comparison.document import Latency, Timing
from securemnist.comparison.requirement import MARGIN
from securemnist.data import DataSet
from securemnist.errors import NotApplicable, UsageError
from securemnist.evaluation.context import Context
from securemnist.evaluation.examples import Examples
from securemnist.evaluation.replay import Replay
from securemnist.measures.cross_replay import rejudge_with_replay
from securemnist.measures.latency import against
from securemnist.models.borrowing import borrowed
from securemnist.models.loading import Subject
from securemnist.results import assessment as records
from securemnist.results.evidence.latency import LatencyEvidence
from securemnist.results.policy import Policy
from securemnist.results.verdicts import DEFAULT_TIER
from securemnist.types import Progress

Model = nn.Module | Subject | str
_BATCHES = (1, 1000)


def compare(
    old: Assessment | Model,
    new: Assessment | Model,
    *,
    data: Data = None,
    policy: Policy | Path | str | None = None,
    tier: str = DEFAULT_TIER,
    rows: Collection[str] = (),
    margin: float = MARGIN,
    same_model: bool = False,
    device: str | None = None,
    progress: Progress | bool = True,
) -> Comparison:
    """Compare a new version with an old one; neither is changed.

    `old` and `new`: assessments, paths of assessment.json, or models. Models are assessed first with
    `data`, `policy`, `tier`, `rows`, `device` and `progress` as for `assess`. Two models are also
    attacked with the adversarial examples of either, and timed in turn. `margin`: shares that differ by
    less are the same. `same_model`: allow one model twice, to see what chance does.

    The result has `changes`, `exit_code` (0 nothing against the new version, 1 worse or failed, 3
    undecided) and `save(folder)`. UsageError where the two cannot be compared.
    """
    versions = [_opened(old), _opened(new)]
    models = [side for side in versions if not isinstance(side, Assessment)]
    if models and policy is None:
        raise UsageError("expected a policy to assess the models by, got none; pass policy=...")
    measured = as_data(data) if models else None

    def assessed(side: Assessment | Model) -> Assessment:
        if isinstance(side, Assessment):
            return side
        assessment = assess(
            side,
            measured,
            policy=policy or "",
            tier=tier,
            rows=rows,
            device=device,
            progress=progress,
        )
        if assessment.interrupted:
            raise KeyboardInterrupt
        return assessment

    sides = list(map(assessed, versions))
    before, after = (side.record for side in sides)
    if measured is None or len(models) < len(sides):
        return comparison.compare(before, after, margin=margin, same_model=same_model)
    first, second = models
    replay = _examples(sides, measured)
    pairs = [(first, before), (second, after)]
    before, after = replay_on_both(pairs, replay, measured, device)
    compared = comparison.compare(before, after, margin=margin, same_model=same_model)
    with contextlib.suppress(NotApplicable):  # other tests run at the same time
        compared = dataclasses.replace(compared, latency=timed(first, second, measured, device))
    return compared


def _opened(version: Assessment | Model) -> Assessment | Model:
    """An assessment.json that is named is read; a model, or the SPEC of one, stays as it is."""
    if isinstance(version, str) and version.endswith(".json"):
        return Assessment.load(version)
    return version


def replay_on_both(
    sides: Sequence[tuple[Model, records.Assessment]],
    replay: Replay,
    data: DataSet,
    device: str | None,
) -> list[records.Assessment]:
    """Both assessments after the adversarial examples of either model were tried on both.

    Tried on one model alone they would favour the other. UsageError where a model is not the one that
    was assessed.
    """
    after = []
    for model, assessment in sides:
        with borrowed(model, device, data.spec, data.test) as subject:
            _refuse_another(subject, assessment)
            context = Context(subject, data)
            findings = tuple(
                rejudge_with_replay(context, finding, replay) for finding in assessment.findings
            )
        after.append(dataclasses.replace(assessment, findings=findings))
    return after


def _refuse_another(subject: Subject, assessment: records.Assessment) -> None:
    """UsageError where this is not the model of the assessment: a SPEC may give another one each time."""
    if subject.digest != (assessed := assessment.subject.get("digest")):
        raise UsageError(
            f"{subject.name}: expected the model that was assessed (SHA-256 {assessed!s:.12}...), got "
            f"another ({subject.digest:.12}...); seed a model that is built at random, and replace no "
            "file during a comparison"
        )


def timed(old: Model, new: Model, data: DataSet, device: str | None) -> Latency:
    """Both models in one process, A B A B ...: seconds of a batch, and the ratio of new to old."""
    timings = []
    of_data = data.spec, data.test
    with borrowed(old, device, *of_data) as before, borrowed(new, device, *of_data) as after:
        context = Context(after, data)
        for batch in sorted({min(size, len(data.test)) for size in _BATCHES}):
            found = against(context, before.model, before.name, batch)
            times = cast(LatencyEvidence, found.evidence).samples or {}
            timings.append(
                Timing(
                    batch=batch,
                    ratio=found.value,
                    low=found.low,
                    high=found.high,
                    old_seconds=times["kernel"],
                    new_seconds=times["model"],
                )
            )
    return Latency(rounds=len(timings[0].new_seconds), timings=timings)


def _examples(sides: Sequence[Assessment], data: DataSet) -> Replay:
    """The adversarial examples of both assessments."""
    files = [pair for side in sides for pair in sorted(side.files.items())]
    sets = [(name, content) for name, content in files if name.endswith(".npz")]
    total, shape = len(data.test), data.spec.shape
    return Replay(
        tuple(
            Examples.loads(content, name=name, total=total, shape=shape) for name, content in sets
        )
    )
