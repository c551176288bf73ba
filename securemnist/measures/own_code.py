"""Checks of a row that runs code of the user's own: a measure, an attack, a model or doubts."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator

from pydantic import TypeAdapter, ValidationError
from torch import nn

from securemnist.errors import MeasureError, PolicyError
from securemnist.evaluation.context import Context
from securemnist.measures.base import Measure, Settings
from securemnist.models.fingerprint import fingerprint
from securemnist.results.families import Family
from securemnist.results.findings import Measurement
from securemnist.results.measurement import UNITS
from securemnist.runtime.model_state import kept
from securemnist.runtime.process_state import preserved

_FAMILY = TypeAdapter(Family)
_CHANGED = (
    "expected an attack, measure or doubt that leaves the model as it is, got another model; "
    "change a copy instead"
)


def check_measure(measure: Measure, name: str) -> None:
    """PolicyError where a field of a user's own measure is of another type than a measure's."""
    settings = measure.settings
    valid = isinstance(settings, type) and issubclass(settings, Settings)
    for field, expected, right in (
        ("run", "a function", callable(measure.run)),
        ("settings", "a subclass of Settings", valid),
        ("family", "a Family with texts", _is_family(measure.family)),
        ("estimate", "a function", callable(measure.estimate)),
        ("good", "at_least or at_most", measure.good in ("at_least", "at_most")),
        ("limits", "two finite numbers in order", _are_limits(measure.limits)),
        ("unit", f"one of {', '.join(UNITS)}", measure.unit in UNITS),
    ):
        if not right:
            raise PolicyError(
                f"{name}: expected its `{field}` to be {expected}, got "
                f"{getattr(measure, field)!r:.60}; fix the measure"
            )


def _is_family(value: object) -> bool:
    if not isinstance(value, Family):
        return False
    try:
        _FAMILY.validate_python(
            json.loads(json.dumps(_FAMILY.dump_python(value, warnings="error")))
        )
    except (ValidationError, ValueError, TypeError):
        return False
    return True


def _are_limits(value: object) -> bool:
    if not isinstance(value, tuple) or len(value) != 2:
        return False
    numbers = all(type(number) in (int, float) and math.isfinite(number) for number in value)
    return numbers and value[0] < value[1]


@contextlib.contextmanager
def contained(context: Context) -> Iterator[None]:
    """Run a block with code of the user's own; process and model are put back.

    MeasureError where the block changed the model: its number is not about the model under assessment.
    """
    model = context.subject.model
    with preserved(), kept(model):
        before = _state(model)
        try:
            yield
        except Exception as error:
            if before != _state(model):  # that explains the error better than its own text
                raise MeasureError(_CHANGED) from error
            raise
        if before != _state(model):
            raise MeasureError(_CHANGED)


def _state(model: nn.Module) -> tuple[str, list[bool]]:
    """Digest of weights and buffers, and the mode of each module."""
    return fingerprint(model), [module.training for module in model.modules()]


def check_result(found: Measurement, measure: Measure, context: Context, *, own: bool) -> None:
    """MeasureError for a measurement that a file cannot hold, or that is not what its measure promises.

    `own`: the measure itself is the user's; otherwise its attack or a doubt is.
    """
    try:
        Measurement.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False)))
    except Exception as error:
        raise MeasureError(
            f"expected a measurement that JSON can hold, got one that it cannot ({error!s:.200}); fix it"
        ) from error
    if found.unit != measure.unit:
        raise MeasureError(
            f"expected a measurement in its measure's unit ({measure.unit}), got {found.unit!r:.40}; "
            "fix one of them"
        )
    total = len(context.data.test)
    if own and found.complete and found.unit == "share" and found.n != total:
        raise MeasureError(
            f"expected complete=True for all {total:,} test images only, got it for {found.n:,}; use the "
            "`complete` of the sample"
        )
