"""The measures of a policy. A new measure is a file, a line in MEASURES and a suite test."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from securemnist.defences import make_defence
from securemnist.defences.subject import defended
from securemnist.errors import MeasureError, PolicyError
from securemnist.evaluation.context import Context
from securemnist.evaluation.project_context import ProjectContext
from securemnist.measures import endpoints, own_code
from securemnist.measures.base import ImageSettings, Measure, Settings
from securemnist.measures.policy_check import check_data, check_policy
from securemnist.measures.table import MEASURES, bind, find
from securemnist.project import imports
from securemnist.results.evidence.base import Copies
from securemnist.results.findings import Measurement
from securemnist.runtime import denormals
from securemnist.runtime.float32 import exact_float32

__all__ = [
    "MEASURES",
    "bind",
    "check_data",
    "check_policy",
    "find",
    "take_measurement",
    "take_of_project",
    "with_defence",
]

_MAX_COPIES = 0.01  # largest share of copied test images that changes no verdict by itself


@exact_float32()
def take_measurement(context: Context, measure: str, settings: Settings, seed: int) -> Measurement:
    """One measurement; `seconds` covers the whole measure."""
    began = time.perf_counter()
    context, settings = with_defence(context, settings)
    with denormals.flushed(context.flushes_denormals):
        found = find(measure)
        if found is None:
            raise PolicyError(f"expected a known measure, got {measure!r}; name one of the table")
        remote = context.subject.remote
        if remote is not None:
            endpoints.check_measurable(found, settings, remote)
            remote.begin_row()
        code = imports.named_in(measure, settings.model_dump())
        if code or (found.search and context.doubts):
            with own_code.contained(context):
                measurement = _measurement(found, context, settings, seed)
            own_code.check_result(measurement, found, context, own="measure" in code)
        else:
            measurement = _measurement(found, context, settings, seed)
        measurement = _with_copies_checked(measurement, context)
        if remote is not None:
            measurement = endpoints.with_row_checked(measurement, remote)
    return dataclasses.replace(measurement, seconds=round(time.perf_counter() - began, 3))


def take_of_project(
    context: ProjectContext, measure: Measure, settings: Settings, seed: int
) -> Measurement:
    """One measurement of a measure that needs no model; `seconds` covers the whole measure."""
    began = time.perf_counter()
    measurement = _measurement(measure, context, settings, seed)
    return dataclasses.replace(measurement, seconds=round(time.perf_counter() - began, 3))


def with_defence(context: Context, settings: Settings) -> tuple[Context, Settings]:
    """The context and the settings of a measurement, with the row's defence put before the model.

    Where the defence is random, the row counts as `randomised`.
    """
    chosen = settings.defence if isinstance(settings, ImageSettings) else None
    if chosen is not None:
        defence, outer = make_defence(chosen), context

        def inner() -> Context:
            return dataclasses.replace(outer, subject=defended(outer.subject, defence), cache={})

        context = outer.cached(("defence", repr(defence)), inner)
    if "randomised" in type(settings).model_fields and context.subject.randomised:
        settings = settings.model_copy(update={"randomised": True})
    return context, settings


def _measurement(measure: Measure, context: Any, settings: Settings, seed: int) -> Measurement:
    # The context of a measure `of_project` may be a ProjectContext.
    measurement = measure.run(context, settings, seed)
    if not isinstance(measurement, Measurement):  # the function may be a user's own
        got, name = type(measurement).__name__, measure.run.__name__
        raise MeasureError(f"expected a Measurement from {name}, got {got}; fix it")
    named = {**measurement.inputs, **settings.inputs(context)}
    return dataclasses.replace(measurement, inputs=named, seed=seed)


def _with_copies_checked(measurement: Measurement, context: Context) -> Measurement:
    """The measurement, inconclusive where many test images are copies.

    A copy of a training image tests memorisation, and a repeated test image counts twice.
    """
    if measurement.unit != "share":  # not for static rows: the comparison takes time
        return measurement
    copies = context.data.copies
    if not str(copies):
        return measurement
    reason = f"{copies}; a number on copies does not generalise to new images; remove them"
    doubtful = max(copies.of_training, copies.repeated) > _MAX_COPIES * copies.n
    return dataclasses.replace(
        measurement,
        evidence=dataclasses.replace(
            measurement.evidence, copies=Copies(**dataclasses.asdict(copies))
        ),
        inconclusive=measurement.inconclusive or (reason if doubtful else ""),
    )
