"""The first measurement: every proposed row on the tuning split, and the eps of the evasion rows."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch

from securemnist import assessing
from securemnist.data import DataSet
from securemnist.epsilon import epsilon_text
from securemnist.errors import Inconclusive, NotApplicable
from securemnist.evaluation.context import Context
from securemnist.initial_policy import margins, supply_rows
from securemnist.initial_policy.chance import design_of
from securemnist.initial_policy.kind import kind_of
from securemnist.initial_policy.margins import Bound
from securemnist.initial_policy.proposals import (
    MOST_CHANNELS,
    PROPOSALS,
    Proposal,
    fitted,
    proposals_for,
)
from securemnist.initial_policy.row_progress import RowProgress
from securemnist.measures import bind, static_gate
from securemnist.measures.static_gate import StaticSettings
from securemnist.models.loading import Subject
from securemnist.results.families import SUPPLY_CHAIN
from securemnist.results.findings import Measurement
from securemnist.types import Progress, silent

# Measures without a share of samples.
_WHOLE = ("latency_ratio", "static_findings", *SUPPLY_CHAIN.measures)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A proposal with its settings, first measurement and bounds.

    `curve`: robust accuracy at each eps that was tried, largest first. `baseline`: the file that accepts
    all static findings of today, and their number. `record`: the file that records the data.
    """

    proposal: Proposal
    settings: dict[str, Any]
    measurement: Measurement
    bound: Bound
    curve: tuple[tuple[float, float], ...] = ()
    baseline: tuple[bytes, int] | None = None
    record: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Maximum of samples to attack, size of the test set, design effect of the writers, and classes.

    `rows`: the number of proposals.
    """

    images: int
    test: int
    design: float
    classes: int = 10
    rows: int = 0


def proposals(data: DataSet, subject: Subject | None = None) -> list[Proposal]:
    """The proposals that fit the kind of the data, its number of classes, and the smallest of them.

    For a `subject` behind an endpoint, which has been probed, those that its answers decide.
    """
    remote = None if subject is None else subject.remote
    every = PROPOSALS if remote is None else proposals_for(remote)
    smallest = int(torch.bincount(data.test.labels, minlength=data.spec.classes).min())
    rows = fitted(every, kind_of(data), smallest, data.spec.classes)
    corrupts = data.spec.channels <= MOST_CHANNELS
    return [row for row in rows if corrupts or row.measure != "corruption_accuracy"]


def check(subject: Subject, data: DataSet, images: int, progress: Progress = silent) -> None:
    """UsageError where the model is near chance, which needs no first measurement of the rows."""
    design_of(_context(subject, data, images, progress), subject.name)


def _context(subject: Subject, data: DataSet, images: int, progress: Progress) -> Context:
    """The tuning samples, else the test samples; an endpoint is asked about `images` of them."""
    measured = data.tuning if len(data.tuning) else data.test
    if subject.remote is not None:
        measured = measured[:images]
    return Context(subject, dataclasses.replace(data, test=measured), progress=progress)


def measure(subject: Subject, data: DataSet, images: int, progress: Progress = silent) -> list[Row]:
    """Every proposal with its first measurement; at most `images` tuning samples are attacked.

    Data without training samples have no tuning split; the test split is measured instead. An endpoint
    is asked about that many samples only.

    A proposal that does not apply (no Python code, latency under pytest-xdist) is left out. UsageError
    if the accuracy is near chance.
    """
    proposed, rows = proposals(data, subject), list[Row]()
    context = _context(subject, data, images, RowProgress(progress))
    sizes = Sizes(
        images=images,
        test=len(data.test),
        design=design_of(context, subject.name),
        classes=data.spec.classes,
        rows=len(proposed),
    )
    for proposal in proposed:
        with contextlib.suppress(NotApplicable):
            if proposal.measure == "data_changes":
                _begin(context, proposal, sizes)
                rows.append(_data_row(context, proposal, data))
            elif not proposal.evasion:
                rows.append(_row(context, proposal, proposal.settings, sizes))
    searches = [proposal for proposal in proposed if proposal.evasion]
    rows += _evasion(context, searches, sizes, kind_of(data).linf)
    return sorted(rows, key=lambda row: proposed.index(row.proposal))


def _evasion(
    context: Context, searches: list[Proposal], sizes: Sizes, usual: Sequence[float]
) -> list[Row]:
    """The attack rows at the largest usual eps with meaningful thresholds; else at the smallest.

    Later attacks are stronger and slower: they run only where the earlier ones leave enough survivors.
    At an eps that is rejected the first attack runs without the doubts, which take most of the time.
    """
    curve: list[tuple[float, float]] = []
    rows: list[Row] = []
    for eps in usual if searches else ():
        rows = []
        for proposal in searches:
            if eps != usual[-1] and any(row.bound.problem for row in rows):
                break
            settings = {**proposal.settings, "threat": {"norm": "linf", "eps": eps}}
            if not rows and eps != usual[-1] and context.subject.remote is None:
                attacked = dataclasses.replace(proposal, measure="attack_accuracy")
                first = _row(context, attacked, settings, sizes)
                if first.bound.problem:
                    rows.append(first)
                    continue
            rows.append(_row(context, proposal, settings, sizes))
        curve.append((eps, rows[0].measurement.value))
        if not any(row.bound.problem for row in rows):
            break
    return [dataclasses.replace(row, curve=tuple(curve) if row is rows[0] else ()) for row in rows]


def _data_row(context: Context, proposal: Proposal, data: DataSet) -> Row:
    """The row of the data, all splits of which are recorded."""
    record, measurement = supply_rows.recorded(data, context.progress)
    return Row(
        proposal=proposal,
        settings=proposal.settings,
        measurement=measurement,
        bound=supply_rows.bound(proposal, measurement),
        record=record,
    )


def _begin(context: Context, proposal: Proposal, sizes: Sizes, eps: float | None = None) -> None:
    """Show which row is measured, and at which eps."""
    if isinstance(context.progress, RowProgress):
        at = "" if eps is None else f" at eps {epsilon_text(eps)}"
        context.progress.begin(proposal.id, sizes.rows, at)


def _row(context: Context, proposal: Proposal, settings: dict[str, Any], sizes: Sizes) -> Row:
    """One proposal, measured on tuning samples."""
    _begin(context, proposal, sizes, settings.get("threat", {}).get("eps"))
    tuning = len(context.data.test)
    used = min(sizes.images, proposal.images, tuning) if proposal.images else tuning
    images = {} if proposal.measure in _WHOLE else {"images": used}
    measurement = _taken(context, proposal, settings | images)
    accepted = None
    if proposal.measure == "static_findings":
        static = cast(StaticSettings, bind(proposal.measure, settings))
        accepted = static_gate.current_baseline(context, static)
    return Row(
        proposal=proposal,
        settings=settings,
        measurement=measurement,
        bound=_bound(proposal, measurement, used, sizes),
        baseline=accepted,
    )


def _bound(proposal: Proposal, measurement: Measurement, used: int, sizes: Sizes) -> Bound:
    """Threshold and `max_drop`; `used`: the number of samples that were asked for."""
    if proposal.measure in SUPPLY_CHAIN.measures:
        return supply_rows.bound(proposal, measurement)
    if measurement.unit == "count":  # all that is found today is accepted
        return Bound(threshold=0, max_drop=0)
    if measurement.unit == "ratio":
        return margins.of_ratio(measurement)
    if proposal.measure == "calibration_error":
        return margins.of_error(measurement, sizes.test, sizes.design)
    wanted = min(proposal.images or sizes.test, sizes.test)
    sample: dict[str, Any] = {
        # A class, or a pair, has a part of them.
        "samples": max(wanted * measurement.n / used, 1),
        "whole": wanted == sizes.test,
        "design": sizes.design,
        "classes": sizes.classes,
    }
    if proposal.measure == "worst_class_accuracy" and not measurement.complete:
        return margins.of_low(measurement, **sample)
    good = proposal.measure != "backdoor_success"
    return margins.of_share(measurement, high_is_good=good, **sample)


def _taken(context: Context, proposal: Proposal, settings: dict[str, Any]) -> Measurement:
    try:
        return assessing.measure(context, proposal.measure, settings, tier=proposal.tier)
    except Inconclusive as error:
        return Measurement(
            value=0.0,
            low=0.0,
            high=1.0,
            n=0,
            complete=False,
            seconds=0.0,
            seed=0,
            inconclusive=str(error),
        )
